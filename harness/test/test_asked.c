/* SPDX-License-Identifier: Apache-2.0 */
/* What a verdict owes to the machine: how its trust domain was asked for, and whether predictions count there. */
#include "judge/weigh.h"
#include "judge/rung.h"
#include "test/synth.h"
#include "test/tests.h"

/* What the VMM was to set is not what the quote says. */
TEST(trust_domains_are_as_asked)
{
	static const struct {
		const char *td, *says;
		enum rung_state ok;
	} rows[] = {
	        {"td", "equal to", RUNG_TRUE},
	        {"td@mrconfigid=7", "MRCONFIGID is not what the VMM was asked for", RUNG_FALSE},
	        {"td@mrowner=7", "MROWNER is not", RUNG_FALSE},
	        {"td@mrownerconfig=7", "MROWNERCONFIG is not", RUNG_FALSE},
	        {"td@attributes=debug", "ATTRIBUTES is not", RUNG_FALSE},
	        {"td@attributes=perfmon", "ATTRIBUTES is not", RUNG_FALSE},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct rung_result *r;
		struct cell_verdict v;
		struct synth y;

		synth_td = rows[i].td;
		synth_init(&y, AS_IT_SHOULD_BE);
		v = synth_judge(&y, 0);
		r = &v.layer[0].ladder[RUNG_REGISTERS];
		ck_assert_msg(r->ok == rows[i].ok && strstr(r->detail, rows[i].says), "%s: %s",
		              rows[i].td, r->detail);
		ck_assert_int_eq(v.layer[0].grade, r->ok == RUNG_TRUE ? GRADE_VERIFIED : GRADE_QUOTE);
		cell_verdict_done(&v);
		synth_done(&y);
	}
	synth_td = "td";
}

/* A hardware TD's prediction counts against it once this machine has had one that was right. */
TEST(predictions_count_once_the_machine_confirmed_one)
{
	static const struct {
		enum rung_state was;
		const char *confirmed;
		enum rung_state is;
		const char *says;
		bool unsigned_too; /* whether nobody's signature makes no difference */
	} rows[] = {
	        {RUNG_FALSE, "", RUNG_NULL, "lowers no grade: RTMR0 is not as predicted", true},
	        {RUNG_FALSE, "20261201T000000Z-1", RUNG_FALSE,
	         "RTMR0 is not as predicted (this machine confirmed in run 20261201T000000Z-1)", true},
	        {RUNG_TRUE, "", RUNG_TRUE, "this machine's first confirmation", false},
	        {RUNG_TRUE, "20261201T000000Z-1", RUNG_TRUE, "in run 20261201T000000Z-1", true},
	        {RUNG_NULL, "", RUNG_NULL, "RTMR0 is not as predicted", true},
	        {RUNG_NULL, "20261201T000000Z-1", RUNG_NULL, "RTMR0 is not as predicted", true},
	};
	struct rung_result r;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		rung_set(&r, rows[i].was, "RTMR0 is not as predicted");
		predicted_on_hardware(rows[i].confirmed, true, &r);
		ck_assert_msg(r.ok == rows[i].is && strstr(r.detail, rows[i].says), "%zu: %d %s", i,
		              r.ok, r.detail);
		rung_set(&r, rows[i].was, "RTMR0 is not as predicted");
		predicted_on_hardware(rows[i].confirmed, false, &r);
		ck_assert_msg(r.ok == rows[i].is &&
		                      !strstr(r.detail, rows[i].says) == !rows[i].unsigned_too,
		              "%zu: %s", i, r.detail);
	}
}

/* What confirms a machine: a hardware TD's own quote, signed and as predicted. */
TEST(only_a_signed_quote_confirms)
{
	static const struct {
		enum platform platform;
		enum outcome outcome;
		enum rung_state chain, predicted;
		bool confirms;
	} rows[] = {
	        {PLATFORM_HARDWARE, OUTCOME_PASS, RUNG_TRUE, RUNG_TRUE, true},
	        {PLATFORM_HARDWARE, OUTCOME_FAIL, RUNG_TRUE, RUNG_TRUE, true},
	        {PLATFORM_HARDWARE, OUTCOME_PASS, RUNG_NULL, RUNG_TRUE, false},
	        {PLATFORM_HARDWARE, OUTCOME_PASS, RUNG_FALSE, RUNG_TRUE, false},
	        {PLATFORM_HARDWARE, OUTCOME_PASS, RUNG_TRUE, RUNG_NULL, false},
	        {PLATFORM_HARDWARE, OUTCOME_PASS, RUNG_TRUE, RUNG_FALSE, false},
	        {PLATFORM_HARDWARE, OUTCOME_BROKEN, RUNG_TRUE, RUNG_TRUE, false},
	        {PLATFORM_EMULATED, OUTCOME_PASS, RUNG_TRUE, RUNG_TRUE, false},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct layer_verdict layer = {.entered = true};
		struct cell_verdict cell = {.platform = rows[i].platform,
		                            .outcome = rows[i].outcome,
		                            .layers = 1,
		                            .layer = &layer};
		const struct run_verdict v = {.cell = &cell, .cells = 1};

		layer.ladder[RUNG_CHAIN].ok = rows[i].chain;
		layer.ladder[RUNG_PREDICTED].ok = rows[i].predicted;
		ck_assert_msg(run_verdict_confirms(&v) == rows[i].confirms, "row %zu", i);
	}
}

TESTS("asked")
