/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>

#include "test/tests.h"
#include "trust/tcb.h"
#include "trust/verify.h"

/*
 * Statuses alone, without certificates and signatures: the cases of the unit test that Intel's QVL
 * has for its checkTcbLevel() (QuoteVerifierTcbStatusUT, of 2026-05-08), written anew from what
 * they say. There are two TCB levels: every SVN 0xf0 and PCESVN 10, every SVN 0 and PCESVN 5; one
 * TDX module, TDX_F0, at the higher; and QEs of SVN 5 down to 1.
 */
#define UP  TCB_UP_TO_DATE
#define OUT TCB_OUT_OF_DATE
#define CFG TCB_CONFIGURATION_NEEDED
#define SWH TCB_SW_HARDENING_NEEDED
#define CSW TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED
#define OCF TCB_OUT_OF_DATE_CONFIGURATION_NEEDED
#define REV TCB_REVOKED
#define RLA TCB_TD_RELAUNCH_ADVISED
#define RLC TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED

enum which { OLD, NEW };
enum { QE_OLD = 1, QE_REVOKED = 2, QE_GOOD = 5 };

static const struct vector {
	enum tcb_status newer, older, module;
	enum which cert, launch, current;
	uint16_t qe;
	enum tcb_status expected;
} vectors[] = {
        {UP, OUT, UP, NEW, NEW, NEW, 0, UP},           {UP, OUT, UP, NEW, NEW, NEW, QE_GOOD, UP},
        {UP, REV, UP, NEW, NEW, NEW, 0, UP},           {UP, REV, UP, NEW, NEW, NEW, QE_GOOD, UP},
        {REV, OUT, UP, NEW, NEW, NEW, 0, REV},         {UP, OUT, REV, NEW, NEW, NEW, 0, REV},
        {REV, OUT, UP, NEW, NEW, NEW, QE_GOOD, REV},   {UP, OUT, REV, NEW, NEW, NEW, QE_GOOD, REV},
        {UP, OUT, UP, NEW, NEW, NEW, QE_REVOKED, REV}, {UP, OUT, UP, OLD, OLD, OLD, 0, OUT},
        {UP, OUT, UP, OLD, NEW, NEW, 0, OUT},          {REV, OUT, OUT, NEW, OLD, NEW, 0, OUT},
        {OUT, OUT, UP, NEW, NEW, NEW, 0, OUT},         {UP, OUT, UP, NEW, NEW, NEW, QE_OLD, OUT},
        {UP, OUT, OUT, NEW, OLD, NEW, 0, OUT},         {UP, OUT, OUT, NEW, OLD, NEW, QE_GOOD, OUT},
        {SWH, OUT, UP, NEW, NEW, NEW, 0, SWH},         {UP, SWH, UP, OLD, NEW, NEW, QE_GOOD, SWH},
        {CSW, OUT, UP, NEW, NEW, NEW, 0, CSW},         {UP, CSW, UP, OLD, NEW, NEW, QE_GOOD, CSW},
        {UP, OUT, UP, NEW, OLD, NEW, 0, RLA},          {UP, OUT, UP, NEW, OLD, NEW, QE_GOOD, RLA},
        {UP, OCF, UP, NEW, OLD, NEW, 0, RLC},          {CFG, OUT, UP, NEW, OLD, NEW, QE_GOOD, RLC},
};
#define VECTORS ((int)COUNT_OF(vectors))
_Static_assert(VECTORS == 24, "as many as there are");

static const uint8_t svns[2][16] = {
        [NEW] = {0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0,
                 0xf0, 0xf0},
};
static const uint16_t pcesvns[2] = {5, 10};

static struct tcb_info *make_info(const struct vector *v)
{
	struct tcb_info *info = calloc(1, sizeof(*info));
	const enum tcb_status status[] = {v->newer, v->older};

