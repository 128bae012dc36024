/* SPDX-License-Identifier: Apache-2.0 */
#include "format/quote.h"
#include "format/sha2.h"
#include "measure/explain.h"
#include "test/golden.h"
#include "test/tests.h"

/* A genuine log, and the prediction that fits it: its events, each known, taken for granted. */
static struct fixture {
	struct log log;
	struct prediction p;
	struct explain_evidence ev;
	struct explanation x;
} f;

static void fold(struct prediction *p)
{
	memset(p->rtmr, 0, sizeof(p->rtmr));
	for (size_t i = 0; i < p->events; i++)
		rtmr_extend(p->rtmr[p->event[i].rtmr], p->event[i].digest);
}

static void load(const char *name)
{
	struct golden g = golden_read(name);
	struct err e;

	ck_assert_msg(log_read((struct bytes){g.data, g.size}, &f.log, NULL, &e) == 0, "%s",
	              e.text);
	golden_done(&g);
	f.ev.log = &f.log;
	f.p.event = calloc(f.log.events, sizeof(*f.p.event));
	ck_assert_ptr_nonnull(f.p.event);
	for (size_t i = 0; i < f.log.events; i++) {
		const struct log_event *l = &f.log.event[i];
		struct predicted_event *x = &f.p.event[f.p.events];

		if (l->rtmr < 0)
			continue;
		*x = (struct predicted_event){
		        .rtmr = (unsigned)l->rtmr, .type = l->type, .known = true};
		memcpy(x->digest, l->digest, sizeof(x->digest));
		snprintf(x->what, sizeof(x->what), "event %zu", f.p.events++);
	}
	fold(&f.p);
	for (int i = 0; i < 4; i++)
		f.p.known[i] = f.p.complete[i] = true;
}

static void teardown(void)
{
	prediction_done(&f.p);
	log_done(&f.log);
	memset(&f, 0, sizeof(f));
}

static void setup(void)
{
	load("eventlog/trustee-ovmf.bin");
}

static const struct explain_row *rtmr_row(unsigned rtmr)
{
	explain(&f.p, &f.ev, &f.x);
	return &f.x.row[1 + rtmr];
}

static void set_quote(void)
{
	f.ev.quoted = true;
	memcpy(f.ev.rtmr, f.log.rtmr, sizeof(f.ev.rtmr));
}

TEST(genuine_log_and_quote_agree)
{
	struct golden g = golden_read("quote/00b2526ab190.bin");
	struct quote quote;

	teardown();
	load("eventlog/cos-113.bin");
	ck_assert_int_eq(quote_parse(g.data, g.size, &quote, NULL), FORMAT_OK);
	f.ev.quoted = true;
	memcpy(f.ev.mrtd, quote.td.mrtd, 48);
	memcpy(f.ev.rtmr, quote.td.rtmr, sizeof(f.ev.rtmr));
	explain(NULL, &f.ev, &f.x);
	ck_assert(!f.x.differs);
	ck_assert_int_eq(f.x.row[0].state, EXPLAIN_OPEN); /* nothing to compare MRTD with */
	for (int i = 1; i < 4; i++)
		ck_assert_int_eq(f.x.row[i].state, EXPLAIN_SAME);
	golden_done(&g);
}

TEST(all_three_agree)
{
	set_quote();
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(rtmr_row(i)->state, EXPLAIN_SAME);
	ck_assert(!f.x.differs);
}

/* The log's second event in RTMR2 is the initrd. */
TEST(names_the_first_event_that_differs)
{
	const struct explain_row *row;

	set_quote();
	for (size_t i = 0, seen = 0; i < f.p.events; i++) {
		if (f.p.event[i].rtmr == 2 && seen++ == 1) {
			f.p.event[i].digest[0] ^= 1;
			f.p.event[i].input = INPUT_INITRD;
			strcpy(f.p.event[i].what, "Linux initrd");
		}
	}
	fold(&f.p);
	row = rtmr_row(2);
	ck_assert_int_eq(row->state, EXPLAIN_DIFFERS);
	ck_assert(row->parts);
	ck_assert_uint_eq(row->at, 1);
	assert_hex("logged", row->logged->digest, 48, "b15af9286108");
	ck_assert_str_eq(row->meaning, "Linux initrd: another initrd");
	ck_assert_int_eq(f.x.row[1].state, EXPLAIN_SAME);
	ck_assert_int_eq(f.x.row[2].state, EXPLAIN_SAME);
}

