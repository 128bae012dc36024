/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cleanup.h"
#include "format/bytes.h"
#include "judge/expect.h"
#include "test/synth.h"
#include "test/tests.h"
#include "trust/authority.h"

/* What one twist makes of the container's case, which expects grade verified and rung covers. */
static const struct {
	enum twist twist;
	enum outcome outcome;
	enum grade grade;
	int rung; /* the first false one */
	enum origin origin;
	const char *reason; /* part of it */
} table[] = {
        {AS_IT_SHOULD_BE, OUTCOME_PASS, GRADE_VERIFIED, RUNG_COVERS, ORIGIN_EMULATED,
         "covers: the quote covers the TD only"},
        /* forged, flipped, replayed and borrowed quotes */
        {QUOTE_RTMR, OUTCOME_FAIL, GRADE_QUOTE, RUNG_REGISTERS, ORIGIN_UNKNOWN,
         "RTMR0 differs from this layer's TDREPORT"},
        {QUOTE_SIGNATURE, OUTCOME_FAIL, GRADE_QUOTE, RUNG_CHAIN, ORIGIN_UNKNOWN, "chain"},
        {QUOTE_RESIGNED, OUTCOME_FAIL, GRADE_QUOTE, RUNG_REGISTERS, ORIGIN_EMULATED,
         "RTMR1 differs"},
        {QUOTE_FOREIGN, OUTCOME_FAIL, GRADE_QUOTE, RUNG_CHAIN, ORIGIN_UNKNOWN, "chain"},
        {QUOTE_EMPTY, OUTCOME_FAIL, GRADE_REPORT, RUNG_QUOTE, ORIGIN_NONE, "an empty quote"},
        {QUOTE_GARBAGE, OUTCOME_FAIL, GRADE_REPORT, RUNG_PARSED, ORIGIN_UNKNOWN, "no quote"},
        {QUOTE_REPLAYED, OUTCOME_FAIL, GRADE_REPORT, RUNG_BOUND, ORIGIN_EMULATED,
         "not the one of this visit's nonce"},
        {QUOTE_BORROWED, OUTCOME_FAIL, GRADE_REPORT, RUNG_BOUND, ORIGIN_EMULATED, "REPORTDATA"},
        {GENERATION, OUTCOME_FAIL, GRADE_REPORT, RUNG_QUOTE, ORIGIN_NONE, "someone else wrote"},
        {PROVIDER, OUTCOME_FAIL, GRADE_VERIFIED, RUNG_PROVIDER, ORIGIN_EMULATED, "sev_guest"},
        {CONFIGFS_DENIED, OUTCOME_FAIL, GRADE_REPORT, RUNG_PROVIDER, ORIGIN_NONE,
         "expected grade verified, saw report; expected first false rung covers, saw provider; "
         "provider: EACCES: configfs-tsm: ended at step 'mkdir'"},
        {BROKERED, OUTCOME_PASS, GRADE_VERIFIED, RUNG_COVERS, ORIGIN_EMULATED,
         "covers: the quote covers the TD only"},
        {BROKER_PROVIDER, OUTCOME_FAIL, GRADE_VERIFIED, RUNG_PROVIDER, ORIGIN_EMULATED,
         "provider: EACCES"},
        {BROKER_BORROWED, OUTCOME_FAIL, GRADE_REPORT, RUNG_BOUND, ORIGIN_EMULATED,
         "not the one of this visit's nonce"},
        {REPORT_FORGED, OUTCOME_FAIL, GRADE_VERIFIED, RUNG_TDREPORT, ORIGIN_EMULATED,
         "no TDREPORT: bad-value"},
        {REPORT_OTHER_TD, OUTCOME_FAIL, GRADE_VERIFIED, RUNG_TDREPORT, ORIGIN_EMULATED,
         "a TDREPORT of another TD: MRTD differs"},
        {REPORT_REPLAYED, OUTCOME_FAIL, GRADE_VERIFIED, RUNG_TDREPORT, ORIGIN_EMULATED,
         "a TDREPORT for something else"},
        {EVIDENCE_CHANGED, OUTCOME_FAIL, GRADE_NONE, RUNG_TDREPORT, ORIGIN_EMULATED,
         "expected grade verified, saw none"},
        {HARDWARE, OUTCOME_FAIL, GRADE_QUOTE, RUNG_CHAIN, ORIGIN_EMULATED,
         "the chain's origin is emulated, the platform is hardware"},
        {ZERO_LOG, OUTCOME_FAIL, GRADE_QUOTE, RUNG_EVENTLOG, ORIGIN_EMULATED,
         "layer 0's log does not replay to RTMR0"},
        {ZERO_NO_LOG, OUTCOME_FAIL, GRADE_QUOTE, RUNG_EVENTLOG, ORIGIN_EMULATED,
         "layer 0 has no event log"},
        {NOT_STARTED, OUTCOME_FAIL, GRADE_NONE, -1, ORIGIN_NONE,
         "saw it was not; not entered: run: no such \\x1b[31mdevice, exit 125"},
        {NOT_STARTED_MUTE, OUTCOME_FAIL, GRADE_NONE, -1, ORIGIN_NONE,
         "expected the layer entered, saw it was not; not entered: run, exit 125: last words "
         "\\x1b[31mred\\x1b[0m"},
        /* incomplete and contradictory evidence: the rest of it does not count */
        {HELLO_NONCE, OUTCOME_BROKEN, GRADE_VERIFIED, -2, ORIGIN_EMULATED,
         "HELLO does not carry the nonce of this visit"},
        {HELLO_ID, OUTCOME_BROKEN, GRADE_VERIFIED, -2, ORIGIN_EMULATED, "HELLO is not from layer"},
        {NO_HELLO, OUTCOME_BROKEN, GRADE_NONE, -2, ORIGIN_NONE, "the first frame is FACT"},
        {NO_FACT, OUTCOME_BROKEN, GRADE_VERIFIED, -2, ORIGIN_EMULATED, "the fact 'kvm' is missing"},
        {NO_REPORT, OUTCOME_BROKEN, GRADE_REPORT, -2, ORIGIN_NONE,
         "no REPORT of the configfs interface"},
        {SAME_REPORT_TWICE, OUTCOME_BROKEN, GRADE_VERIFIED, -2, ORIGIN_EMULATED, "twice"},
        {NO_DONE, OUTCOME_BROKEN, GRADE_VERIFIED, -2, ORIGIN_EMULATED, "no DONE"},
        {DONE_ID, OUTCOME_BROKEN, GRADE_VERIFIED, -2, ORIGIN_EMULATED, "DONE is not from layer"},
        {AFTER_DONE, OUTCOME_BROKEN, GRADE_VERIFIED, -2, ORIGIN_EMULATED, "frames after DONE"},
        {SEQUENCE_GAP, OUTCOME_BROKEN, GRADE_VERIFIED, -2, ORIGIN_EMULATED, "frames are missing"},
        {CUT_SHORT, OUTCOME_BROKEN, GRADE_VERIFIED, -2, ORIGIN_EMULATED, "is cut off"},
        {GARBAGE, OUTCOME_BROKEN, GRADE_REPORT, -2, ORIGIN_NONE, "no frame at byte"},
        {NO_JSON, OUTCOME_BROKEN, GRADE_VERIFIED, -2, ORIGIN_EMULATED, "holds no JSON object"},
        {NO_ENTER, OUTCOME_BROKEN, GRADE_NONE, -2, ORIGIN_NONE, "a child that is not there"},
        {OTHER_ENTER, OUTCOME_BROKEN, GRADE_NONE, -2, ORIGIN_NONE, "ENTER of a layer"},
        {OTHER_TAG, OUTCOME_BROKEN, GRADE_NONE, -2, ORIGIN_NONE, "a child that is not there"},
        {NO_LEFT, OUTCOME_BROKEN, GRADE_VERIFIED, -2, ORIGIN_EMULATED, "no LEFT"},
        {LEFT_TIMEOUT, OUTCOME_BROKEN, GRADE_VERIFIED, -2, ORIGIN_EMULATED, "deadline"},
        {STARTED_SILENT, OUTCOME_BROKEN, GRADE_NONE, -2, ORIGIN_NONE, "no HELLO"},
        {ZERO_NONCE, OUTCOME_BROKEN, GRADE_VERIFIED, -2, ORIGIN_EMULATED,
         "layer 0's evidence: HELLO"},
        {ZERO_LOG_CUT, OUTCOME_BROKEN, GRADE_QUOTE, -2, ORIGIN_EMULATED, "event log breaks off"},
        {ZERO_NO_DONE, OUTCOME_BROKEN, GRADE_VERIFIED, -2, ORIGIN_EMULATED,
         "layer 0's evidence: no DONE"},
        {FACT_CUT, OUTCOME_BROKEN, GRADE_VERIFIED, -2, ORIGIN_EMULATED,
         "the probe 'reach' was cut off in the guest"},
        {REPORT_CUT, OUTCOME_BROKEN, GRADE_REPORT, -2, ORIGIN_NONE,
         "interface 'configfs' at step 'deadline' was cut off"},
        {KERNEL_CUT, OUTCOME_BROKEN, GRADE_REPORT, -2, ORIGIN_NONE,
         "interface 'configfs' at step 'outblob' was cut off"},
        {TRIAL_CUT, OUTCOME_BROKEN, GRADE_VERIFIED, -2, ORIGIN_EMULATED,
         "the trial of system call 'bpf' was cut off"},
        {MODULES_CUT, OUTCOME_BROKEN, GRADE_VERIFIED, -2, ORIGIN_EMULATED,
         "the kernel's modules (by signal 9) was cut off"},
        {ENGINE_CUT, OUTCOME_BROKEN, GRADE_NONE, -2, ORIGIN_NONE,
         "what was to start it ran out of time: run: docker: Error response"},
        {ZERO_CLOCK, OUTCOME_BROKEN, GRADE_VERIFIED, -2, ORIGIN_EMULATED,
         "layer 0's clock is wrong: its second is 4 to 4 of the host's"},
};
#define ROWS ((int)COUNT_OF(table))

