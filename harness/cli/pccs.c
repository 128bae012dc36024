/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/authority.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/service.h"
#include "cli/td.h"
#include "core/cleanup.h"
#include "run/pccs.h"

#define DEFAULT_PORT 8081 /* Intel's PCCS */

struct options {
	const char *state_dir;
	const char *root;
	enum authority_profile profile;
	struct pccs_config config;
};

static int take_port(void *member, const char *value, struct err *e)
{
	char *end;
	unsigned long port = strtoul(value, &end, 10);

	if (end == value || *end || port > UINT16_MAX)
		return err_set(e, -EINVAL, "--port '%.20s': expected a number from 0 to 65535",
		               value);
	*(uint16_t *)member = (uint16_t)port;
	return 0;
}

static int serve(struct options *o, struct err *e)
{
	_cleanup_(authority_freep) struct authority *a = NULL;
	sd_event *event = NULL;
	struct pccs *p = NULL;
	int r;

	if ((r = authority_take(o->state_dir, &a, e)) < 0 ||
	    (r = service_write(a, o->root, NULL, e)) < 0 || (r = service_loop(&event, e)) < 0)
		goto out;
	authority_set_profile(a, o->profile);
	o->config.authority = a;
	if ((r = pccs_new(event, &o->config, &p, e)) < 0)
		goto out;
	printf("EMULATED collateral on %s/sgx/certification/v4/\n", pccs_url(p));
	fflush(stdout);
	r = sd_event_loop(event);
	if (r < 0)
		err_sys(e, r, "event loop");
out:
	pccs_free(p);
	sd_event_unref(event);
	return r;
}

int cmd_pccs(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_CALL(config.port, take_port, "port", "PORT",
	                    "listen on this TCP port, 0: any free one (default: 8081)"),
	        OPTION_TEXT(config.address, "address", "IP",
	                    "listen on this address (default: 127.0.0.1)"),
	        OPTION_TEXT(root, "root", "FILE", "write the test root's certificate to FILE"),
	        OPTION_PROFILE(profile),
	        OPTION_STATE_DIR,
	        {0},
	};
	static const struct options_of options = {
	        .about = "Serves the collateral of this install's test authority over HTTP, as a "
	                 "PCCS does, to verifiers of quotes: TCB info, the TD quoting enclave's "
	                 "identity, both CRLs. They accept emulated quotes once they trust the "
	                 "root that --root writes, and no other way. Every certificate says "
	                 "EMULATED.",
	        .rows = rows,
	};
	struct options o = {.config.port = DEFAULT_PORT};
	struct err e = {0};
	int r;

	options_parse(&options, argc, argv, &o);
	r = serve(&o, &e);
	return r < 0 ? cmd_failed(r == -EINVAL ? EXIT_USAGE : EXIT_BROKEN, &e) : EXIT_OK;
}
