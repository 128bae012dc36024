/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/cloud.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/enum.h"
#include "format/eventlog.h"
#include "format/gce.h"
#include "trust/rsa.h"

void cloud_row(struct cloud_verdict *v, const char *what, int ok, const char *fmt, ...)
{
	struct cloud_row *row = &v->row[v->rows];
	va_list ap;

	if (v->rows == CLOUD_ROWS_MAX)
		return;
	v->rows++;
	*row = (struct cloud_row){.what = what, .ok = ok};
	va_start(ap, fmt);
	vsnprintf(row->detail, sizeof(row->detail), fmt, ap);
	va_end(ap);
}

bool cloud_all_zero(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i])
			return false;
	}
	return true;
}

bool cloud_holds(const struct cloud_verdict *v)
{
	bool chained = false;

	for (size_t i = 0; i < v->rows; i++) {
		if (v->row[i].ok == 0)
			return false;
		chained = chained || (v->row[i].ok > 0 && strcmp(v->row[i].what, "chain") == 0);
	}
	return chained;
}

static void tcb_row(const struct verdict *q, struct cloud_verdict *v)
{
	if (!q->authentic)
		cloud_row(v, "tcb", -1, "the quote is not authentic");
	else if (q->status == TCB_NOT_EVALUATED)
		cloud_row(v, "tcb", -1, "%.280s", q->reason);
	else
		cloud_row(v, "tcb", q->status == TCB_UP_TO_DATE, "%s%s%.200s",
		          tcb_status_names[q->status], q->reason[0] ? ": " : "", q->reason);
}

int cloud_quote(struct bytes data, struct verifier *verifier, time_t at, struct quote *ret,
                struct cloud_verdict *v, struct err *e)
{
	enum format_code code;
	uint64_t offset = 0;
	int r;

	if (!data.data) {
		cloud_row(v, "quote", -1, "no TD quote was given");
		return 0;
	}
	code = quote_parse(data.data, data.size, ret, &offset);
	if (code != FORMAT_OK || ret->tee_type != QUOTE_TEE_TDX ||
	    ret->body_type == QUOTE_BODY_SGX) {
		cloud_row(v, "quote", 0, "no TDX quote: %s at byte %" PRIu64,
		          code == FORMAT_OK ? "of another TEE" : format_code_name(code), offset);
		return 0;
	}
	cloud_row(v, "quote", 1, "version %u, body type %u", ret->version, ret->body_type);
	r = verifier_check(verifier, ret, at, &v->quote, e);
	if (r < 0)
		return r;
	if (v->quote.authentic)
		cloud_row(v, "chain", v->quote.origin == ORIGIN_HARDWARE, "signatures end in %s",
		          v->quote.origin == ORIGIN_HARDWARE ? "Intel's root"
		                                             : "the EMULATED platform's test root");
	else
		cloud_row(v, "chain", 0, "%.280s", v->quote.reason);
	tcb_row(&v->quote, v);
	return 1;
}

/* ---- Google ---- */

static bool log_row(const struct gcp_evidence *in, const struct quote *q, struct cloud_verdict *v)
{
	uint8_t rtmr[4][48];
	enum format_code code;
	size_t events;
	uint64_t at = 0;

	if (!in->log.data) {
		cloud_row(v, "event log", -1, "no CCEL log was given");
		return false;
	}
	code = eventlog_replay(in->log.data, in->log.size, rtmr, &events, &at);
	if (code != FORMAT_OK) {
		cloud_row(v, "event log", 0, "malformed: %s at byte %" PRIu64,
		          format_code_name(code), at);
		return false;
	}
	for (int i = 0; i < 3; i++) {
		if (memcmp(rtmr[i], q->td.rtmr[i], 48) != 0) {
			cloud_row(v, "event log", 0, "does not replay to RTMR%d", i);
			return false;
		}
	}
	if (cloud_all_zero(rtmr[0], 3 * sizeof(rtmr[0]))) {
		cloud_row(v, "event log", -1, "RTMR0-2 are all zero: nothing was measured into them");
		return false;
	}
	cloud_row(v, "event log", 1, "%zu events replay to RTMR0-2", events);
	return true;
}

