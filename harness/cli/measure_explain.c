/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/input.h"
#include "cli/measure.h"
#include "core/cleanup.h"
#include "format/eventlog.h"
#include "format/text.h"
#include "measure/explain.h"

struct request {
	struct measure_options inputs;
	const char *quote, *tdreport, *eventlog;
	bool json, help;
};

static void usage(FILE *out)
{
	fprintf(out,
	        "usage: tception measure explain [--quote FILE | --tdreport FILE] [--eventlog "
	        "FILE]\n"
	        "                                [OPTION...]\n\n"
	        "Shows each register as predicted from the inputs, as replayed from the log and "
	        "as\n"
	        "quoted, and the first event that differs. Exit code: 0 nothing differs, 1 "
	        "something\n"
	        "does, 2 bad input.\n\n"
	        "%s  --quote FILE        a TDX quote\n"
	        "  --tdreport FILE     a TDREPORT\n"
	        "  --eventlog FILE     the CCEL log, or a log in JSON\n"
	        "  --json              {\"differs\":bool, \"registers\":[...], ...}\n",
	        measure_options_help);
}

/* ---- input
 * ---------------------------------------------------------------------------------------- */

static int take_option(struct request *q, int c, struct err *e)
{
	switch (c) {
	case OPTION_QUOTE:
		q->quote = optarg;
		return 0;
	case OPTION_TDREPORT:
		q->tdreport = optarg;
		return 0;
	case OPTION_EVENTLOG:
		q->eventlog = optarg;
		return 0;
	case OPTION_JSON:
		q->json = true;
		return 0;
	case OPTION_HELP:
	case 'h':
		q->help = true;
		return 0;
	case '?':
		return err_set(e, -EINVAL, "see 'tception measure explain --help'");
	default:
		return measure_options_take(&q->inputs, c, optarg, e);
	}
}

static int read_quote(const char *path, struct explain_evidence *ev, struct err *e)
{
	_cleanup_(input_done) struct input in = {0};
	struct quote quote;
	int r = input_quote(path, &in, &quote, NULL, e);

	if (r < 0)
		return r;
	if (quote.body_type == QUOTE_BODY_SGX)
		return err_set(e, -EBADMSG, "%.200s: the quote of an SGX enclave", path);
	memcpy(ev->mrtd, quote.td.mrtd, sizeof(ev->mrtd));
	memcpy(ev->rtmr, quote.td.rtmr, sizeof(ev->rtmr));
	ev->quoted = true;
	return 0;
}

static int read_tdreport(const char *path, struct explain_evidence *ev, struct err *e)
{
	struct tdreport report;
	int r = input_tdreport(path, &report, NULL, e);

	if (r < 0)
		return r;
	memcpy(ev->mrtd, report.td.mrtd, sizeof(ev->mrtd));
	memcpy(ev->rtmr, report.td.rtmr, sizeof(ev->rtmr));
	ev->quoted = true;
	return 0;
}

static int read_log(const char *path, struct log *ret, struct err *e)
{
	_cleanup_(input_done) struct input in = {0};
	int r = input_read(path, EVENTLOG_MAX, &in, e);

	if (r == 0)
		r = log_read((struct bytes){in.data, in.size}, ret, NULL, e);
	return r;
}

/* ---- output
 * --------------------------------------------------------------------------------------- */

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
		                     row->expected->known ? json_hex(row->expected->digest, 48)
		                                          : json_null(),
		                     "what", row->expected->what, "input",
		                     measure_input_names[row->expected->input]);
	if (row->logged)
		logged = json_pack("{s:o, s:s}", "digest", json_hex(row->logged->digest, 48),
		                   "what", row->logged->what);
	return json_pack("{s:i, s:o, s:o}", "event", (int)row->at, "predicted", expected, "logged",
	                 logged);
}

static json_t *value_json(bool has, const uint8_t digest[48])
{
	return has ? json_hex(digest, 48) : json_null();
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
		                  value_json(row->has_predicted, row->predicted), "replayed",
		                  value_json(row->has_replayed, row->replayed), "quoted",
		                  value_json(row->has_quoted, row->quoted), "meaning", row->meaning,
		                  "first_difference", parting_json(row)));
	}
	return json_print(json_pack("{s:b, s:o, s:o}", "differs", x->differs, "profile",
	                            p ? json_string(p->profile) : json_null(), "registers", rows));
}

/* ---- all of it
 * -------------------------------------------------------------------------------------- */

static int explain_request(const struct request *q, struct explanation *ret_x,
                           struct prediction *ret_p, struct log *ret_log, struct err *e)
{
	const struct measure_inputs *in = &q->inputs.inputs;
	struct explain_evidence ev = {0};
	int r = 0;

	if (q->quote)
		r = read_quote(q->quote, &ev, e);
	else if (q->tdreport)
		r = read_tdreport(q->tdreport, &ev, e);
	if (r == 0 && q->eventlog) {
		r = read_log(q->eventlog, ret_log, e);
		ev.log = ret_log;
	}
	if (r == 0 && in->firmware.data)
		r = predict(in, ret_p, e);
	if (r == 0)
		explain(in->firmware.data ? ret_p : NULL, &ev, ret_x);
	return r;
}

static void request_done(struct request *q)
{
	measure_options_done(&q->inputs);
}

int cmd_measure_explain(int argc, char **argv)
{
	_cleanup_(request_done) struct request q = {0};
	_cleanup_(prediction_done) struct prediction p = {0};
	_cleanup_(log_done) struct log log = {0};
	struct explanation x;
	struct err e;
	int c;

	while ((c = getopt_long(argc, argv, "h", measure_long_options, NULL)) != -1) {
		if (take_option(&q, c, &e) < 0) {
			fprintf(stderr, "tception: %s\n", e.text);
			return EXIT_USAGE;
		}
	}
	if (q.help) {
		usage(stdout);
		return EXIT_OK;
	}
	if (optind != argc || (q.quote && q.tdreport) || (!q.quote && !q.tdreport && !q.eventlog)) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (explain_request(&q, &x, &p, &log, &e) < 0) {
		fprintf(stderr, "tception: %s\n", e.text);
		return EXIT_USAGE;
	}
	if (!q.json)
		print_text(p.profile[0] ? &p : NULL, &x);
	else if (print_json(p.profile[0] ? &p : NULL, &x) < 0)
		return EXIT_BROKEN;
	return x.differs ? EXIT_DIFFERS : EXIT_OK;
}