/* Every twist is in the table, so none can be forgotten. */
TEST(table_is_whole)
{
	bool seen[TWISTS] = {false};

	for (int i = 0; i < ROWS; i++)
		seen[table[i].twist] = true;
	for (int i = 0; i < TWISTS; i++)
		ck_assert_msg(seen[i], "twist %d has no row", i);
}

TEST_RANGE(twisted, 0, ROWS)
{
	struct synth y;
	struct cell_verdict v;
	const struct layer_verdict *l;

	synth_init(&y, table[_i].twist);
	v = synth_judge(&y, 1);
	l = &v.layer[1];
	ck_assert_msg(v.outcome == table[_i].outcome, "row %d: %s: %s", _i,
	              outcome_names[v.outcome], v.reason);
	ck_assert_msg(strstr(v.reason, table[_i].reason) != NULL, "row %d: '%s' lacks '%s'", _i,
	              v.reason, table[_i].reason);
	ck_assert_msg(l->grade == table[_i].grade, "row %d: grade %s", _i, grade_names[l->grade]);
	ck_assert_msg(l->origin == table[_i].origin, "row %d: origin %s", _i,
	              origin_names[l->origin]);
	if (table[_i].rung != -2)
		ck_assert_msg(layer_first_false(l) == table[_i].rung, "row %d: rung %d", _i,
		              layer_first_false(l));
	if (v.outcome == OUTCOME_BROKEN)
		ck_assert_ptr_nonnull(strstr(v.reason, "last console line: last line \\x1b[2J"));
	cell_verdict_done(&v);
	synth_done(&y);
}

