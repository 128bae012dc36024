/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/ladder.h"

#include <stdio.h>
#include <string.h>

#include "core/enum.h"
#include "core/escape.h"
#include "format/eventlog.h"
#include "format/tdx.h"
#include "judge/asked.h"
#include "judge/frames.h"
#include "judge/told.h"
#include "judge/vtpm.h"
#include "judge/weigh.h"

/* A layer on the ladder. The rungs are climbed in order; each looks at what those
 * before it left. */
struct climb {
	const struct ladder_input *in;
	const struct layer_evidence *l;
	const struct report_evidence *ioctl;
	const struct report_evidence *quoter; /* the interface that is to give the quote, or NULL */
	bool vtpm; /* a vTPM's evidence takes the place of a quote from an interface */
	struct layer_verdict *v;
	struct attested *a;
	struct verdict tcb; /* what the collateral says, once the chain was climbed */
};

__attribute__((format(printf, 6, 7))) static void set(struct climb *c, enum rung rung,
                                                      enum rung_state ok, const char *error,
                                                      double ms, const char *fmt, ...)
{
	struct rung_result *r = &c->v->ladder[rung];
	va_list ap;

	r->ok = ok;
	r->ms = ms;
	snprintf(r->error, sizeof(r->error), "%s", error);
	va_start(ap, fmt);
	vsnprintf(r->detail, sizeof(r->detail), fmt, ap);
	va_end(ap);
}
#define PASS(c, rung, ...) set(c, rung, RUNG_TRUE, "", -1, __VA_ARGS__)
#define DENY(c, rung, ...) set(c, rung, RUNG_FALSE, "", -1, __VA_ARGS__)
#define VOID(c, rung, ...) set(c, rung, RUNG_NULL, "", -1, __VA_ARGS__)

static bool holds(const struct climb *c, enum rung rung)
{
	return c->v->ladder[rung].ok == RUNG_TRUE;
}

void ladder_none(struct layer_verdict *v, const char *why)
{
	for (int i = 0; i < RUNG_COUNT; i++) {
		v->ladder[i] = (struct rung_result){.ok = RUNG_NULL, .ms = -1};
		snprintf(v->ladder[i].detail, sizeof(v->ladder[i].detail), "%s", why);
	}
}

/* Layer 0's own evidence: its TDREPORT, or else its quote. */
static bool layer0_identity(const struct climb *c, struct identity *ret)
{
	const struct attested *zero = c->in->layer0;

	if (zero && zero->has_report)
		*ret = identity_of_report(&zero->report);
	else if (zero && zero->has_quote)
		*ret = identity_of_quote(&zero->quote);
	else
		return false;
	return true;
}

/* RTMR3 is left out: a layer may have extended it since. */
static const char *differs_from_layer0(const struct climb *c, const struct tdreport *report)
{
	struct identity own = identity_of_report(report), zero;

	return layer0_identity(c, &zero) ? identity_differs(&own, &zero, TDX_RTMR_COUNT - 1) : NULL;
}

/* ---- device, tdreport ---- */
/* The node of the name that upstream kernels use, or of the older one where only that exists. */
static const json_t *device_node(const json_t *devices)
{
	static const char *const paths[] = {"/dev/tdx_guest", "/dev/tdx-guest"};
	const json_t *nodes = json_object_get(devices, "nodes"), *found = NULL;

	for (size_t p = 0; p < 2; p++) {
		for (size_t i = 0; i < json_array_size(nodes); i++) {
			const json_t *n = json_array_get(nodes, i);
			const char *path = member_text(n, "path");

			if (!path || strcmp(path, paths[p]) != 0)
				continue;
			if (!found || member_bool(n, "exists", false))
				found = n;
		}
		if (member_bool(found, "exists", false))
			break;
	}
	return found;
}