	info->evaluation = 9;
	for (int i = 0; i < 2; i++) {
		struct tcb_level *l = &info->level[info->levels++];

		memcpy(l->sgx, svns[1 - i], 16);
		memcpy(l->tdx, svns[1 - i], 16);
		l->pcesvn = pcesvns[1 - i];
		l->status = status[i];
		strcpy(l->date, i ? "2024-01-01T00:00:00Z" : "2026-01-01T00:00:00Z");
	}
	info->identities = 1;
	info->identity[0].version = 0xf0;
	info->identity[0].levels.count = 1;
	info->identity[0].levels.level[0].status = v->module;
	strcpy(info->identity[0].levels.level[0].date, "2025-06-01T00:00:00Z");
	return info;
}

static struct qe_identity *make_identity(void)
{
	static const enum tcb_status status[] = {UP, CFG, OCF, REV, OUT};
	struct qe_identity *id = calloc(1, sizeof(*id));

	id->evaluation = 8;
	for (uint16_t i = 0; i < 5; i++) {
		id->levels.level[i].isvsvn = 5 - i;
		id->levels.level[i].status = status[i];
		strcpy(id->levels.level[i].date, "2025-01-01T00:00:00Z");
	}
	id->levels.count = 5;
	return id;
}

static void judge(const struct vector *v, enum quote_body_type body, struct verdict *d)
{
	struct tcb_info *info = make_info(v);
	struct qe_identity *id = make_identity();
	struct pck pck = {.pcesvn = pcesvns[v->cert]};
	struct quote q = {.body_type = body};

	memcpy(pck.component, svns[v->cert], 16);
	memcpy(q.td.tee_tcb_svn, svns[v->launch], 16);
	memcpy(q.td.tee_tcb_svn2, svns[v->current], 16);
	q.qe_report.isvsvn = v->qe ?: QE_GOOD; /* there, none is as good as a good one */
	verdict_init(d);
	tcb_evaluate(info, id, &pck, &q, d);
	tcb_explain(info, id, &pck, &q, d);
	free(info);
	free(id);
}

TEST_RANGE(vectors_of_intel, 0, VECTORS)
{
	static struct verdict d;

	judge(&vectors[_i], QUOTE_BODY_TDX_15, &d);
	ck_assert_msg(d.status == vectors[_i].expected, "%s instead of %s",
	              tcb_status_names[d.status], tcb_status_names[vectors[_i].expected]);
	judge(&vectors[_i], QUOTE_BODY_TDX_15_EX, &d);
	ck_assert_int_eq(d.status, vectors[_i].expected);
	ck_assert_int_eq(d.code == VERDICT_OK, d.status == UP);
}

/* Version 4 has one TCB: the platform's now is that of the launch. */
TEST_RANGE(one_tcb, 0, VECTORS)
{
	static struct verdict d;

	judge(&vectors[_i], QUOTE_BODY_TDX_10, &d);
	ck_assert_int_eq(d.status, d.launch.status);
	ck_assert_mem_eq(&d.launch, &d.current, sizeof(d.launch));
}

/* The earliest date of all parts; both evaluations have their own. */
TEST(dates)
{
	static const struct vector relaunch = {UP, OUT, UP, NEW, OLD, NEW, QE_GOOD, RLA};
	static struct verdict d;

	judge(&relaunch, QUOTE_BODY_TDX_15, &d);
	ck_assert_int_eq(d.status, RLA);
	ck_assert_int_eq(d.launch.status, OUT);
	ck_assert_int_eq(d.current.status, UP);
	ck_assert_str_eq(d.launch.date, "2024-01-01T00:00:00Z");  /* the platform's level */
	ck_assert_str_eq(d.current.date, "2025-01-01T00:00:00Z"); /* the QE's */
	ck_assert_uint_eq(d.tcb_evaluation, 8);                   /* the QE identity's */
}