/* Judges a cell with that prediction, one register of which is changed: 0 MRTD, 1 to 4 RTMRs. */
static void judge_predicted(int changed, bool known, const char *detail, enum rung_state ok,
                            enum grade grade)
{
	const struct prediction *list[1];
	struct prediction p;
	struct cell_verdict v;
	struct synth y;

	synth_init(&y, AS_IT_SHOULD_BE);
	synth_predict(&y, &p);
	list[0] = &p;
	y.in.prediction = list;
	if (changed == 0)
		p.mrtd[MRTD_TWO_PASS][0] ^= 1;
	if (changed > 0 && known)
		p.rtmr[changed - 1][47] ^= 1;
	if (changed > 0 && !known) {
		p.known[changed - 1] = false;
		strcpy(p.reason[changed - 1], "who knows");
	}
	for (size_t i = 0; i < 2; i++) {
		const struct rung_result *rung;

		v = synth_judge(&y, i);
		rung = &v.layer[v.layers - 1].ladder[RUNG_PREDICTED];
		ck_assert_msg(rung->ok == ok && strstr(rung->detail, detail), "%zu: %d %s", i,
		              rung->ok, rung->detail);
		ck_assert_int_eq(v.layer[v.layers - 1].grade, grade);
		cell_verdict_done(&v);
	}
	synth_done(&y);
}