TEST(tells_an_altered_log)
{
	const struct explain_row *row;

	set_quote();
	for (size_t i = 0; i < f.log.events; i++) {
		if (f.log.event[i].rtmr == 1) {
			f.log.event[i].digest[5] ^= 1; /* the kernel's */
			break;
		}
	}
	memset(f.log.rtmr[1], 0, 48);
	for (size_t i = 0; i < f.log.events; i++) {
		if (f.log.event[i].rtmr == 1)
			rtmr_extend(f.log.rtmr[1], f.log.event[i].digest);
	}
	row = rtmr_row(1);
	ck_assert_int_eq(row->state, EXPLAIN_DIFFERS);
	ck_assert_uint_eq(row->at, 0);
	ck_assert_ptr_nonnull(
	        strstr(row->meaning, "the quote is as predicted: the log was altered"));
}

TEST(counts_missing_and_further_events)
{
	const struct explain_row *row;

	f.p.events--; /* the last one: Exit Boot Services Returned with Success */
	fold(&f.p);
	row = rtmr_row(1);
	ck_assert_int_eq(row->state, EXPLAIN_DIFFERS);
	ck_assert_ptr_null(row->expected);
	ck_assert_ptr_nonnull(strstr(row->meaning, "one event more than foreseen"));
	f.p.complete[1] = f.p.known[1] = false; /* now no end was foreseen */
	strcpy(f.p.reason[1], "who knows");
	row = rtmr_row(1);
	ck_assert_int_eq(row->state, EXPLAIN_OPEN);
	ck_assert_str_eq(row->meaning, "not predicted: who knows");
	f.p.events++;
	f.log.events--;
	row = rtmr_row(1);
	ck_assert_ptr_null(row->logged);
	ck_assert_ptr_nonnull(strstr(row->meaning, "the log ends before event"));
	f.log.events++;
}

/* An event whose input is missing stands for any of its type, and leaves the register open. */
TEST(unknown_events_match_by_type)
{
	const struct explain_row *row;

	set_quote();
	f.p.event[0].known = false;
	memset(f.p.event[0].digest, 0, 48);
	f.p.known[0] = false;
	row = rtmr_row(0);
	ck_assert(!row->parts && !row->has_predicted);
	ck_assert_int_eq(row->state, EXPLAIN_SAME); /* log and quote */
	f.p.event[0].type ^= 1;
	row = rtmr_row(0);
	ck_assert_int_eq(row->state, EXPLAIN_DIFFERS);
	ck_assert_ptr_nonnull(strstr(row->meaning, "was logged"));
}

TEST(without_a_log_only_the_register_is_told)
{
	const struct explain_row *row;

	set_quote();
	f.ev.log = NULL;
	f.ev.rtmr[2][0] ^= 1;
	row = rtmr_row(2);
	ck_assert_int_eq(row->state, EXPLAIN_DIFFERS);
	ck_assert(!row->parts);
	ck_assert_ptr_nonnull(strstr(row->meaning, "an event log would tell"));
	ck_assert_int_eq(f.x.row[1].state, EXPLAIN_SAME);
}

/* What the running system extends is no difference: there is no log to hold against it. */
TEST(rtmr3_without_a_runtime_log_is_open)
{
	const struct explain_row *row;

	set_quote();
	f.ev.rtmr[3][0] = 1;
	row = rtmr_row(3);
	ck_assert_int_eq(row->state, EXPLAIN_OPEN);
	ck_assert(row->meaning[0] != '\0');
	f.ev.log = NULL;
	row = rtmr_row(3);
	ck_assert_int_eq(row->state, EXPLAIN_OPEN);
	ck_assert_ptr_nonnull(strstr(row->meaning, "running system"));
}

TEST(mrtd_of_either_order)
{
	set_quote();
	memset(f.p.mrtd[MRTD_SINGLE_PASS], 1, 48);
	memset(f.p.mrtd[MRTD_TWO_PASS], 2, 48);
	memset(f.ev.mrtd, 2, 48);
	explain(&f.p, &f.ev, &f.x);
	ck_assert_int_eq(f.x.row[0].state, EXPLAIN_SAME);
	ck_assert_str_eq(f.x.row[0].meaning, "all pages of a section added, then measured");
	ck_assert(!f.x.differs);
	memset(f.ev.mrtd, 3, 48);
	explain(&f.p, &f.ev, &f.x);
	ck_assert_int_eq(f.x.row[0].state, EXPLAIN_DIFFERS);
	ck_assert_str_eq(f.x.row[0].meaning, "another firmware image, or other variables in it");
}

TESTS("explain", .setup = setup, .teardown = teardown)
