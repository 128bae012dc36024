/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/expect.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/enum.h"
#include "core/time.h"

/* A list of differences being written: "expected a, saw b; expected c, saw d". */
struct differences {
	char text[JUDGE_TEXT_MAX];
	size_t used;
};

static void differ(struct differences *d, const char *what, const char *expected, const char *seen)
{
	int n = snprintf(d->text + d->used, sizeof(d->text) - d->used, "%sexpected %s %s, saw %s",
	                 d->used ? "; " : "", what, expected, seen);

	if (n > 0)
		d->used += (size_t)n;
	if (d->used >= sizeof(d->text))
		d->used = sizeof(d->text) - 1;
}

static const char *rung_text(int rung)
{
	return rung < 0 ? "none" : rung_names[rung];
}

/* How extending RTMR3 by sysfs went: "ok", an errno, or what else there is to say. */
static const char *extend_text(const struct layer_verdict *l)
{
	for (size_t i = 0; i < l->interfaces; i++) {
		const struct interface_result *in = &l->interface[i];

		if (strcmp(in->name, "rtmr-sysfs") == 0)
			return in->ok ? "ok" : in->error[0] ? in->error : in->detail;
	}
	return "it not tried";
}

static void compare(const struct test_case *test, const struct cell_verdict *v,
                    struct differences *d)
{
	const struct expectation *x = &test->expect;
	const struct layer_verdict *l = &v->layer[v->layers - 1];
	int rung = layer_first_false(l);

	if (l->entered != (x->entered != 0)) {
		differ(d, "the layer", x->entered ? "entered" : "not entered",
		       l->entered ? "it entered" : "it was not");
		return;
	}
	if (x->grade >= 0 && (int)l->grade != x->grade)
		differ(d, "grade", grade_names[x->grade], grade_names[l->grade]);
	if (x->rung >= 0 && rung != x->rung)
		differ(d, "first false rung", rung_names[x->rung], rung_text(rung));
	else if (x->error[0] && strcmp(l->ladder[rung].error, x->error) != 0)
		differ(d, rung_names[rung], x->error,
		       l->ladder[rung].error[0] ? l->ladder[rung].error : "no errno");
	if (x->extend[0] && strcmp(extend_text(l), x->extend) != 0)
		differ(d, "an extend of RTMR3", x->extend, extend_text(l));
	if (x->secret >= 0 && (int)l->secret != x->secret)
		differ(d, "a secret", secret_state_names[x->secret],
		       secret_state_names[l->secret]);
	if (x->kvm >= 0 && (int)l->kvm != x->kvm)
		differ(d, "kvm", kvm_state_names[x->kvm], kvm_state_names[l->kvm]);
}

static bool expired(const char *until, time_t at)
{
	char today[TIME_TEXT_SIZE];

	return strncmp(time_text(at, today), until, 10) >= 0;
}

/* The rungs that a grade needs beyond the one before it. */
static enum grade grade_for(enum rung rung)
{
	switch (rung) {
	case RUNG_DEVICE:
	case RUNG_TDREPORT:
		return GRADE_REPORT;
	case RUNG_PROVIDER:
	case RUNG_QUOTE:
	case RUNG_PARSED:
	case RUNG_BOUND:
		return GRADE_QUOTE;
	case RUNG_REGISTERS:
	case RUNG_CHAIN:
	case RUNG_EVENTLOG:
	case RUNG_PREDICTED:
		return GRADE_VERIFIED;
	case RUNG_COVERS:
		return GRADE_COVERED;
	case RUNG_TCB:
	case RUNG_CONFORMS:
	case RUNG_SECRET:
	case RUNG_COUNT:
		break;
	}
	return GRADE_NONE; /* counts for no grade */
}

static int first_false(const struct layer_verdict *l, int least, int most)
{
	for (int i = 0; i < RUNG_COUNT; i++) {
		int needs = (int)grade_for((enum rung)i);

		if (l->ladder[i].ok == RUNG_FALSE && needs >= least && needs <= most)
			return i;
	}
	return -1;
}

/* The false rung for which the layer has not that grade, or -1. A quote needs no TDREPORT. */
static int lacking(const struct layer_verdict *l, int grade)
{
	int least = (int)l->grade + 1;
	int rung = first_false(l, least < GRADE_QUOTE && grade >= GRADE_QUOTE ? GRADE_QUOTE : least,
	                       grade);

	return rung >= 0 ? rung : first_false(l, least, grade);
}

/* The rung that tells why: what the expected grade lacks, or another rung than was expected. */
static int telling_rung(const struct test_case *test, const struct layer_verdict *l)
{
	const struct expectation *x = &test->expect;
	int rung = lacking(l, x->grade > (int)l->grade ? x->grade : (int)l->grade + 1);

	if (x->grade <= (int)l->grade && x->rung >= 0 && x->rung != layer_first_false(l))
		return layer_first_false(l);
	if (x->grade <= (int)l->grade && x->secret >= 0 && l->ladder[RUNG_SECRET].ok == RUNG_FALSE)
		return RUNG_SECRET;
	return rung;
}

void layer_summary(const struct test_case *test, const struct layer_verdict *l, char *out,
                   size_t size)
{
	int rung = telling_rung(test, l);
	const struct rung_result *r = rung >= 0 ? &l->ladder[rung] : NULL;

	if (!l->entered)
		snprintf(out, size, "not entered: %s", l->reason);
	else if (r)
		snprintf(out, size, "%s: %s%s%s", rung_names[rung], r->error,
		         r->error[0] && r->detail[0] ? ": " : "", r->detail);
	else if (l->grade == GRADE_NONE)
		snprintf(out, size, "no TDX interface: %s", l->ladder[RUNG_DEVICE].detail);
	else
		snprintf(out, size, "%s (%s): %s, %s", grade_names[l->grade],
		         ENUM_NAME(origin_names, l->origin), l->ladder[RUNG_CHAIN].detail,
		         l->ladder[RUNG_EVENTLOG].detail);
}

void expect_compare(const struct test_case *test, struct cell_verdict *v, time_t at)
{
	struct differences d = {.text = ""};
	char seen[JUDGE_TEXT_MAX];

	compare(test, v, &d);
	layer_summary(test, &v->layer[v->layers - 1], seen, sizeof(seen));
	v->outcome = d.used ? OUTCOME_FAIL : OUTCOME_PASS;
	if (test->xfail && d.used && !expired(test->xfail_until, at)) {
		v->outcome = OUTCOME_XFAIL;
		snprintf(v->reason, sizeof(v->reason), "known: %.200s (until %.10s); %.220s",
		         test->xfail, test->xfail_until, d.text);
	} else if (test->xfail && !d.used) {
		v->outcome = OUTCOME_FAIL;
		snprintf(v->reason, sizeof(v->reason),
		         "known to differ (%.200s) but met: take xfail away; %.200s", test->xfail,
		         seen);
	} else if (d.used) {
		snprintf(v->reason, sizeof(v->reason), "%.200s; %s%.200s", d.text,
		         test->xfail ? "the waiver has expired; " : "", seen);
	} else {
		snprintf(v->reason, sizeof(v->reason), "%s", seen);
	}
}