TEST(registers_are_held_against_the_prediction)
{
	judge_predicted(-1, true, "MRTD and RTMR0-2 are what the inputs give", RUNG_TRUE,
	                GRADE_VERIFIED);
	judge_predicted(0, true, "MRTD is not as predicted: another firmware", RUNG_FALSE,
	                GRADE_QUOTE);
	judge_predicted(1, true, "RTMR0 is not as predicted", RUNG_FALSE, GRADE_QUOTE);
	judge_predicted(3, true, "RTMR2 is not as predicted", RUNG_FALSE, GRADE_QUOTE);
	judge_predicted(2, false, "RTMR1 could not be predicted: who knows", RUNG_NULL,
	                GRADE_VERIFIED);
	judge_predicted(4, true, "MRTD and RTMR0-2", RUNG_TRUE, GRADE_VERIFIED); /* RTMR3 */
}

/* ---- the platform's TCB ---- */

enum tcb_twist { TCB_USUAL, TCB_OLD, TCB_NO_CRL, TCB_FMSPC, TCB_EXPIRED, TCB_REVOKES, TCB_NOTHING };

/* What the test authority would say of the TCB, changed at one place. */
static char *make_collateral(const struct synth *y, enum tcb_twist twist)
{
	time_t at = (time_t)y->run.started - (twist == TCB_EXPIRED ? 40 * 86400 : 0);
	struct bundle_contents c = {.at = at};
	char *text, *old;
	json_t *o, *info;
	struct err e;

	if (twist == TCB_REVOKES)
		c.revoked = y->authority->id[ROLE_PCK].cert;
	ck_assert_int_eq(authority_bundle_of(y->authority, &c, &text, &e), 0);
	if (twist != TCB_OLD && twist != TCB_FMSPC && twist != TCB_NO_CRL)
		return text;
	o = json_loads(text, 0, NULL);
	info = json_loads(json_string_value(json_object_get(o, "tcb_info")), 0, NULL);
	if (twist == TCB_OLD) {
		json_t *level = json_array_get(json_object_get(info, "tcbLevels"), 0);

		json_object_set_new(level, "tcbStatus", json_string("OutOfDate"));
		json_object_set_new(level, "advisoryIDs", json_pack("[s]", "INTEL-SA-99999"));
	}
	if (twist == TCB_FMSPC)
		json_object_set_new(info, "fmspc", json_string("00806f050000"));
	old = text;
	c.tcb_info = info; /* signed as it now is */
	ck_assert_int_eq(authority_bundle_of(y->authority, &c, &text, &e), 0);
	free(old);
	json_decref(o);
	if (twist != TCB_NO_CRL)
		return text;
	o = json_loads(text, 0, NULL);
	json_object_del(o, "root_ca_crl");
	free(text);
	text = json_dumps(o, 0);
	json_decref(o);
	return text;
}

static const struct {
	enum tcb_twist twist;
	enum twist quote;
	enum rung_state ok;
	const char *detail; /* part of it */
	enum grade grade;
} tcb_table[] = {
        {TCB_NOTHING, AS_IT_SHOULD_BE, RUNG_NULL, "no collateral given", GRADE_VERIFIED},
        {TCB_USUAL, AS_IT_SHOULD_BE, RUNG_TRUE,
         "EMULATED platform: UpToDate (platform UpToDate, module UpToDate, QE UpToDate), TCB of "
         "2026-01-01, evaluation 1",
         GRADE_VERIFIED},
        {TCB_OLD, AS_IT_SHOULD_BE, RUNG_FALSE,
         "EMULATED platform: OutOfDate (platform OutOfDate, module UpToDate, QE UpToDate), TCB of "
         "2026-01-01, evaluation 1; INTEL-SA-99999",
         GRADE_VERIFIED},
        {TCB_NO_CRL, AS_IT_SHOULD_BE, RUNG_FALSE, "no status: the collateral has no CRL",
         GRADE_VERIFIED},
        {TCB_FMSPC, AS_IT_SHOULD_BE, RUNG_FALSE, "no TCB info of TDX for this platform",
         GRADE_VERIFIED},
        {TCB_EXPIRED, AS_IT_SHOULD_BE, RUNG_FALSE, "has expired", GRADE_VERIFIED},
        {TCB_REVOKES, AS_IT_SHOULD_BE, RUNG_FALSE, "revoked", GRADE_VERIFIED},
        {TCB_USUAL, QUOTE_FOREIGN, RUNG_NULL, "the quote is not authentic", GRADE_QUOTE},
        {TCB_USUAL, QUOTE_EMPTY, RUNG_NULL, "no quote", GRADE_REPORT},
};

