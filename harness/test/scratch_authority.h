/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_TEST_SCRATCH_AUTHORITY_H
#define TCEPTION_TEST_SCRATCH_AUTHORITY_H

#include "test/scratch.h"
#include "trust/authority.h"

/* One test authority for all tests of a program, with keys of its own: .before and .after. */
static struct authority *authority;

static bool authority_make(void)
{
	return mkdtemp(scratch) && authority_open(scratch_path("authority"), &authority, NULL) == 0;
}

static void authority_drop(void)
{
	authority_free(authority);
	scratch_remove();
}

#endif
