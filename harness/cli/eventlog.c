/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/evidence.h"
#include "cli/input.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "format/eventlog.h"
#include "format/text.h"
#include "measure/log.h"

struct options {
	const char *log;
	struct evidence_option evidence;
	bool json;
};

/* What the log is held against: nothing, or the registers of a quote or a TDREPORT. */
struct verdict {
	struct registers said;
	struct log_compare compare[4];
	bool ok;
};

static void compare(const struct log *l, struct verdict *v)
{
	v->ok = true;
	for (unsigned i = 0; v->said.source && i < 4; i++) {
		log_compare(l, i, v->said.rtmr[i], &v->compare[i]);
		v->ok = v->ok && v->compare[i].match != LOG_DIFFERS;
	}
}

static json_t *event_json(const struct log_event *ev)
{
	char buffer[16];

	return json_pack("{s:I, s:o, s:s, s:I, s:o, s:s, s:b, s:o}", "offset",
	                 (json_int_t)ev->offset, "rtmr",
	                 ev->rtmr < 0 ? json_null() : json_integer(ev->rtmr), "type",
	                 log_type_name(ev, buffer), "type_number", (json_int_t)ev->type, "digest",
	                 json_hex(ev->digest, 48), "what", ev->what, "data_measured",
	                 ev->data_measured, "data", json_hex(ev->data.data, ev->data.size));
}

static json_t *compare_json(const struct verdict *v, unsigned i)
{
	const struct log_compare *c = &v->compare[i];
	bool has_event = c->change != LOG_NO_CHANGE && c->change != LOG_NO_EVENTS;

	return json_pack("{s:i, s:o, s:s, s:o, s:s}", "rtmr", (int)i, "quoted",
	                 json_hex(v->said.rtmr[i], 48), "match", log_match_names[c->match], "event",
	                 has_event ? json_integer((json_int_t)c->event) : json_null(), "text",
	                 c->text);
}

static int print_json(const struct log *l, const struct verdict *v)
{
	json_t *rtmr = json_array(), *events = json_array();
	json_t *compared = v->said.source ? json_array() : NULL;

	for (unsigned i = 0; i < 4; i++)
		json_array_append_new(rtmr, json_hex(l->rtmr[i], 48));
	for (size_t i = 0; i < l->events; i++)
		json_array_append_new(events, event_json(&l->event[i]));
	for (unsigned i = 0; v->said.source && i < 4; i++)
		json_array_append_new(compared, compare_json(v, i));
	return json_print(json_pack("{s:s, s:o, s:o, s:o*, s:o*}", "format",
	                            l->json ? "json" : "ccel", "rtmr", rtmr, "events", events,
	                            "matches", v->said.source ? json_boolean(v->ok) : NULL,
	                            "compared", compared));
}

static void print_events(const struct log *l)
{
	static const char *const names[4] = {"RTMR0", "RTMR1", "RTMR2", "RTMR3"};

	for (size_t i = 0; i < l->events; i++) {
		const struct log_event *ev = &l->event[i];
		char hex[HEX_ENCODED_SIZE(6)], buffer[16];

		hex_encode(ev->digest, 6, hex);
		printf("%4zu  %s  %s %s %-32s %s\n", i, ev->rtmr < 0 ? "-    " : names[ev->rtmr],
		       ev->rtmr < 0 ? "-           " : hex, ev->data_measured ? "=" : " ",
		       log_type_name(ev, buffer), ev->what);
	}
	printf("\n%zu events; \"=\" marks those whose digest is that of the data shown.\n",
	       l->events);
}

static void print_register(const struct log *l, const struct verdict *v, unsigned i)
{
	const struct log_compare *c = &v->compare[i];
	char hex[HEX_ENCODED_SIZE(48)];

	hex_encode(l->rtmr[i], 48, hex);
	printf("RTMR%u  %s%s%s\n", i, hex, v->said.source ? "  " : "",
	       v->said.source ? log_match_names[c->match] : "");
	if (!v->said.source || c->match == LOG_MATCHES)
		return;
	hex_encode(v->said.rtmr[i], 48, hex);
	printf("       %s  in the %s\n", hex, v->said.source);
	if (c->change != LOG_NO_CHANGE && c->change != LOG_NO_EVENTS)
		printf("       event %zu (%s): ", c->event, l->event[c->event].what);
	else
		printf("       ");
	printf("%s\n", c->text);
}

static int run(const void *options, struct format_fault *fault, struct err *e)
{
	const struct options *o = options;
	_cleanup_(input_done) struct input in = {0};
	_cleanup_(log_done) struct log l = {0};
	struct verdict v = {0};
	int r = input_piece(o->log, CELL_EVENTLOG, EVENTLOG_MAX, &in, e);

	if (r == 0)
		r = log_read((struct bytes){in.data, in.size}, &l, fault, e);
	if (r == 0)
		r = evidence_read(&o->evidence, &v.said, fault, e);
	if (r < 0)
		return r;
	compare(&l, &v);
	if (o->json) {
		if (print_json(&l, &v) < 0)
			return err_nomem(e);
	} else {
		print_events(&l);
		for (unsigned i = 0; i < 4; i++)
			print_register(&l, &v, i);
	}
	return v.ok ? EXIT_OK : EXIT_DIFFERS;
}

int cmd_eventlog(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_EVIDENCE,
	        OPTION_JSON,
	        {0},
	};
	static const struct options_of options = {
	        .about =
	                "Shows an event log (CCEL data, or JSON as dstack writes it; - is standard "
	                "input) and replays it to RTMR values.\vExit status: 0; 1 when a register "
	                "differs or the input is not what it should be; 2 when it cannot be read.",
	        OPTION_OPERAND(log, "FILE", "no event log given"),
	        .rows = rows,
	};
	struct options o = {0};

	return evidence_verb(&options, argc, argv, &o, &o.json, run);
}