/* Which part is short, and by how much. */
TEST(what_is_missing)
{
	static const struct vector old_cert = {UP, OUT, UP, OLD, NEW, NEW, QE_OLD, OUT};
	static const struct vector old_td = {UP, OUT, UP, NEW, OLD, OLD, QE_GOOD, OUT};
	static struct verdict d;

	judge(&old_cert, QUOTE_BODY_TDX_15, &d);
	ck_assert_int_eq(d.code, VERDICT_OUT_OF_DATE);
	ck_assert_uint_eq(d.launch.gaps, 18);
	ck_assert_int_eq(d.launch.gap[2].part, TCB_PART_SGX);
	ck_assert_uint_eq(d.launch.gap[17].index, 15);
	ck_assert_ptr_nonnull(strstr(d.reason, "SGX component 3 is 0, needs 240"));
	ck_assert_ptr_nonnull(strstr(d.reason, "PCESVN 5, needs 10"));
	ck_assert_ptr_nonnull(strstr(d.cure, "PCK certificate"));
	ck_assert_int_eq(d.launch.gap[0].part, TCB_PART_QE);
	ck_assert_uint_eq(d.launch.gap[0].found, 1);
	ck_assert_uint_eq(d.launch.gap[0].needed, 5);
	ck_assert_ptr_nonnull(strstr(d.reason, "; and 12 more"));

	judge(&old_td, QUOTE_BODY_TDX_15, &d);
	ck_assert_uint_eq(d.launch.gaps, 16); /* without an identity, the module is a component */
	ck_assert_ptr_nonnull(strstr(d.reason, "TDX component 0 is 0, needs 240"));
}

TEST(module_is_missing)
{
	static const struct vector good = {UP, OUT, UP, NEW, NEW, NEW, QE_GOOD, UP};
	struct tcb_info *info = make_info(&good);
	struct qe_identity *id = make_identity();
	struct pck pck = {.pcesvn = 10};
	struct quote q = {.body_type = QUOTE_BODY_TDX_10, .qe_report.isvsvn = QE_GOOD};
	static struct verdict d;

	memcpy(pck.component, svns[NEW], 16);
	memcpy(q.td.tee_tcb_svn, svns[NEW], 16);
	q.td.tee_tcb_svn[0] = 6;
	info->identity[0].levels.count = 2;
	info->identity[0].levels.level[1] = info->identity[0].levels.level[0];
	info->identity[0].levels.level[0].isvsvn = 11;
	info->identity[0].levels.level[1].status = OUT;
	verdict_init(&d);
	tcb_evaluate(info, id, &pck, &q, &d);
	tcb_explain(info, id, &pck, &q, &d);
	ck_assert_str_eq(d.reason, "OutOfDate: TDX module SVN 6, needs 11");
	ck_assert_str_eq(d.cure, "update the TDX module");
	ck_assert_uint_eq(d.launch.gaps, 1);
	ck_assert_int_eq(d.launch.gap[0].part, TCB_PART_MODULE);

	q.td.tee_tcb_svn[1] = 7;
	verdict_init(&d);
	tcb_evaluate(info, id, &pck, &q, &d);
	tcb_explain(info, id, &pck, &q, &d);
	ck_assert_int_eq(d.code, VERDICT_TDX_MODULE_MISMATCH);
	ck_assert_ptr_nonnull(strstr(d.reason, "TDX_07, listed are TDX_F0"));
	free(info);
	free(id);
}

/* Names are what programs compare with: each there, none twice. */
TEST(names_of_codes)
{
	for (int i = 0; i < VERDICT_CODE_COUNT; i++) {
		ck_assert_ptr_nonnull(verdict_code_names[i]);
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(verdict_code_names[i], verdict_code_names[k]);
	}
	ck_assert_str_eq(verdict_code_names[VERDICT_UNKNOWN], "tcb-unknown");
	ck_assert_int_eq(VERDICT_SW_HARDENING_NEEDED - 1 + TCB_UNKNOWN, VERDICT_UNKNOWN);
	ck_assert_int_eq(VERDICT_SW_HARDENING_NEEDED - 1 + TCB_REVOKED, VERDICT_REVOKED);
}

TESTS("status")
