/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "test/emulated_report.h"
#include "test/scratch.h"
#include "trust/authority.h"
#include "trust/verify.h"

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

/* A verifier that takes it for an anchor. */
static inline struct verifier *authority_verifier(void)
{
	struct trust_anchors anchors = {authority_root_pem(authority)};
	struct verifier *v;

	ck_assert_int_eq(verifier_new(&anchors, &v, NULL), 0);
	return v;
}

static inline void give(struct verifier *v, const char *collateral)
{
	struct err e;

	ck_assert_msg(verifier_add(v, collateral, strlen(collateral), &e) == 0, "%s", e.text);
}