static void climb_device(struct climb *c)
{
	const json_t *node = device_node(c->l->devices);
	const json_t *open = json_object_get(node, "open");
	char mode[16], path[32];

	if (!node) {
		VOID(c, RUNG_DEVICE, "%s",
		     c->l->tiny ? "the nested guest is too small to probe devices"
		                : "the layer said nothing about the TDX device");
		return;
	}
	text_escape(mode, sizeof(mode), member_text(node, "mode"));
	text_escape(path, sizeof(path), member_text(node, "path"));
	if (!member_bool(node, "exists", false))
		set(c, RUNG_DEVICE, RUNG_FALSE, "ENOENT", -1, "no %s", path);
	else if (!member_bool(open, "ok", false))
		set(c, RUNG_DEVICE, RUNG_FALSE, member_errno(open, "errno"), -1,
		    "%s, mode %s, cannot be opened", path, mode);
	else
		PASS(c, RUNG_DEVICE, "%s, mode %s", path, mode);
}

static void climb_tdreport(struct climb *c)
{
	const struct report_evidence *r = c->ioctl;
	const char *wrong;
	enum format_code code;
	uint64_t at = 0;

	if (!r) {
		VOID(c, RUNG_TDREPORT, "not tried");
	} else if (!r->ok && c->v->ladder[RUNG_DEVICE].ok == RUNG_FALSE) {
		VOID(c, RUNG_TDREPORT, "no device to ask");
	} else if (!r->ok) {
		set(c, RUNG_TDREPORT, RUNG_FALSE, r->error, r->ms, "ended at step '%s'", r->step);
	} else if ((code = tdreport_parse(r->data, r->size, &c->a->report, &at)) != FORMAT_OK) {
		set(c, RUNG_TDREPORT, RUNG_FALSE, "", r->ms, "no TDREPORT: %s at byte %llu",
		    format_code_name(code), (unsigned long long)at);
	} else if (memcmp(c->a->report.mac.report_data, r->expected, 64) != 0) {
		set(c, RUNG_TDREPORT, RUNG_FALSE, "", r->ms,
		    "a TDREPORT for something else: its REPORTDATA is not what was asked for");
	} else if ((wrong = differs_from_layer0(c, &c->a->report)) != NULL) {
		set(c, RUNG_TDREPORT, RUNG_FALSE, "", r->ms,
		    "a TDREPORT of another TD: %s differs from layer 0's", wrong);
	} else {
		c->a->has_report = true;
		set(c, RUNG_TDREPORT, RUNG_TRUE, "", r->ms,
		    "well-formed, over our REPORTDATA; only the platform can check its MAC");
	}
}

/* ---- provider, quote, parsed, bound ---- */
static void climb_provider(struct climb *c)
{
	const struct report_evidence *r = layer_report(c->l, REPORT_CONFIGFS);
	bool brokered = c->quoter && c->quoter->interface == REPORT_BROKER && c->quoter->ok;

	if (brokered && strcmp(c->quoter->provider, "tdx_guest") == 0)
		PASS(c, RUNG_PROVIDER, "tdx_guest, of the layer below: through its broker");
	else if (c->vtpm)
		PASS(c, RUNG_PROVIDER, "a paravisor's vTPM");
	else if (!r)
		VOID(c, RUNG_PROVIDER, "not tried");
	else if (strcmp(r->provider, "tdx_guest") == 0)
		PASS(c, RUNG_PROVIDER, "tdx_guest");
	else if (r->provider[0])
		DENY(c, RUNG_PROVIDER, "the provider is '%s', not tdx_guest", r->provider);
	else if (!r->ok)
		set(c, RUNG_PROVIDER, RUNG_FALSE, r->error, r->ms,
		    "configfs-tsm: ended at step '%s'", r->step);
	else
		DENY(c, RUNG_PROVIDER, "a quote from configfs without the provider's name");
}

static void climb_quote(struct climb *c)
{
	const struct report_evidence *r = c->quoter;
	json_int_t writes = r && r->generations ? r->generation[1] - r->generation[0] : 1;

	if (c->vtpm && c->l->vtpm.td_quote.size)
		PASS(c, RUNG_QUOTE, "vtpm: %zu bytes, of the metadata service", c->l->vtpm.td_quote.size);
	else if (c->vtpm)
		DENY(c, RUNG_QUOTE, "vtpm: the metadata service gave no quote of the TDREPORT");
	else if (!r)
		VOID(c, RUNG_QUOTE, "no interface was tried");
	else if (!r->ok && c->v->ladder[RUNG_PROVIDER].ok == RUNG_FALSE)
		VOID(c, RUNG_QUOTE, "no provider to ask");
	else if (!r->ok)
		set(c, RUNG_QUOTE, RUNG_FALSE, r->error, r->ms, "%s: ended at step '%s'%s%s",
		    r->name, r->step, r->kernel[0] ? "; kernel: " : "", r->kernel);
	else if (!r->data || r->size == 0)
		set(c, RUNG_QUOTE, RUNG_FALSE, "", r->ms,
		    "%s: an empty quote, which is how older kernels tell a failure", r->name);
	else if (writes != 1)
		set(c, RUNG_QUOTE, RUNG_FALSE, "", r->ms,
		    "%s: someone else wrote to the entry meanwhile (generation)", r->name);
	else
		set(c, RUNG_QUOTE, RUNG_TRUE, "", r->ms, "%s: %zu bytes", r->name, r->size);
}

