/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/confirmed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "trust/authority.h"

#define RUN_ID_MAX 100

/* What the machine's ID is hashed with, so that the file's name does not give it away. */
#define OUR_ID SD_ID128_MAKE(3b, 1c, 7e, 52, 90, 4d, 4f, 0a, 8e, 6b, 5d, 21, c7, 44, f8, 13)

static int file_of_machine(const char *state_dir, char path[static PATH_MAX], struct err *e)
{
	_cleanup_(freep) char *usual = NULL;
	sd_id128_t machine;
	int r = state_dir ? 0 : authority_default_dir(&usual, e);

	if (r < 0)
		return r;
	r = sd_id128_get_machine_app_specific(OUR_ID, &machine);
	if (r < 0)
		return err_sys(e, r, "/etc/machine-id, which tells machines apart");
	return path_format(path, e, "%s/confirmed-" SD_ID128_FORMAT_STR,
	                   state_dir ? state_dir : usual, SD_ID128_FORMAT_VAL(machine));
}

int confirmed_load(const char *state_dir, char *ret, size_t size, struct err *e)
{
	_cleanup_(bytes_free) struct bytes text = {0};
	char path[PATH_MAX];
	int r = file_of_machine(state_dir, path, e);

	*ret = '\0';
	if (r == 0)
		r = file_read(path, RUN_ID_MAX, &text, e);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	snprintf(ret, size, "%.*s", (int)strcspn((const char *)text.data, "\n"), (const char *)text.data);
	return 0;
}

int confirmed_keep(const char *state_dir, const struct judged *j, struct err *e)
{
	char path[PATH_MAX], folder[PATH_MAX], text[RUN_ID_MAX];
	int r;

	if (j->run.confirmed[0] || !run_verdict_confirms(&j->verdict))
		return 0;
	r = file_of_machine(state_dir, path, e);
	if (r < 0)
		return r;
	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	snprintf(text, sizeof(text), "%.90s\n", j->run.id);
	r = file_make_dirs(folder, 0700, e);
	if (r == 0)
		r = file_write(path, text, strlen(text), e);
	if (r == 0)
		fprintf(stderr,
		        "tception: run %s is the first on this machine with a trust domain as "
		        "predicted (%s): from now on one that is not lowers the grade\n",
		        j->run.id, path);
	return r;
}