/* Whatever the collateral says, the grade is the quote's alone. */
TEST_EACH(tcb_by_collateral, tcb_table)
{
	struct synth y;
	struct cell_verdict v;
	const struct rung_result *rung;
	_cleanup_(freep) char *text = NULL;
	struct bytes file;

	synth_init(&y, tcb_table[_i].quote);
	if (tcb_table[_i].twist != TCB_NOTHING) {
		text = make_collateral(&y, tcb_table[_i].twist);
		file = (struct bytes){(const uint8_t *)text, strlen(text)};
		y.in.collateral = &file;
		y.in.collaterals = 1;
	}
	v = synth_judge(&y, 1);
	rung = &v.layer[1].ladder[RUNG_TCB];
	ck_assert_msg(rung->ok == tcb_table[_i].ok && strstr(rung->detail, tcb_table[_i].detail),
	              "%d: %d %s", _i, rung->ok, rung->detail);
	ck_assert_int_eq(v.layer[1].grade, tcb_table[_i].grade);
	if (tcb_table[_i].quote == AS_IT_SHOULD_BE)
		ck_assert_int_eq(v.layer[1].ladder[RUNG_CHAIN].ok, RUNG_TRUE);
	cell_verdict_done(&v);
	synth_done(&y);
}

/* Layer 0's own case and what it says of the ladder. */
TEST(layer0)
{
	struct synth y;
	struct cell_verdict v;
	const struct rung_result *rung;

	synth_init(&y, AS_IT_SHOULD_BE);
	v = synth_judge(&y, 0);
	ck_assert_int_eq(v.outcome, OUTCOME_PASS);
	ck_assert_uint_eq(v.layers, 1);
	ck_assert_int_eq(v.layer[0].kvm, KVM_NO_CPU);
	rung = v.layer[0].ladder;
	for (int i = RUNG_DEVICE; i <= RUNG_EVENTLOG; i++)
		ck_assert_msg(rung[i].ok == RUNG_TRUE, "%s", rung_names[i]);
	ck_assert_int_eq(rung[RUNG_TCB].ok, RUNG_NULL);
	ck_assert_int_eq(rung[RUNG_COVERS].ok, RUNG_NULL);
	ck_assert(rung[RUNG_QUOTE].ms == 210.5);
	ck_assert_uint_eq(v.layer[0].interfaces, 2);
	ck_assert_str_eq(v.layer[0].interface[1].name, "configfs");
	ck_assert_ptr_nonnull(strstr(v.reason, "verified (emulated)"));
	cell_verdict_done(&v);

	y.item[0].expect.kvm = KVM_WORKS;
	v = synth_judge(&y, 0);
	ck_assert_int_eq(v.outcome, OUTCOME_FAIL);
	ck_assert_ptr_nonnull(strstr(v.reason, "expected kvm works, saw no-cpu"));
	cell_verdict_done(&v);
	synth_done(&y);
}

/* Whatever bit of the container's evidence is flipped, its quote does not hold any more. */
TEST(every_byte_is_covered)
{
	struct synth y;
	size_t covered, tried = 0;

	synth_init(&y, AS_IT_SHOULD_BE);
	covered = y.covered;
	ck_assert_uint_gt(covered, 1500);
	for (size_t at = 0; at < covered; at += at < 200 ? 1 : 23, tried++) {
		struct cell_verdict v;

		y.flip = (long)at;
		synth_build(&y);
		v = synth_judge(&y, 1);
		ck_assert_msg(v.outcome == OUTCOME_FAIL || v.outcome == OUTCOME_BROKEN,
		              "byte %zu: %s, %s", at, outcome_names[v.outcome], v.reason);
		ck_assert_msg(v.layer[1].ladder[RUNG_BOUND].ok != RUNG_TRUE, "byte %zu: bound", at);
		cell_verdict_done(&v);
	}
	ck_assert_uint_gt(tried, 250);
	synth_done(&y);
}

