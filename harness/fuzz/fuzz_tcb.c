/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCB info and QE identities as text: what is read is in order, and no status comes out better than
 * any of its parts.
 * Seeds: cases/golden/pieces/tcb
 */
#include "fuzz/golden.h"
#include "trust/tcb.h"

static struct tcb_info info;  /* genuine */
static struct qe_identity id; /* genuine */
static struct pck pck;
static struct quote quote[2];

/* Kept: levels borrow their advisories from it. */
static json_t *read_json(const char *name)
{
	static json_t *kept;
	size_t size;
	char *text = fuzz_golden(name, &size);
	json_t *o = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);

	FUZZ_CHECK(o);
	free(text);
	kept = kept ?: json_array();
	json_array_append_new(kept, o);
	return o;
}

static void init(void)
{
	static const char *const name[] = {"quote/9c3786b9b3d6.bin", "quote/586c2be0dc38.bin"};
	struct err e;
	size_t size;

	FUZZ_CHECK(tcb_info_read(read_json("pieces/tcb/60c2bf34-tcb.json"), &info, &e) == 0);
	FUZZ_CHECK(qe_identity_read(read_json("pieces/tcb/60c2bf34-qe.json"), &id, &e) == 0);
	memcpy(pck.fmspc, info.fmspc, sizeof(pck.fmspc));
	memset(pck.component, 2, sizeof(pck.component));
	pck.pcesvn = 11;
	for (size_t i = 0; i < 2; i++) {
		char *data = fuzz_golden(name[i], &size);

		FUZZ_CHECK(quote_parse(data, size, &quote[i], NULL) == FORMAT_OK);
	}
}

static void check_isv(const struct isv_levels *l)
{
	FUZZ_CHECK(l->count <= TCB_LEVELS_MAX);
	for (size_t i = 0; i < l->count; i++) {
		FUZZ_CHECK(strlen(l->level[i].date) == JSONX_DATE_SIZE - 1);
		FUZZ_CHECK(i == 0 || l->level[i].isvsvn < l->level[i - 1].isvsvn);
	}
}

static void check_tcb(const struct tcb_info *t)
{
	FUZZ_CHECK(t->levels <= TCB_LEVELS_MAX && t->identities <= TCB_IDENTITIES_MAX);
	for (size_t i = 1; i < t->levels; i++)
		FUZZ_CHECK(memcmp(t->level[i].sgx, t->level[i - 1].sgx, 16) <= 0);
	for (size_t i = 0; i < t->identities; i++)
		check_isv(&t->identity[i].levels);
}

/* A QE may be told to be configured: that is not passed on (nor is it by Intel's QVL). */
static bool fine(enum tcb_status s, bool qe)
{
	return s == TCB_UP_TO_DATE ||
	       (qe && (s == TCB_CONFIGURATION_NEEDED || s == TCB_OUT_OF_DATE_CONFIGURATION_NEEDED));
}

static void check_result(const struct tcb_result *r)
{
	FUZZ_CHECK(r->status < TCB_NOT_EVALUATED && r->advisories <= VERDICT_ADVISORIES &&
	           r->gaps <= TCB_GAPS_MAX);
	FUZZ_CHECK(r->status != TCB_UP_TO_DATE ||
	           (fine(r->platform, false) && fine(r->module, false) && fine(r->qe, true)));
	FUZZ_CHECK(r->status >= TCB_REVOKED || (r->platform != TCB_REVOKED &&
	                                        r->module != TCB_REVOKED && r->qe != TCB_REVOKED));
	for (size_t k = 0; k < r->advisories; k++)
		FUZZ_CHECK(strlen(r->advisory[k]) < VERDICT_ADVISORY);
	for (size_t k = 0; k < r->gaps; k++)
		FUZZ_CHECK(r->gap[k].found < r->gap[k].needed);
}

static void check_verdict(const struct tcb_info *t, const struct qe_identity *q)
{
	for (size_t i = 0; i < 2; i++) {
		struct verdict v;

		verdict_init(&v);
		tcb_evaluate(t, q, &pck, &quote[i], &v);
		tcb_explain(t, q, &pck, &quote[i], &v);
		check_result(&v.launch);
		check_result(&v.current);
		fuzz_printable(v.reason, sizeof(v.reason));
		fuzz_printable(v.cure, sizeof(v.cure));
		FUZZ_CHECK((v.status == TCB_UP_TO_DATE) == (v.code == VERDICT_OK));
		FUZZ_CHECK((v.status == TCB_UP_TO_DATE) == !v.reason[0]);
		FUZZ_CHECK(v.status != TCB_UP_TO_DATE || v.current.status < TCB_NOT_SUPPORTED);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tcb_info t;
	static struct qe_identity q;
	struct err e;
	json_t *o;

	if (!info.levels)
		init();
	if (size > 16384)
		return 0;
	o = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	if (o && tcb_info_read(o, &t, &e) == 0) {
		check_tcb(&t);
		check_verdict(&t, &id);
	} else if (o && qe_identity_read(o, &q, &e) == 0) {
		check_isv(&q.levels);
		check_verdict(&info, &q);
	}
	json_decref(o);
	return 0;
}
