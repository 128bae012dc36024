/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "measure/line.h"
#include "measure/predict.h"

const char *const explain_state_names[EXPLAIN_STATES] = {
        [EXPLAIN_SAME] = "same", [EXPLAIN_DIFFERS] = "differs", [EXPLAIN_OPEN] = "open"};

/* What another digest of an event means, by the input it comes from. */
static const char *const other_input[INPUT_COUNT] = {
        [INPUT_FIRMWARE] = "another firmware image, or other variables in it",
        [INPUT_MEMORY] = "another memory size or layout",
        [INPUT_ACPI] = "other ACPI tables: another QEMU version, machine type or set of devices",
        [INPUT_SMBIOS] =
                "other SMBIOS tables: another QEMU version, machine type, processor or memory",
        [INPUT_KERNEL] =
                "another kernel; or, as QEMU up to 10.1 writes them into it, another "
                "QEMU, memory size or initrd size",
        [INPUT_INITRD] = "another initrd",
        [INPUT_CMDLINE] = "another command line, or an initrd where none was given",
        [INPUT_DISK] = "another disk image",
        [INPUT_DEVICES] = "another boot device",
        [INPUT_CONSTANT] = "another way of booting than the one given",
};

static void say(struct explain_row *row, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));

/* Adds a sentence to the row's meaning. */
static void say(struct explain_row *row, const char *fmt, ...)
{
	size_t used = strlen(row->meaning);
	va_list ap;

	if (used > 0 && used + 3 < sizeof(row->meaning)) {
		strcpy(row->meaning + used, "; ");
		used += 2;
	}
	va_start(ap, fmt);
	vsnprintf(row->meaning + used, sizeof(row->meaning) - used, fmt, ap);
	va_end(ap);
}

/* ---- prediction against log, event by event ---- */

static const struct log_event *next_logged(const struct log *l, unsigned rtmr, size_t *at)
{
	while (*at < l->events) {
		const struct log_event *ev = &l->event[(*at)++];

		if (ev->rtmr == (int)rtmr)
			return ev;
	}
	return NULL;
}

static bool agree(const struct predicted_event *expected, const struct log_event *logged)
{
	if (!expected->known)
		return expected->type == logged->type;
	return memcmp(expected->digest, logged->digest, sizeof(expected->digest)) == 0;
}

static void explain_parting(struct explain_row *row)
{
	const struct predicted_event *x = row->expected;
	const struct log_event *l = row->logged;
	char buffer[16];

	if (!x)
		say(row, "the log has one event more than foreseen: %s, %s",
		    log_type_name(l, buffer), l->what);
	else if (!l)
		say(row, "the log ends before %s", x->what);
	else if (x->type != l->type)
		say(row, "%s was expected, but %s was logged: %s", x->what,
		    log_type_name(l, buffer), other_input[INPUT_CONSTANT]);
	else
		say(row, "%s: %s", x->what, other_input[x->input]);
}

/* Finds where prediction and log part; leaves row->parts alone when they do not. */
static void walk_events(const struct prediction *p, const struct log *l, unsigned rtmr,
                        struct explain_row *row)
{
	size_t predicted_at = 0, logged_at = 0;

	for (unsigned at = 0;; at++) {
		const struct predicted_event *x = prediction_next(p, rtmr, &predicted_at);
		const struct log_event *logged = next_logged(l, rtmr, &logged_at);

		if (!x && (!logged || !p->complete[rtmr]))
			return;
		if (x && logged && agree(x, logged))
			continue;
		row->parts = true;
		row->at = at;
		row->expected = x;
		row->logged = logged;
		return;
	}
}

/* ---- one register ---- */

static bool equal(const uint8_t a[48], const uint8_t b[48])
{
	return memcmp(a, b, 48) == 0;
}

static void compare_log_and_quote(const struct explain_evidence *ev, unsigned rtmr,
                                  struct explain_row *row)
{
	struct log_compare c;

	if (!row->has_replayed || !row->has_quoted)
		return;
	log_compare(ev->log, rtmr, row->quoted, &c);
	if (c.match == LOG_DIFFERS)
		row->state = EXPLAIN_DIFFERS;
	if (c.match != LOG_MATCHES)
		say(row, "log and quote: %s", c.text);
}

/*
 * RTMR3 belongs to the running system: what it extends is not foreseen, and a CCEL log, which ends
 * when the kernel starts, says nothing of it.
 */
static void explain_runtime(const struct explain_evidence *ev, struct explain_row *row)
{
	static const uint8_t zero[48];

	if (!row->has_quoted || equal(row->quoted, zero))
		return;
	row->has_predicted = false;
	if (ev->log && ev->log->runtime)
		return;
	row->has_replayed = false;
	say(row, "extended by the running system, of which there is no log");
}