/* channel.bin may end anywhere. */
TEST(every_length_is_safe)
{
	struct synth y;
	uint64_t end; /* what comes behind it is the boot's clock, not the visit's */

	synth_init(&y, AS_IT_SHOULD_BE);
	end = y.visit[1].end;
	for (size_t size = 0; size < end; size += 211) {
		uint8_t *exact = malloc(size + 1); /* so that ASan sees an overrun */
		struct cell_verdict v;

		memcpy(exact, y.bytes, size);
		y.channel = (struct bytes){exact, size};
		v = synth_judge(&y, 1);
		ck_assert_int_eq(v.outcome, OUTCOME_BROKEN);
		cell_verdict_done(&v);
		y.visit[1].end = size; /* also when the record agrees with the loss */
		if (size > y.visit[1].begin) {
			v = synth_judge(&y, 1);
			ck_assert_int_eq(v.outcome, OUTCOME_BROKEN);
			cell_verdict_done(&v);
		}
		y.visit[1].end = end;
		free(exact);
	}
	synth_done(&y);
}

/* The nonce in the record is what counts, not the one the guest repeats. */
TEST(other_nonce_in_the_record)
{
	struct synth y;
	struct cell_verdict v;

	synth_init(&y, AS_IT_SHOULD_BE);
	y.visit[1].nonce[1][31] ^= 1;
	v = synth_judge(&y, 1);
	ck_assert_int_eq(v.outcome, OUTCOME_BROKEN);
	ck_assert_int_eq(v.layer[1].grade, GRADE_NONE);
	ck_assert_int_eq(v.layer[1].ladder[RUNG_BOUND].ok, RUNG_FALSE);
	ck_assert_int_eq(v.layer[1].ladder[RUNG_TDREPORT].ok, RUNG_FALSE);
	cell_verdict_done(&v);
	synth_done(&y);
}

static const struct {
	enum visit_state state;
	const char *reason;
} states[] = {
        {VISIT_TIMEOUT, "the visit ended in timeout: 180 s"},
        {VISIT_DIED, "the visit ended in died"},
        {VISIT_GARBAGE, "the visit ended in garbage"},
        {VISIT_FLOOD, "the visit ended in flood"},
        {VISIT_NOT_RUN, "never run: 180 s"},
};

TEST_EACH(visit_states, states)
{
	struct synth y;
	struct cell_verdict v;

	synth_init(&y, AS_IT_SHOULD_BE);
	y.visit[1].state = states[_i].state;
	snprintf(y.visit[1].reason, sizeof(y.visit[1].reason), "180 s");
	v = synth_judge(&y, 1);
	ck_assert_int_eq(v.outcome, OUTCOME_BROKEN);
	ck_assert_msg(strstr(v.reason, states[_i].reason) != NULL, "%s", v.reason);
	cell_verdict_done(&v);

	y.visit[1].state = VISIT_DONE;
	y.visit[0].state = states[_i].state;
	v = synth_judge(&y, 1);
	ck_assert_int_eq(v.outcome, OUTCOME_BROKEN);
	ck_assert_ptr_nonnull(strstr(v.reason, "layer 0's own visit"));
	cell_verdict_done(&v);
	synth_done(&y);
}

/* A wrong clock's times are told by nobody, and neither are those of one that was not read. */
TEST_RANGE(costs_need_a_clock, 0, 3)
{
	static const struct {
		enum twist twist;
		size_t clocks;
		enum outcome outcome;
		enum clock_state state;
		double syscall_ns;
	} trial[] = {{AS_IT_SHOULD_BE, 2, OUTCOME_PASS, CLOCK_RIGHT, 512.5},
	             {AS_IT_SHOULD_BE, 1, OUTCOME_PASS, CLOCK_UNKNOWN, -1},
	             {ZERO_CLOCK, 2, OUTCOME_BROKEN, CLOCK_WRONG, -1}};
	struct synth y;

	synth_init(&y, trial[_i].twist);
	y.boot.clocks = trial[_i].clocks;
	struct cell_verdict v = synth_judge(&y, 1);
	ck_assert_int_eq(v.outcome, trial[_i].outcome);
	ck_assert_int_eq(v.clock.state, trial[_i].state);
	for (size_t i = 0; i < v.layers; i++)
		ck_assert(v.layer[i].cost.syscall_ns == trial[_i].syscall_ns);
	ck_assert(v.layer[1].cost.ready_ms == (trial[_i].syscall_ns < 0 ? -1 : 3800));
	cell_verdict_done(&v);
	synth_done(&y);
}

