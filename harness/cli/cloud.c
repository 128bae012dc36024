/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cmd.h"
#include "cli/collateral.h"
#include "cli/input.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "core/json.h"
#include "format/bytes.h"
#include "trust/cloud.h"
#include "trust/form.h"

#define FILE_MAX (16u << 20)

struct options {
	const char *evidence, *quote, *hcl, *log, *ak_cert, *endorsement, *root, *nonce, *collateral;
	time_t at;
	bool json;
};

/* ---- inputs: heap copies, by who asks for them ---- */

/* A file as it is; nothing where none is named. */
static int take_file(const char *path, struct cloud_parts *p, struct bytes *ret, struct err *e)
{
	struct input in;
	int r = path ? input_read(path, FILE_MAX, &in, e) : 0;

	if (path && r == 0)
		*ret = cloud_keep(p, (struct form_bytes){.data = in.data, .size = in.size});
	return r;
}

/* A quote in any form; what is none is left to the verdict. */
static int take_quote(const char *path, struct cloud_parts *p, struct bytes *ret, struct err *e)
{
	_cleanup_(input_done) struct input in = {0};
	struct form_bytes b;
	int r = path ? input_read(path, FILE_MAX, &in, e) : 0;

	if (!path || r < 0)
		return r;
	r = form_quote(in.data, in.size, &b, e);
	if (r == 0)
		*ret = cloud_keep(p, b);
	return r < 0 ? err_prefix(e, "%.200s", path) : 0;
}

static int take_hex(const char *option, const char *text, struct cloud_parts *p, struct bytes *ret,
                    struct err *e)
{
	struct form_bytes b;

	if (!text)
		return 0;
	if (form_text(text, strlen(text), &b) < 0)
		return err_set(e, -EINVAL, "%s: neither hexadecimal nor base64: %.40s", option, text);
	*ret = cloud_keep(p, b);
	return 0;
}

static int take_evidence(const char *path, struct cloud_parts *p, struct azure_evidence *ev,
                         struct err *e)
{
	_cleanup_(input_done) struct input in = {0};
	int r = path ? input_read(path, FILE_MAX, &in, e) : 0;

	if (path && r == 0)
		r = azure_read(in.data, in.size, p, ev, e);
	return path && r < 0 ? err_prefix(e, "%.200s", path) : r;
}

/* ---- what comes out ---- */

static const char *answer(int ok)
{
	return ok < 0 ? "-" : ok ? "yes" : "NO";
}

static int print_json(const struct cloud_verdict *v)
{
	json_t *rows = json_array(), *covers = json_array();

	for (size_t i = 0; i < v->rows; i++) {
		const struct cloud_row *row = &v->row[i];

		json_array_append_new(rows, json_pack("{s:s, s:o, s:s}", "what", row->what, "ok",
		                                      row->ok < 0 ? json_null()
		                                                  : json_boolean(row->ok),
		                                      "detail", row->detail));
	}
	for (size_t i = 0; v->covers[i]; i++)
		json_array_append_new(covers, json_string(v->covers[i]));
	return json_print(json_pack("{s:b, s:o, s:o}", "holds", cloud_holds(v), "checks", rows,
	                            "covers", covers));
}

static int show(const struct options *o, const struct cloud_verdict *v)
{
	if (o->json && print_json(v) < 0)
		return EXIT_BROKEN;
	for (size_t i = 0; !o->json && i < v->rows; i++)
		printf("%-12s %-4s %s\n", v->row[i].what, answer(v->row[i].ok), v->row[i].detail);
	for (size_t i = 0; !o->json && v->covers[i]; i++)
		printf("%s\n", v->covers[i]);
	return cloud_holds(v) ? EXIT_OK : EXIT_DIFFERS;
}

static int make_verifier(const struct options *o, struct verifier **ret, struct err *e)
{
	int r = verifier_new(&(struct trust_anchors){0}, ret, e);

	if (r == 0 && o->collateral)
		r = collateral_take(o->collateral, *ret, NULL, e);
	return r;
}

static int judge_azure(const struct options *o, struct cloud_parts *p, struct verifier *verifier,
                       struct cloud_verdict *ret, struct err *e)
{
	struct azure_evidence ev = {0};
	int r;

	if ((r = take_evidence(o->evidence, p, &ev, e)) < 0 ||
	    (r = take_file(o->hcl, p, &ev.hcl, e)) < 0 ||
	    (r = take_quote(o->quote, p, &ev.td_quote, e)) < 0 ||
	    (r = take_file(o->log, p, &ev.log, e)) < 0 ||
	    (r = take_file(o->ak_cert, p, &ev.ak_cert, e)) < 0 ||
	    (r = take_file(o->root, p, &ev.ak_root, e)) < 0 ||
	    (r = take_hex("--nonce", o->nonce, p, &ev.nonce, e)) < 0)
		return r;
	if (o->ak_cert)
		ev.ak_more = ev.ak_cert; /* those behind the first */
	return cloud_azure(&ev, verifier, o->at, ret, e);
}