static bool signature_row(const struct gcp_evidence *in, const struct gce_endorsement *g, time_t at,
                          struct cloud_verdict *v)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	char why[160];
	bool chained = rsa_chain(g->cert, g->ca_bundle, in->root, at, &key, why, sizeof(why));
	bool is_signed = key && rsa_verify(key, true, g->golden, g->signature);

	if (!is_signed)
		cloud_row(v, "endorsement", 0, "its signature is not by the key that it names");
	else if (!in->root.data)
		cloud_row(v, "endorsement", -1,
		          "signed by the key that it names; whose that is nobody knows without --root");
	else
		cloud_row(v, "endorsement", chained, "%s%s",
		          chained ? "signed, and its certificate ends in the root given"
		                  : "its certificate: ",
		          chained ? "" : why);
	return is_signed && chained;
}

static void endorsement_rows(const struct gcp_evidence *in, const struct quote *q, time_t at,
                             struct cloud_verdict *v)
{
	struct gce_endorsement g;
	enum format_code code;
	uint64_t offset = 0;
	bool good;

	if (!in->endorsement.data) {
		cloud_row(v, "endorsement", -1,
		          "none was given: gs://gce_tcb_integrity/ovmf_x64_csm/tdx/<MRTD>.binarypb");
		cloud_row(v, "firmware", -1, "no endorsement says whose it is");
		return;
	}
	code = gce_parse(in->endorsement.data, in->endorsement.size, &g, &offset);
	if (code != FORMAT_OK) {
		cloud_row(v, "endorsement", 0, "no launch endorsement: %s at byte %" PRIu64,
		          format_code_name(code), offset);
		return;
	}
	good = signature_row(in, &g, at, v);
	for (size_t i = 0; i < g.mrtds; i++) {
		if (memcmp(g.mrtd[i].mrtd, q->td.mrtd, 48) != 0)
			continue;
		cloud_row(v, "firmware", good ? 1 : -1,
		          "the endorsement has this MRTD%s%s",
		          g.mrtd[i].early_accept ? ", for memory that the firmware accepts" : "",
		          good ? "" : "; it is worth what the endorsement is");
		return;
	}
	if (!g.has_tdx) {
		cloud_row(v, "firmware", -1, "the endorsement says nothing of TDX");
		return;
	}
	cloud_row(v, "firmware", 0, "none of the endorsement's %zu MRTDs is this one", g.mrtds);
}

int cloud_gcp(const struct gcp_evidence *in, struct verifier *verifier, time_t at,
              struct cloud_verdict *ret, struct err *e)
{
	struct cloud_verdict v = {0};
	struct quote q;
	int r;

	verdict_init(&v.quote);
	r = cloud_quote(in->td_quote, verifier, at, &q, &v, e);
	if (r < 0)
		return r;
	if (r > 0) {
		if (in->report_data.data)
			cloud_row(&v, "bound",
			          in->report_data.size == 64 &&
			                  memcmp(in->report_data.data, q.td.report_data, 64) == 0,
			          "REPORTDATA against the nonce given");
		else
			cloud_row(&v, "bound", -1, "no nonce was given: it may be an old quote");
		log_row(in, &q, &v);
		endorsement_rows(in, &q, at, &v);
	}
	v.covers[0] = "The quote covers the trust domain as a whole: MRTD the firmware, Google's "
	              "where the row firmware says yes; RTMR0 its configuration; RTMR1 and RTMR2 what the firmware and the "
	              "loader measured, by the event log.";
	v.covers[1] = "It says nothing of a container in it, unless something measured that into RTMR3.";
	*ret = v;
	return 0;
}
