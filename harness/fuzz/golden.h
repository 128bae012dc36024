/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "fuzz/fuzz.h"
#include "trust/verify.h"

/* Genuine files that fuzzers compare with. They are started from the top of the tree. */

/* A file of cases/golden with a NUL behind it; never freed. */
static inline char *fuzz_golden(const char *name, size_t *ret_size)
{
	char path[200], *data = malloc(64 << 10);
	FILE *f;

	snprintf(path, sizeof(path), "cases/golden/%s", name);
	f = fopen(path, "rb");
	FUZZ_CHECK(f && data);
	*ret_size = fread(data, 1, (64 << 10) - 1, f);
	FUZZ_CHECK(*ret_size > 0 && feof(f));
	data[*ret_size] = '\0';
	fclose(f);
	return data;
}

static inline bool fuzz_same_result(const struct tcb_result *a, const struct tcb_result *b)
{
	return a->status == b->status && a->platform == b->platform && a->module == b->module &&
	       a->qe == b->qe && strcmp(a->date, b->date) == 0 && a->advisories == b->advisories &&
	       memcmp(a->advisory, b->advisory, sizeof(a->advisory)) == 0 && a->gaps == b->gaps;
}

static inline bool fuzz_same_verdict(const struct verdict *a, const struct verdict *b)
{
	return a->authentic == b->authentic && a->origin == b->origin && a->status == b->status &&
	       a->code == b->code && fuzz_same_result(&a->launch, &b->launch) &&
	       fuzz_same_result(&a->current, &b->current) &&
	       a->tcb_evaluation == b->tcb_evaluation &&
	       memcmp(a->pck.fmspc, b->pck.fmspc, sizeof(a->pck.fmspc)) == 0;
}
