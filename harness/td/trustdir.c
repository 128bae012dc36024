/* SPDX-License-Identifier: Apache-2.0 */
#include "td/trustdir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"

static const char policy[] =
        "{\n"
        " \"accepted_origins\": [\"emulated\"],\n"
        " \"accepted_statuses\": [\"UpToDate\"]\n"
        "}\n";
static const char readme[] =
        "EMULATED: for tests only, profile %s.\n"
        "\n"
        "root.pem         the test root of this install: the only key that vouches for its quotes\n"
        "collateral.json  TCB info, QE identity and CRLs, signed by it\n"
        "policy.json      accepts emulated quotes whose TCB is UpToDate, and no genuine ones\n"
        "\n"
        "tception quote verify --root root.pem --collateral collateral.json \\\n"
        "    --policy policy.json QUOTE\n"
        "\n"
        "A verifier that is to work for real must not know root.pem.\n";

void trust_files_done(struct trust_file file[TRUST_FILES])
{
	for (size_t i = 0; i < TRUST_FILES; i++) {
		free(file[i].text);
		file[i].text = NULL;
	}
}

int trust_files(const struct authority *a, time_t at, struct trust_file ret[TRUST_FILES],
                struct err *e)
{
	char *about = NULL;
	int r;

	ret[0] = (struct trust_file){"root.pem", strdup(authority_root_pem(a))};
	ret[1] = (struct trust_file){"collateral.json", NULL};
	ret[2] = (struct trust_file){"policy.json", strdup(policy)};
	ret[3] = (struct trust_file){"README.txt", NULL};
	r = authority_bundle(a, at, &ret[1].text, e);
	if (r == 0 && asprintf(&about, readme, authority_profile_names[authority_profile(a)]) >= 0)
		ret[3].text = about;
	if (r == 0 && (!ret[0].text || !ret[2].text || !ret[3].text))
		r = err_nomem(e);
	if (r < 0)
		trust_files_done(ret);
	return r;
}

int trust_files_write(const struct authority *a, time_t at, const char *dir, struct err *e)
{
	struct trust_file file[TRUST_FILES];
	char path[PATH_MAX];
	int r = file_make_dirs(dir, 0777, e);

	if (r < 0)
		return r;
	r = trust_files(a, at, file, e);
	for (size_t i = 0; i < TRUST_FILES && r == 0; i++) {
		r = path_join(path, dir, file[i].name, e);
		if (r == 0)
			r = file_write(path, file[i].text, strlen(file[i].text), e);
	}
	trust_files_done(file);
	return r;
}
