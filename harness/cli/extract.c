/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cell_evidence.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/words.h"
#include "core/argv.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "format/text.h"
#include "record/bundle.h"
#include "record/store.h"

struct options {
	const char *operand[2]; /* the run's folder or bundle, the cell */
	const char *out;
};

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	return o->operand[1] ? 0 : err_set(e, -EINVAL, "no CELL: which one of the run?");
}

static const char *const file_names[] = {
        [CELL_QUOTE] = "quote.bin",
        [CELL_TDREPORT] = "tdreport.bin",
        [CELL_EVENTLOG] = "eventlog.bin",
};

/* 1 when it is written, 0 when the cell has none, which is said. */
static int write_piece(const struct cell_evidence *c, enum cell_piece piece, const char *out,
                       struct err *e)
{
	char path[PATH_MAX];
	struct bytes b;
	int r = cell_evidence_piece(c, piece, &b, e);

	if (r == -ENOENT) {
		fprintf(stderr, "tception: %s\n", e->text);
		return 0;
	}
	if (r == 0)
		r = path_join(path, out, file_names[piece], e);
	if (r == 0)
		r = file_write(path, b.data, b.size, e);
	if (r == 0)
		printf("%s  %zu bytes\n", path, b.size);
	return r < 0 ? r : 1;
}

static int write_dmesg(const struct cell_evidence *c, const char *out, struct err *e)
{
	_cleanup_(file_abandon) struct file_new f = {0};
	char path[PATH_MAX];
	int r = path_join(path, out, "dmesg.txt", e);

	if (r == 0)
		r = file_begin(&f, path, e);
	if (r < 0)
		return r;
	cell_evidence_dmesg(c, f.stream);
	r = file_commit(&f, e);
	if (r == 0)
		printf("%s\n", path);
	return r;
}

/* What the quote has to say: the nonce of this visit, this layer and the evidence before it. */
static void add_report_data(struct argv *a, const struct cell_evidence *c)
{
	const struct report_evidence *q = layer_quoter(cell_evidence_inner(c));
	char hex[HEX_ENCODED_SIZE(sizeof(q->expected))];

	hex_encode(q->expected, sizeof(q->expected), hex);
	argv_add(a, "--report-data");
	argv_add(a, hex);
}

/* What a quote is verified by: beside it, where the run has no folder. */
static int write_anchors(const struct cell_evidence *c, const char *out, struct err *e)
{
	const char *pem = c->run.root_pem;
	char path[PATH_MAX], name[32];
	int r = 0;

	if (pem)
		r = path_join(path, out, "root.pem", e) ?: file_write(path, pem, strlen(pem), e);
	for (size_t i = 0; i < c->collaterals && r == 0; i++) {
		snprintf(name, sizeof(name), "%02zu.json", i + 1);
		r = store_collateral_add(out, name, c->collateral[i].data, c->collateral[i].size,
		                         e);
	}
	return r;
}

static int print_verify(const struct cell_evidence *c, const char *out, struct err *e)
{
	const char *anchors = bundle_is(c->run.dir) ? out : c->run.dir;
	struct argv a = {0};
	char at[32];
	time_t started = (time_t)c->run.started;
	struct tm tm;

	gmtime_r(&started, &tm);
	strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &tm);
	argv_add(&a, "tception");
	argv_add(&a, "quote");
	argv_add(&a, "verify");
	argv_add(&a, "--at");
	argv_add(&a, at);
	if (c->run.root_pem) {
		argv_add(&a, "--root");
		argv_addf(&a, "%s/root.pem", anchors);
	}
	if (c->collaterals) { /* a run may have none */
		argv_add(&a, "--collateral");
		argv_addf(&a, "%s/collateral", anchors);
	}
	add_report_data(&a, c);
	argv_addf(&a, "%s/%s", out, file_names[CELL_QUOTE]);
	if (a.failed) {
		argv_done(&a);
		return err_nomem(e);
	}
	printf("\n# whether it holds, as of the run's start:\n");
	words_put_line(a.item, stdout);
	argv_done(&a);
	return 0;
}