/* The reason is the rung that the grade lacks, not the first false one. */
TEST_RANGE(reason_is_what_the_grade_lacks, 0, 9)
{
	static const struct {
		enum grade seen;
		int expected;
		enum rung no[3];
		const char *told;
	} trial[] = {
	        {GRADE_QUOTE, GRADE_VERIFIED, {RUNG_DEVICE, RUNG_CHAIN, RUNG_COVERS}, "chain: "},
	        {GRADE_VERIFIED, GRADE_VERIFIED, {RUNG_DEVICE, RUNG_TCB, RUNG_COVERS}, "covers: "},
	        {GRADE_VERIFIED, GRADE_VERIFIED, {RUNG_DEVICE, RUNG_TCB, RUNG_TCB}, "verified ("},
	        {GRADE_VERIFIED, GRADE_COVERED, {RUNG_DEVICE, RUNG_TCB, RUNG_COVERS}, "covers: "},
	        {GRADE_REPORT, GRADE_VERIFIED, {RUNG_PROVIDER, RUNG_CHAIN, RUNG_COVERS}, "provider: "},
	        {GRADE_NONE, GRADE_VERIFIED, {RUNG_DEVICE, RUNG_BOUND, RUNG_COVERS}, "bound: "},
	        {GRADE_NONE, GRADE_NONE, {RUNG_DEVICE, RUNG_PROVIDER, RUNG_COVERS}, "device: "},
	        {GRADE_NONE, GRADE_REPORT, {RUNG_TDREPORT, RUNG_PROVIDER, RUNG_COVERS}, "tdreport: "},
	        {GRADE_COVERED, -1, {RUNG_DEVICE, RUNG_TCB, RUNG_TCB}, "covered ("},
	};
	struct layer_verdict l = {.entered = true, .grade = trial[_i].seen};
	struct test_case test = {.expect = {.entered = 1, .grade = trial[_i].expected, .rung = -1}};
	char out[JUDGE_TEXT_MAX];

	for (int i = 0; i < RUNG_COUNT; i++)
		l.ladder[i].ok = RUNG_TRUE;
	for (int i = 0; i < 3; i++)
		l.ladder[trial[_i].no[i]].ok = RUNG_FALSE;
	layer_summary(&test, &l, out, sizeof(out));
	ck_assert_msg(strncmp(out, trial[_i].told, strlen(trial[_i].told)) == 0, "%s", out);
	test.expect.rung = RUNG_TCB; /* another rung than was expected is told, where the grade is as expected */
	layer_summary(&test, &l, out, sizeof(out));
	ck_assert_int_eq(strncmp(out, rung_names[trial[_i].no[0]], strlen(rung_names[trial[_i].no[0]])) == 0,
	                 trial[_i].expected <= (int)trial[_i].seen || _i == 4 || _i == 7);
}

TEST(no_visits_at_all)
{
	struct synth y;
	struct cell_verdict v;

	synth_init(&y, AS_IT_SHOULD_BE);
	y.boot.visits = 0;
	snprintf(y.boot.reason, sizeof(y.boot.reason), "QEMU ended with status 1");
	for (size_t i = 0; i < 2; i++) {
		v = synth_judge(&y, i);
		ck_assert_int_eq(v.outcome, OUTCOME_BROKEN);
		ck_assert_ptr_nonnull(strstr(v.reason, "QEMU ended with status 1"));
		ck_assert(!v.layer[i].entered);
		cell_verdict_done(&v);
	}
	synth_done(&y);
}

TEST(waivers)
{
	struct synth y;
	struct cell_verdict v;
	struct test_case *c = &y.item[1];

	synth_init(&y, QUOTE_EMPTY);
	c->xfail = (char *)"bug 7";
	c->xfail_until = (char *)"9999-12-31";
	v = synth_judge(&y, 1);
	ck_assert_int_eq(v.outcome, OUTCOME_XFAIL);
	ck_assert_ptr_nonnull(strstr(v.reason, "known: bug 7 (until 9999-12-31)"));
	cell_verdict_done(&v);

	c->xfail_until = (char *)"2020-01-01";
	v = synth_judge(&y, 1);
	ck_assert_int_eq(v.outcome, OUTCOME_FAIL);
	ck_assert_ptr_nonnull(strstr(v.reason, "the waiver has expired"));
	cell_verdict_done(&v);

	y.twist = AS_IT_SHOULD_BE;
	synth_build(&y);
	c->xfail_until = (char *)"9999-12-31";
	v = synth_judge(&y, 1);
	ck_assert_int_eq(v.outcome, OUTCOME_FAIL);
	ck_assert_ptr_nonnull(strstr(v.reason, "take xfail away"));
	cell_verdict_done(&v);

	y.twist = NO_DONE; /* broken is never excused */
	synth_build(&y);
	v = synth_judge(&y, 1);
	ck_assert_int_eq(v.outcome, OUTCOME_BROKEN);
	cell_verdict_done(&v);
	synth_done(&y);
}