static void climb_parsed(struct climb *c)
{
	struct quote *q = &c->a->quote;
	struct bytes b;
	enum format_code code;
	uint64_t at = 0;

	if (!holds(c, RUNG_QUOTE)) {
		VOID(c, RUNG_PARSED, "no quote");
		return;
	}
	b = c->vtpm ? c->l->vtpm.td_quote : (struct bytes){c->quoter->data, c->quoter->size};
	code = quote_parse(b.data, b.size, q, &at);
	if (code != FORMAT_OK)
		DENY(c, RUNG_PARSED, "no quote: %s at byte %llu", format_code_name(code),
		     (unsigned long long)at);
	else if (q->tee_type != QUOTE_TEE_TDX || q->body_type == QUOTE_BODY_SGX)
		DENY(c, RUNG_PARSED, "not a TDX quote");
	else {
		c->a->has_quote = true;
		PASS(c, RUNG_PARSED, "version %u, body type %u", q->version, q->body_type);
	}
}

static void climb_bound(struct climb *c)
{
	if (!c->a->has_quote)
		VOID(c, RUNG_BOUND, "no quote");
	else if (memcmp(c->a->quote.td.report_data, c->quoter->expected, 64) != 0)
		DENY(c, RUNG_BOUND,
		     "its REPORTDATA is not the one of this visit's nonce, this "
		     "layer and its evidence");
	else
		PASS(c, RUNG_BOUND, "REPORTDATA covers nonce, layer and the evidence before it");
}

/* ---- registers ---- */
/*
 * Equal to the layer's own TDREPORT in everything; equal to layer 0's but for RTMR3, which a layer
 * may have extended since.
 */
static void climb_registers(struct climb *c)
{
	struct identity quote, own, zero;
	const char *wrong;
	bool has_zero = layer0_identity(c, &zero);

	if (!c->a->has_quote) {
		VOID(c, RUNG_REGISTERS, "no quote");
		return;
	}
	quote = identity_of_quote(&c->a->quote);
	if (!c->a->has_report && !has_zero) {
		VOID(c, RUNG_REGISTERS, "no TDREPORT to compare with");
		return;
	}
	if (c->a->has_report) {
		own = identity_of_report(&c->a->report);
		wrong = identity_differs(&quote, &own, TDX_RTMR_COUNT);
		if (wrong) {
			DENY(c, RUNG_REGISTERS, "%s differs from this layer's TDREPORT", wrong);
			return;
		}
	}
	wrong = has_zero ? identity_differs(&quote, &zero, TDX_RTMR_COUNT - 1) : NULL;
	if (wrong)
		DENY(c, RUNG_REGISTERS, "%s differs from layer 0's", wrong);
	else if (c->in->td && (wrong = identity_not_as_asked(&quote, c->in->td)))
		DENY(c, RUNG_REGISTERS, "%s is not what the VMM was asked for", wrong);
	else
		PASS(c, RUNG_REGISTERS, "equal to %s%s%s%s",
		     c->a->has_report ? "this layer's TDREPORT" : "",
		     c->a->has_report && has_zero ? " and " : "", has_zero ? "layer 0's" : "",
		     quote.attributes & TDX_ATTR_DEBUG ? "; DEBUG is on: the host can read this TD"
		                                       : "");
}

