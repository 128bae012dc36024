/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/collateral.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/input.h"
#include "core/cleanup.h"
#include "record/store.h"

struct taking {
	struct verifier *verifier;
	const char *run_dir; /* or NULL */
	size_t taken;        /* files */
};

static int take_file(struct taking *t, const char *path, struct err *e)
{
	_cleanup_(input_done) struct input in = {0};
	const char *slash = strrchr(path, '/');
	int r = input_read(path, STORE_COLLATERAL_MAX, &in, e);

	if (r < 0)
		return r;
	if ((r = verifier_add(t->verifier, in.data, in.size, e)) < 0)
		return err_prefix(e, "%.200s", path);
	t->taken++;
	if (!t->run_dir)
		return 0;
	return store_collateral_add(t->run_dir, slash ? slash + 1 : path, in.data, in.size, e);
}

static int take_or_say(void *taking, const char *path, struct err *e)
{
	int r = take_file(taking, path, e);

	if (r != -EBADMSG)
		return r;
	fprintf(stderr, "tception: left out: %s\n", e->text);
	return 0;
}

int collateral_take(const char *path, struct verifier *v, const char *run_dir, struct err *e)
{
	struct taking t = {v, run_dir, 0};
	int r = input_is_dir(path) ? input_each_file(path, take_or_say, &t, e)
	                           : take_file(&t, path, e);

	return r < 0 || t.taken ? r : err_set(e, -ENOENT, "%.200s: no collateral in it", path);
}

int collateral_keep(const char *path, const char *run_dir, struct err *e)
{
	_cleanup_(verifier_freep) struct verifier *v = NULL;
	int r = verifier_new(NULL, &v, e);

	return r < 0 ? r : collateral_take(path, v, run_dir, e);
}