static void compare_prediction(const struct prediction *p, const struct explain_evidence *ev,
                               unsigned rtmr, struct explain_row *row)
{
	if (p && ev->log)
		walk_events(p, ev->log, rtmr, row);
	if (row->parts) {
		row->state = EXPLAIN_DIFFERS;
		explain_parting(row);
	} else if (row->has_predicted && row->has_quoted && !equal(row->predicted, row->quoted)) {
		row->state = EXPLAIN_DIFFERS;
		if (!ev->log)
			say(row,
			    "the quoted value is not the predicted one; an event log would "
			    "tell which event differs");
	}
	if (row->has_predicted && row->has_quoted && equal(row->predicted, row->quoted) &&
	    row->state == EXPLAIN_DIFFERS)
		say(row, "the quote is as predicted: the log was altered");
}

static void settle(const struct prediction *p, unsigned rtmr, struct explain_row *row)
{
	unsigned views = (unsigned)row->has_predicted + row->has_replayed + row->has_quoted;

	if (row->state == EXPLAIN_DIFFERS)
		return;
	row->state = views > 1 ? EXPLAIN_SAME : EXPLAIN_OPEN;
	if (p && !p->known[rtmr])
		say(row, "not predicted: %s", p->reason[rtmr]);
}

static void explain_rtmr(const struct prediction *p, const struct explain_evidence *ev,
                         unsigned rtmr, struct explain_row *row)
{
	snprintf(row->name, sizeof(row->name), "RTMR%u", rtmr);
	row->has_predicted = p && p->known[rtmr];
	if (row->has_predicted)
		memcpy(row->predicted, p->rtmr[rtmr], 48);
	row->has_replayed = ev->log;
	if (row->has_replayed)
		memcpy(row->replayed, ev->log->rtmr[rtmr], 48);
	row->has_quoted = ev->quoted;
	memcpy(row->quoted, ev->rtmr[rtmr], 48);
	if (rtmr == 3)
		explain_runtime(ev, row);
	if (rtmr == 3 && !row->has_predicted)
		p = NULL;
	compare_log_and_quote(ev, rtmr, row);
	compare_prediction(p, ev, rtmr, row);
	settle(p, rtmr, row);
}

static void explain_mrtd(const struct prediction *p, const struct explain_evidence *ev,
                         struct explain_row *row)
{
	static const char *const orders[] = {[MRTD_SINGLE_PASS] = "each page added, then measured",
	                                     [MRTD_TWO_PASS] =
	                                             "all pages of a section added, then measured"};

	snprintf(row->name, sizeof(row->name), "MRTD");
	row->state = EXPLAIN_OPEN;
	row->has_predicted = p;
	row->has_quoted = ev->quoted;
	if (p)
		memcpy(row->predicted, p->mrtd[MRTD_SINGLE_PASS], 48);
	memcpy(row->quoted, ev->mrtd, 48);
	if (!p || !ev->quoted)
		return;
	for (unsigned i = 0; i < 2; i++) {
		if (!equal(p->mrtd[i], ev->mrtd))
			continue;
		memcpy(row->predicted, p->mrtd[i], 48);
		row->state = EXPLAIN_SAME;
		say(row, "%s", orders[i]);
		return;
	}
	row->state = EXPLAIN_DIFFERS;
	say(row, "%s", other_input[INPUT_FIRMWARE]);
}

void explain(const struct prediction *prediction, const struct explain_evidence *evidence,
             struct explanation *ret)
{
	*ret = (struct explanation){0};
	explain_mrtd(prediction, evidence, &ret->row[0]);
	for (unsigned i = 0; i < 4; i++)
		explain_rtmr(prediction, evidence, i, &ret->row[1 + i]);
	for (unsigned i = 0; i < 5; i++)
		ret->differs |= ret->row[i].state == EXPLAIN_DIFFERS;
}

/* ---- two predictions ---- */

/* An event may differ though its own input is the same: QEMU writes into the kernel it hands on. */
static const char *input_state(const struct prediction *a, const struct prediction *b,
                               enum measure_input input)
{
	if (!a->input[input].given || !b->input[input].given)
		return "";
	return memcmp(a->input[input].digest, b->input[input].digest, 48) ? ", another one"
	                                                                  : ", the same one";
}

static void add_event(struct line *l, const struct prediction *a, const struct prediction *b,
                      const struct predicted_event *x, const struct predicted_event *y)
{
	const struct predicted_event *one = x ? x : y;

	line_add(l, "%s%s", l->used ? "; " : "", one->what);
	if (!x || !y)
		line_add(l, " (only in the %s)", x ? "first" : "second");
	else
		line_add(l, " (%s%s)", measure_input_names[one->input], input_state(a, b, one->input));
}

bool predict_diff(const struct prediction *a, const struct prediction *b, int rtmr, char *out,
                  size_t size)
{
	struct line l;
	size_t i = 0, k = 0;

	line_init(&l, out, size);
	if (rtmr < 0 && memcmp(a->mrtd, b->mrtd, sizeof(a->mrtd)) != 0)
		line_add(&l, "firmware%s", input_state(a, b, INPUT_FIRMWARE));
	while (rtmr >= 0) {
		const struct predicted_event *x = prediction_next(a, (unsigned)rtmr, &i);
		const struct predicted_event *y = prediction_next(b, (unsigned)rtmr, &k);

		if (!x && !y)
			break;
		if (!x || !y || x->known != y->known || memcmp(x->digest, y->digest, 48) != 0)
			add_event(&l, a, b, x, y);
	}
	return l.used > 0;
}