static int climb_chain(struct climb *c, struct err *e)
{
	static const enum origin fitting[] = {
	        [PLATFORM_NONE] = ORIGIN_NONE,
	        [PLATFORM_EMULATED] = ORIGIN_EMULATED,
	        [PLATFORM_HARDWARE] = ORIGIN_HARDWARE,
	};
	struct verdict t;
	int rc;

	if (!c->a->has_quote) {
		VOID(c, RUNG_CHAIN, "no quote");
		c->v->origin = holds(c, RUNG_QUOTE) ? ORIGIN_UNKNOWN : ORIGIN_NONE;
		return 0;
	}
	rc = signers_check(c->in->signers, &c->a->quote, c->in->at, &t, &c->tcb, e);
	if (rc < 0)
		return rc;
	c->v->origin = t.authentic ? t.origin : ORIGIN_UNKNOWN;
	if (!t.authentic)
		DENY(c, RUNG_CHAIN, "%s", t.reason);
	else if (!c->in->found && t.origin != fitting[c->in->platform])
		DENY(c, RUNG_CHAIN, "the chain's origin is %s, the platform is %s",
		     ENUM_NAME(origin_names, t.origin), ENUM_NAME(platform_names, c->in->platform));
	else
		PASS(c, RUNG_CHAIN, "signatures end in %s",
		     t.origin == ORIGIN_HARDWARE ? "Intel's root"
		                                 : "the EMULATED platform's test root");
	return 0;
}

static void read_log(struct climb *c)
{
	const struct blob *b = &c->l->ccel_log;

	c->a->has_log = b->complete && eventlog_replay(b->data, b->size, c->a->log_rtmr,
	                                               &c->a->log_events, NULL) == FORMAT_OK;
}

/* A log that proves nothing is false, not null: its absence must not look like success. */
static void climb_eventlog(struct climb *c)
{
	const struct attested *log = c->a->has_log || !c->in->layer0 ? c->a : c->in->layer0;
	const struct blob *b = &c->l->ccel_log;
	struct identity td;

	if (!c->a->has_quote && !c->a->has_report) {
		VOID(c, RUNG_EVENTLOG, "no registers to compare with");
		return;
	}
	if (!log->has_log) {
		set(c, RUNG_EVENTLOG, RUNG_FALSE, c->in->layer0 ? "" : b->error, -1, "%s",
		    c->in->layer0 ? "layer 0 has no event log"
		    : b->complete ? "the event log is malformed"
		                  : "no event log");
		return;
	}
	td = c->a->has_quote ? identity_of_quote(&c->a->quote) : identity_of_report(&c->a->report);
	for (int i = 0; i < 3; i++) {
		if (memcmp(td.rtmr[i], log->log_rtmr[i], TDX_DIGEST_SIZE) != 0) {
			DENY(c, RUNG_EVENTLOG, "%s log does not replay to RTMR%d",
			     log == c->a ? "the" : "layer 0's", i);
			return;
		}
	}
	PASS(c, RUNG_EVENTLOG, "%s%zu events replay to RTMR0-2", log == c->a ? "" : "layer 0's ",
	     log->log_events);
}

static void climb_predicted(struct climb *c)
{
	struct identity td;

	if (!c->in->prediction) {
		VOID(c, RUNG_PREDICTED, "nothing was predicted for this boot");
	} else if (!c->a->has_quote && !c->a->has_report) {
		VOID(c, RUNG_PREDICTED, "no registers to compare with");
	} else {
		td = c->a->has_quote ? identity_of_quote(&c->a->quote)
		                     : identity_of_report(&c->a->report);
		predicted_weigh(c->in->prediction, td.mrtd, td.rtmr, &c->l->ccel_log,
		                &c->v->ladder[RUNG_PREDICTED]);
		if (c->in->platform == PLATFORM_HARDWARE)
			predicted_on_hardware(c->in->confirmed, holds(c, RUNG_CHAIN),
			                      &c->v->ladder[RUNG_PREDICTED]);
	}
}

/* Not part of any grade: an old platform attests, too. */
static void climb_tcb(struct climb *c)
{
	if (!c->a->has_quote)
		VOID(c, RUNG_TCB, "no quote");
	else if (!c->in->has_collateral)
		VOID(c, RUNG_TCB, "no collateral given");
	else if (!holds(c, RUNG_CHAIN))
		VOID(c, RUNG_TCB, "the quote is not authentic");
	else
		tcb_weigh(&c->tcb, c->in->platform, &c->v->ladder[RUNG_TCB]);
}