static void print_eventlog(const char *out, bool has_quote)
{
	char log[PATH_MAX], quote[PATH_MAX];
	char *const with[] = {"tception", "eventlog", "--quote", quote, log, NULL};
	char *const without[] = {"tception", "eventlog", log, NULL};

	if (path_join(log, out, file_names[CELL_EVENTLOG], NULL) < 0 ||
	    path_join(quote, out, file_names[CELL_QUOTE], NULL) < 0)
		return;
	printf("\n# what was measured%s:\n",
	       has_quote ? ", and whether the quote says the same" : "");
	words_put_line(has_quote ? with : without, stdout);
}

/* Of a machine whose paravisor keeps TDX to itself; nothing where there is none. */
static int write_vtpm(const struct cell_evidence *c, const char *out, struct err *e)
{
	const struct report_evidence *r = layer_report(cell_evidence_inner(c), REPORT_VTPM);
	char path[PATH_MAX], nonce[HEX_ENCODED_SIZE(32)];
	char *const words[] = {"tception", "cloud", "azure", "--nonce", nonce, path, NULL};
	int code;

	if (!r || !r->ok || !r->data)
		return 0;
	code = path_join(path, out, "vtpm.json", e) ?: file_write(path, r->data, r->size, e);
	if (code < 0)
		return code;
	hex_encode(r->expected, 32, nonce);
	printf("%s  %zu bytes\n\n# what the vTPM has, and whether it is over this visit's nonce:\n",
	       path, r->size);
	words_put_line(words, stdout);
	return 0;
}

static int extract(const struct cell_evidence *c, const char *out, struct err *e)
{
	int quote, report, log, r = file_make_dirs(out, 0777, e);

	if (r < 0 || (quote = write_piece(c, CELL_QUOTE, out, e)) < 0 ||
	    (report = write_piece(c, CELL_TDREPORT, out, e)) < 0 ||
	    (log = write_piece(c, CELL_EVENTLOG, out, e)) < 0 || (r = write_dmesg(c, out, e)) < 0)
		return e->code;
	if (quote && bundle_is(c->run.dir) && (r = write_anchors(c, out, e)) < 0)
		return r;
	if (quote && (r = print_verify(c, out, e)) < 0)
		return r;
	if (log)
		print_eventlog(out, quote > 0);
	return write_vtpm(c, out, e);
}

/* "td_docker+dev" of the cell td/docker+dev: no more than the cell's words. */
static void default_folder(const struct cell_evidence *c, char out[CELL_ID_MAX])
{
	snprintf(out, CELL_ID_MAX, "%s", c->test->id);
	for (char *p = out; (p = strchr(p, '/'));)
		*p = '_';
}

int cmd_extract(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_OUTPUT(out, "where to (default: a folder named as the cell, here)"),
	        {0},
	};
	static const struct options_of options = {
	        .about =
	                "Writes what a cell's innermost layer gave as files: quote, TDREPORT, "
	                "event "
	                "log and kernel log (layer 0's where it has none); prints the command that "
	                "verifies them. Nothing of it is judged.\vExit status: 0; 2 usage; 3 when "
	                "the run has no such cell or no evidence of it.",
	        .usage = "RUN CELL",
	        .operand = OPTION_MEMBER(const char *, operand[0]),
	        .operands = 2,
	        .missing = "the folder of a run is missing",
	        .check = check,
	        .rows = rows,
	};
	_cleanup_(cell_evidence_done) struct cell_evidence c = {0};
	char folder[CELL_ID_MAX];
	struct options o = {0};
	struct err e = {0};

	options_parse(&options, argc, argv, &o);
	if (cell_evidence_load(o.operand[0], o.operand[1], &c, &e) < 0)
		return cmd_failed(EXIT_BROKEN, &e);
	default_folder(&c, folder);
	return extract(&c, o.out ?: folder, &e) < 0 ? cmd_failed(EXIT_BROKEN, &e) : EXIT_OK;
}
