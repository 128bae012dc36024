/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>

/* A folder of the program's, or of one test's, own; it goes with all that is in it. */
static char scratch[] = "/tmp/tception-test-XXXXXX";

static inline void scratch_make(void)
{
	strcpy(scratch + sizeof(scratch) - sizeof("XXXXXX"), "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(scratch));
}

static int scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void scratch_remove(void)
{
	nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* `name` in it; good until the next call. */
static inline char *scratch_path(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	return path;
}