static struct extends extends_until(const struct climb *c, const struct report_evidence *r)
{
	struct extends x = c->in->extends;

	extends_add(&x, c->l, r->extends);
	return x;
}

static void climb_covers(struct climb *c)
{
	struct covers_input in = {
	        .layer = c->l,
	        .below = c->in->below,
	        .below_covered = c->in->below_covered,
	        .id = c->v->id,
	        .expected = c->in->image,
	        .source = "the case file",
	};

	if (c->a->has_quote) {
		in.quoted = c->a->quote.td.rtmr[3];
		in.replayed = extends_until(c, c->quoter);
	}
	if (!in.expected && c->in->plain_container && c->in->prediction &&
	    c->in->prediction->image[0]) {
		in.expected = c->in->prediction->image;
		in.source = "the initrd's agent";
	}
	covers_weigh(&in, &c->v->ladder[RUNG_COVERS], c->v->image);
}

/* ---- the whole ---- */
static enum grade grade_of(const struct climb *c)
{
	if (!holds(c, RUNG_PARSED) || !holds(c, RUNG_BOUND))
		return holds(c, RUNG_TDREPORT) ? GRADE_REPORT : GRADE_NONE;
	if (!holds(c, RUNG_REGISTERS) || !holds(c, RUNG_CHAIN) ||
	    c->v->ladder[RUNG_EVENTLOG].ok == RUNG_FALSE ||
	    c->v->ladder[RUNG_PREDICTED].ok == RUNG_FALSE)
		return GRADE_QUOTE;
	return holds(c, RUNG_COVERS) ? GRADE_COVERED : GRADE_VERIFIED;
}

/* Trials of RTMR3 and what they are seen in: the quote, or else the TDREPORT. */
static void read_extends(struct climb *c)
{
	const struct report_evidence *r = c->a->has_quote && !c->vtpm ? c->quoter : c->ioctl;
	struct extends replayed = {{0}, 0};
	const uint8_t *seen = NULL;

	if (c->a->has_quote && !c->vtpm)
		seen = c->a->quote.td.rtmr[3];
	else if (c->a->has_report)
		seen = c->a->report.td.rtmr[3];
	if (seen)
		replayed = extends_until(c, r);
	for (size_t i = 0; i < c->l->extends && c->v->interfaces < JUDGE_INTERFACES_MAX; i++) {
		if (!c->l->extend[i].launch && !c->l->extend[i].key)
			extends_interface(&c->l->extend[i], seen, &replayed,
			                  &c->v->interface[c->v->interfaces++]);
	}
}

int ladder_climb(const struct ladder_input *in, struct layer_verdict *ret,
                 struct attested *ret_attested, struct err *e)
{
	struct attested attested = {0};
	struct layer_verdict v = *ret;
	struct climb c = {
	        .in = in,
	        .l = in->evidence,
	        .ioctl = layer_report(in->evidence, REPORT_IOCTL),
	        .quoter = layer_quoter(in->evidence),
	        .v = &v,
	        .a = &attested,
	};
	int rc;

	c.vtpm = c.l->has_vtpm && !(c.quoter && c.quoter->ok);
	climb_device(&c);
	climb_tdreport(&c);
	climb_provider(&c);
	climb_quote(&c);
	climb_parsed(&c);
	if (!c.vtpm) {
		climb_bound(&c);
		climb_registers(&c);
	}
	rc = climb_chain(&c, e);
	if (rc < 0)
		return rc;
	read_log(&c);
	if (!c.vtpm) {
		climb_eventlog(&c);
		climb_covers(&c);
	} else {
		vtpm_weigh(c.l, attested.has_quote ? &attested.quote : NULL, in->at, &v);
	}
	climb_predicted(&c);
	climb_tcb(&c);
	conforms_weigh(c.l->conformance, c.l->conformance_extend, &v.ladder[RUNG_CONFORMS]);
	VOID(&c, RUNG_SECRET, "the case asks for none");
	v.grade = grade_of(&c);
	told_interfaces(c.l, &v);
	read_extends(&c);
	told_kvm(c.l->kvm, &v);
	*ret = v;
	*ret_attested = attested;
	return 0;
}
