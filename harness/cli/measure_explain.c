/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/evidence.h"
#include "cli/input.h"
#include "cli/measure.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "format/eventlog.h"
#include "format/text.h"
#include "measure/explain.h"

struct options {
	struct measure_options inputs;
	struct evidence_option evidence;
	const char *eventlog;
	bool json;
};

/* ---- input ---- */

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	if (!o->evidence.quote && !o->evidence.tdreport && !o->eventlog)
		return err_set(e, -EINVAL, "nothing to explain: --quote, --tdreport or --eventlog");
	return 0;
}

static int read_log(const char *path, struct log *ret, struct err *e)
{
	_cleanup_(input_done) struct input in = {0};
	int r = input_piece(path, CELL_EVENTLOG, EVENTLOG_MAX, &in, e);

	if (r == 0)
		r = log_read((struct bytes){in.data, in.size}, ret, NULL, e);
	return r;
}

/* ---- output ---- */

static void print_value(bool has, const uint8_t digest[48])
{
	char hex[HEX_ENCODED_SIZE(8)];

	hex_encode(digest, 8, hex);
	printf("  %-16s", has ? hex : "-");
}

static void print_parting(const struct explain_row *row)
{
	char hex[HEX_ENCODED_SIZE(48)];

	printf("\n%s, event %u of it:\n", row->name, row->at);
	if (row->expected) {
		hex_encode(row->expected->digest, 48, hex);
		printf("  predicted  %s\n             %s\n", row->expected->known ? hex : "unknown",
		       row->expected->what);
	}
	if (row->logged) {
		hex_encode(row->logged->digest, 48, hex);
		printf("  logged     %s\n             %s\n", hex, row->logged->what);
	}
}

static void print_text(const struct prediction *p, const struct explanation *x)
{
	if (p)
		printf("%s\n\n", p->profile);
	printf("%-8s  %-16s  %-16s  %-16s\n", "register", "predicted", "replayed", "quoted");
	for (unsigned i = 0; i < 5; i++) {
		const struct explain_row *row = &x->row[i];

		printf("%-8s", row->name);
		print_value(row->has_predicted, row->predicted);
		print_value(row->has_replayed, row->replayed);
		print_value(row->has_quoted, row->quoted);
		printf("  %s%s%s\n", explain_state_names[row->state], row->meaning[0] ? ": " : "",
		       row->meaning);
	}
	for (unsigned i = 0; i < 5; i++) {
		if (x->row[i].parts)
			print_parting(&x->row[i]);
	}
}

static json_t *parting_json(const struct explain_row *row)
{
	json_t *expected = json_null(), *logged = json_null();

	if (!row->parts)
		return json_null();
	if (row->expected)
		expected = json_pack("{s:o, s:s, s:s}", "digest",
		                     json_hex(row->expected->known ? row->expected->digest : NULL, 48),
		                     "what", row->expected->what, "input",
		                     measure_input_names[row->expected->input]);
	if (row->logged)
		logged = json_pack("{s:o, s:s}", "digest", json_hex(row->logged->digest, 48),
		                   "what", row->logged->what);
	return json_pack("{s:i, s:o, s:o}", "event", (int)row->at, "predicted", expected, "logged",
	                 logged);
}

static int print_json(const struct prediction *p, const struct explanation *x)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < 5; i++) {
		const struct explain_row *row = &x->row[i];

		json_array_append_new(
		        rows,
		        json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:o}", "register", row->name,
		                  "state", explain_state_names[row->state], "predicted",
		                  json_hex(row->has_predicted ? row->predicted : NULL, 48), "replayed",
		                  json_hex(row->has_replayed ? row->replayed : NULL, 48), "quoted",
		                  json_hex(row->has_quoted ? row->quoted : NULL, 48), "meaning", row->meaning,
		                  "first_difference", parting_json(row)));
	}
	return json_print(json_pack("{s:b, s:o, s:o}", "differs", x->differs, "profile",
	                            p ? json_string(p->profile) : json_null(), "registers", rows));
}

/* ---- all of it ---- */

static int explain_request(const struct options *o, struct explanation *ret_x,
                           struct prediction *ret_p, struct log *ret_log, struct err *e)
{
	const struct measure_inputs *in = &o->inputs.inputs;
	struct explain_evidence ev = {0};
	struct format_fault fault;
	struct registers said;
	int r = evidence_read(&o->evidence, &said, &fault, e);

	if (r == 0 && o->eventlog) {
		r = read_log(o->eventlog, ret_log, e);
		ev.log = ret_log;
	}
	if (r == 0 && in->firmware.data)
		r = predict(in, ret_p, e);
	if (r < 0)
		return r;
	ev.quoted = said.source != NULL;
	memcpy(ev.mrtd, said.mrtd, sizeof(ev.mrtd));
	memcpy(ev.rtmr, said.rtmr, sizeof(ev.rtmr));
	explain(in->firmware.data ? ret_p : NULL, &ev, ret_x);
	return 0;
}

static int run(const struct options *o)
{
	_cleanup_(prediction_done) struct prediction p = {0};
	_cleanup_(log_done) struct log log = {0};
	struct explanation x;
	struct err e;

	if (explain_request(o, &x, &p, &log, &e) < 0)
		return cmd_failed(EXIT_USAGE, &e);
	if (!o->json)
		print_text(p.profile[0] ? &p : NULL, &x);
	else if (print_json(p.profile[0] ? &p : NULL, &x) < 0)
		return EXIT_BROKEN;
	return x.differs ? EXIT_DIFFERS : EXIT_OK;
}

int cmd_measure_explain(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_EVIDENCE,
	        OPTION_TEXT(eventlog, "eventlog", "FILE", "the CCEL log, or a log in JSON"),
	        OPTION_JSON,
	        OPTION_MEASURE,
	        {0},
	};
	static const struct options_of options = {
	        .about = "Shows each register as predicted from the inputs, as replayed from the "
	                 "log and as quoted, and the first event that differs.\vExit status: 0 "
	                 "nothing differs, 1 something does, 2 bad input.",
	        .check = check,
	        .rows = rows,
	};
	struct options o = {0};
	struct err e;
	int r;

	options_parse(&options, argc, argv, &o);
	r = measure_options_finish(&o.inputs, NULL, &e) < 0 ? cmd_failed(EXIT_USAGE, &e) : run(&o);
	measure_options_done(&o.inputs);
	return r;
}
