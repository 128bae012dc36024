/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <time.h>

#include "cli/cmd.h"
#include "cli/td.h"
#include "core/cleanup.h"
#include "td/trustdir.h"

struct options {
	const char *state_dir, *dir;
	enum authority_profile profile;
	bool json;
};

static int print(const struct options *o, struct err *e)
{
	const char *profile = authority_profile_names[o->profile];

	if (o->json)
		return td_print(json_pack("{s:b, s:s, s:s+, s:s+, s:s+}", "emulated", 1, "profile",
		                          profile, "root", o->dir, "/root.pem", "collateral",
		                          o->dir, "/collateral.json", "policy", o->dir,
		                          "/policy.json"),
		                e);
	printf("EMULATED, profile %s: %s\n", profile, o->dir);
	return 0;
}

int cmd_td_trust(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_PROFILE(profile), OPTION_STATE_DIR, OPTION_JSON, {0}};
	static const struct options_of options = {
	        .about = "Writes what a verifier needs for the quotes of emulated trust domains: "
	                 "root.pem, the test root; collateral.json, what is said of the platform; "
	                 "policy.json for 'tception quote verify'. All of it says EMULATED.",
	        OPTION_OPERAND(dir, "DIR", "no DIR"),
	        .rows = rows,
	};
	_cleanup_(authority_freep) struct authority *a = NULL;
	struct options o = {0};
	struct err e = {0};

	options_parse(&options, argc, argv, &o);
	if (authority_take(o.state_dir, &a, &e) < 0)
		return cmd_failed(EXIT_BROKEN, &e);
	authority_set_profile(a, o.profile);
	if (trust_files_write(a, time(NULL), o.dir, &e) < 0)
		return cmd_failed(EXIT_BROKEN, &e);
	return print(&o, &e) < 0 ? cmd_failed(EXIT_BROKEN, &e) : EXIT_OK;
}