static int judge_gcp(const struct options *o, struct cloud_parts *p, struct verifier *verifier,
                     struct cloud_verdict *ret, struct err *e)
{
	struct gcp_evidence ev = {0};
	int r;

	if ((r = take_quote(o->evidence, p, &ev.td_quote, e)) < 0 ||
	    (r = take_file(o->log, p, &ev.log, e)) < 0 ||
	    (r = take_file(o->endorsement, p, &ev.endorsement, e)) < 0 ||
	    (r = take_file(o->root, p, &ev.root, e)) < 0 ||
	    (r = take_hex("--nonce", o->nonce, p, &ev.report_data, e)) < 0)
		return r;
	return cloud_gcp(&ev, verifier, o->at, ret, e);
}

static int run(const struct options *o,
               int (*judge)(const struct options *, struct cloud_parts *, struct verifier *,
                            struct cloud_verdict *, struct err *))
{
	_cleanup_(cloud_parts_done) struct cloud_parts parts = {0};
	_cleanup_(verifier_freep) struct verifier *verifier = NULL;
	struct cloud_verdict v;
	struct err e = {0};
	int r = make_verifier(o, &verifier, &e);

	if (r == 0)
		r = judge(o, &parts, verifier, &v, &e);
	if (r < 0)
		return cmd_failed(r == -EINVAL ? EXIT_USAGE : EXIT_BROKEN, &e);
	return show(o, &v);
}

#define COMMON_ROWS                                                                               \
	OPTION_TEXT(collateral, "collateral", "DIR|FILE", "Intel's collateral for the TD quote"), \
	        OPTION_CALL(at, options_take_time, "at", "TIME",                                  \
	                    "judge as of this time, not now: seconds or a date"),      \
	        OPTION_JSON, {0}

static int cmd_azure(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_TEXT(hcl, "hcl", "FILE", "the HCL report: NV index 0x01400001 of the vTPM"),
	        OPTION_TEXT(quote, "quote", "FILE", "the TD quote, of the metadata service"),
	        OPTION_TEXT(log, "eventlog", "FILE",
	                    "the log of the TPM: binary_bios_measurements in securityfs"),
	        OPTION_TEXT(ak_cert, "ak-cert", "FILE", "the AK's certificate and those above it"),
	        OPTION_TEXT(root, "root", "FILE", "what the AK's certificate has to end in, PEM"),
	        OPTION_TEXT(nonce, "nonce", "HEX", "what the TPM quote was asked with"),
	        COMMON_ROWS,
	};
	static const struct options_of options = {
	        .about = "Judges what a trust domain on Azure shows, offline: HCL report, TD quote, "
	                 "the vTPM's key, its quote, PCRs and log. EVIDENCE is JSON with hcl_report, "
	                 "td_quote and tpm_quote of message, signature and 24 pcrs; options over "
	                 "it.\vExit codes: 0 a genuine TD quote and nothing wrong, 1 something is, or "
	                 "no such quote, 2 usage, 3 no such file.",
	        .usage = "[EVIDENCE]",
	        .operand = OPTION_MEMBER(const char *, evidence),
	        .operands = 1,
	        .rows = rows,
	};
	struct options o = {.at = time(NULL)};

	options_parse(&options, argc, argv, &o);
	return run(&o, judge_azure);
}

static int cmd_gcp(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_TEXT(log, "eventlog", "FILE", "the CCEL log"),
	        OPTION_TEXT(endorsement, "endorsement", "FILE",
	                    "Google's launch endorsement: <MRTD>.binarypb of gce_tcb_integrity"),
	        OPTION_TEXT(root, "root", "FILE", "what its certificate has to end in, PEM"),
	        OPTION_TEXT(nonce, "nonce", "HEX", "the REPORTDATA that was asked for, 64 bytes"),
	        COMMON_ROWS,
	};
	static const struct options_of options = {
	        .about = "Judges a quote of a trust domain on Google Cloud, offline: chain, event "
	                 "log, and MRTD against Google's endorsement of its firmware.\vExit codes: "
	                 "0 it is genuine and nothing is wrong, 1 something is, 2 usage, 3 no such "
	                 "file.",
	        OPTION_OPERAND(evidence, "QUOTE", "no quote"),
	        .rows = rows,
	};
	struct options o = {.at = time(NULL)};

	options_parse(&options, argc, argv, &o);
	return run(&o, judge_gcp);
}

int cmd_cloud(int argc, char **argv)
{
	static const struct verb verbs[] = {
	        {"azure", cmd_azure, "HCL report, vTPM and TD quote"},
	        {"gcp", cmd_gcp, "TD quote, CCEL and launch endorsement"},
	};

	return cmd_dispatch(verbs, COUNT_OF(verbs),
	                    "Evidence of trust domains that a cloud has booted, judged offline.",
	                    argc, argv);
}