TEST(skips_and_counts)
{
	struct synth y;
	struct run_verdict v;
	struct cell_verdict untouched = {.case_index = 77};
	struct skip skip = {.case_index = 0, .reason = "no TDX on this host"};
	struct err e;

	synth_init(&y, AS_IT_SHOULD_BE);
	ck_assert_int_eq(judge_run(&y.in, &v, &e), 0);
	ck_assert_uint_eq(v.cells, 2);
	ck_assert_uint_eq(v.outcome[OUTCOME_PASS], 2);
	ck_assert_int_eq(v.platform, PLATFORM_EMULATED);
	ck_assert_int_eq(run_verdict_exit_code(&v), 0);
	run_verdict_done(&v);

	y.run.skip = &skip;
	y.run.skips = 1;
	ck_assert_int_eq(judge_run(&y.in, &v, &e), 0);
	ck_assert_int_eq(v.cell[0].outcome, OUTCOME_SKIP);
	ck_assert_str_eq(v.cell[0].reason, "no TDX on this host");
	ck_assert_int_eq(run_verdict_exit_code(&v), 0);
	run_verdict_done(&v);
	y.run.skips = 0;

	y.boot.boot.steps = 1; /* the second case was not asked for */
	ck_assert_int_eq(judge_run(&y.in, &v, &e), 0);
	ck_assert_uint_eq(v.cells, 1);
	run_verdict_done(&v);
	ck_assert_int_eq(judge_case(&y.in, 1, &untouched, &e), 0);
	ck_assert_uint_eq(untouched.case_index, 77);
	y.boot.boot.steps = 2;

	y.visit[1].state = VISIT_TIMEOUT;
	ck_assert_int_eq(judge_run(&y.in, &v, &e), 0);
	ck_assert_int_eq(run_verdict_exit_code(&v), 3);
	run_verdict_done(&v);

	y.item[0].expect.grade = GRADE_REPORT; /* better than expected is news, too */
	ck_assert_int_eq(judge_run(&y.in, &v, &e), 0);
	ck_assert_int_eq(v.cell[0].outcome, OUTCOME_FAIL);
	ck_assert_int_eq(run_verdict_exit_code(&v), 1);
	run_verdict_done(&v);
	synth_done(&y);
}

/* A boot that wedged, and another one that got the rest done. */
TEST(second_boot)
{
	struct synth y;
	struct boot_record boots[2];
	struct bytes channels[2] = {{NULL, 0}, {NULL, 0}};
	struct visit_record wedged;
	struct cell_verdict v;

	synth_init(&y, AS_IT_SHOULD_BE);
	boots[0] = boots[1] = y.boot;
	channels[1] = y.channel;
	boots[0].visits = 0;
	y.run.boot = boots;
	y.run.boots = 2;
	y.in.channel = channels;
	v = synth_judge(&y, 1);
	ck_assert_int_eq(v.outcome, OUTCOME_PASS);
	ck_assert_ptr_null(strstr(v.reason, "flaky"));
	cell_verdict_done(&v);

	/* The first boot did get to the case: passing now is not the same as passing. */
	wedged = y.visit[1];
	wedged.state = VISIT_TIMEOUT;
	struct visit_record first[2] = {y.visit[0], wedged};
	boots[0].visit = first;
	boots[0].visits = 2;
	v = synth_judge(&y, 1);
	ck_assert_int_eq(v.outcome, OUTCOME_PASS);
	ck_assert_ptr_nonnull(strstr(v.reason, "flaky, an earlier boot broke"));
	cell_verdict_done(&v);
	synth_done(&y);
}

TESTS("judge", .timeout = 120)
