/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/evidence.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/enum.h"
#include "core/escape.h"
#include "format/bytes.h"
#include "format/eventlog.h"
#include "format/extend.h"
#include "format/quote.h"
#include "format/sha2.h"
#include "format/text.h"
#include "judge/cutoff.h"
#include "judge/frames.h"
#include "judge/reading.h"

static const char *const interface_names[] = {
        [REPORT_IOCTL] = "ioctl",
        [REPORT_CONFIGFS] = "configfs",
        [REPORT_VSOCK] = "vsock",
        [REPORT_BROKER] = "broker",
        [REPORT_VTPM] = "vtpm",
};

void reading_problem(struct layer_evidence *l, const char *fmt, ...)
{
	va_list ap;

	if (l->problem[0])
		return;
	va_start(ap, fmt);
	vsnprintf(l->problem, sizeof(l->problem), fmt, ap);
	va_end(ap);
}

int reading_append(uint8_t **data, size_t *size, size_t *capacity, const uint8_t *more, size_t n)
{
	if (*size + n > *capacity) {
		size_t bigger = (*size + n) * 2;
		uint8_t *p = realloc(*data, bigger);

		if (!p)
			return -ENOMEM;
		*data = p;
		*capacity = bigger;
	}
	if (n)
		memcpy(*data + *size, more, n);
	*size += n;
	return 0;
}

/* ---- frames about the layer itself ---- */
static int on_hello(struct reading *r, const json_t *o)
{
	struct layer_evidence *l = r->layer;
	const char *id = member_text(o, "layer"), *agent = member_text(o, "agent");
	uint8_t *nonce = NULL;
	size_t size = 0;
	int rc;

	if (r->frames != 0 || !r->probe)
		reading_problem(l, "an unexpected HELLO");
	if (!id || strcmp(id, r->id) != 0)
		reading_problem(l, "HELLO is not from layer %s", r->id);
	rc = member_bytes(o, "nonce", &nonce, &size);
	if (rc == -ENOMEM)
		return rc;
	if (rc < 0 || size != REPORT_NONCE_SIZE || memcmp(nonce, r->nonce, size) != 0)
		reading_problem(l, "HELLO does not carry the nonce of this visit");
	free(nonce);
	text_escape(l->kernel, sizeof(l->kernel), member_text(o, "kernel"));
	text_escape(l->boot_id, sizeof(l->boot_id), member_text(o, "boot_id"));
	l->uptime_ms = member_number(o, "uptime_ms", -1);
	l->hello = true;
	l->tiny = r->may_be_tiny && agent && strcmp(agent, "tiny") == 0;
	return 0;
}

/* The facts that are weighed; others are kept in the raw bytes only. */
static const struct fact {
	const char *probe;
	size_t slot; /* of the json_t * in struct layer_evidence */
} facts[] = {
        {"devices", offsetof(struct layer_evidence, devices)},
        {"kvm", offsetof(struct layer_evidence, kvm)},
        {"tsm", offsetof(struct layer_evidence, tsm)},
        {"confinement", offsetof(struct layer_evidence, confinement)},
        {"isolation", offsetof(struct layer_evidence, isolation)},
        {"syscalls", offsetof(struct layer_evidence, syscalls)},
        {"reach", offsetof(struct layer_evidence, reach)},
        {"entry", offsetof(struct layer_evidence, entry)},
        {"cost", offsetof(struct layer_evidence, cost)},
        {"conformance", offsetof(struct layer_evidence, conformance)},
        {"conformance-extend", offsetof(struct layer_evidence, conformance_extend)},
};

static json_t **fact_slot(struct layer_evidence *l, size_t i)
{
	return (json_t **)((char *)l + facts[i].slot);
}

static void cut_off(struct layer_evidence *l, bool is, const char *what)
{
	if (is)
		reading_problem(
		        l, "%s was cut off in the guest: the machine was too slow, or it hangs",
		        what);
}

static int on_fact(struct reading *r, json_t *o)
{
	struct layer_evidence *l = r->layer;
	const char *probe = member_text(o, "probe");
	char what[120];

	cut_off(l, cutoff_fact(o, what, sizeof(what)), what);

	for (size_t i = 0; probe && i < COUNT_OF(facts); i++) {
		if (strcmp(probe, facts[i].probe) != 0)
			continue;
		if (*fact_slot(l, i))
			reading_problem(l, "the fact '%s' twice", probe);
		else
			*fact_slot(l, i) = json_incref(o);
	}
	return 0;
}

static void blob_piece(struct layer_evidence *l, struct blob *b, const json_t *o, uint8_t *data,
                       size_t size)
{
	uint8_t *bigger;

	if (b->complete || member_integer(o, "offset", -1) != (json_int_t)b->size ||
	    b->size + size > EVENTLOG_MAX) {
		reading_problem(l, "the event log's pieces do not fit together");
		return;
	}
	bigger = realloc(b->data, b->size + size + 1);
	if (!bigger) {
		reading_problem(l, "out of memory for the event log");
		return;
	}
	memcpy(bigger + b->size, data, size);
	b->data = bigger;
	b->size += size;
	b->complete = member_bool(o, "last", false);
}

static int on_blob(struct reading *r, const json_t *o)
{
	struct blob *b = &r->layer->ccel_log;
	const char *name = member_text(o, "name");
	uint8_t *data = NULL;
	size_t size = 0;
	int rc;

	if (!name || strcmp(name, "ccel-log") != 0)
		return 0;
	b->begun = true;
	if (!json_object_get(o, "data")) {
		snprintf(b->error, sizeof(b->error), "%s", member_errno(o, "errno"));
		return 0;
	}
	rc = frame_data_bytes(o, &r->data, &data, &size);
	if (rc < 0)
		reading_problem(r->layer, "the event log's pieces are not base64");
	else
		blob_piece(r->layer, b, o, data, size);
	free(data);
	return rc == -ENOMEM ? rc : 0;
}

static int read_vtpm(struct layer_evidence *l, const struct report_evidence *rep)
{
	struct err e;
	int rc = azure_read(rep->data, rep->size, &l->vtpm_parts, &l->vtpm, &e);

	l->has_vtpm = rc == 0;
	if (rc < 0 && rc != -ENOMEM)
		reading_problem(l, "the vTPM's evidence: %s", e.text);
	return rc == -ENOMEM ? rc : 0;
}

static int on_report(struct reading *r, const json_t *o)
{
	struct layer_evidence *l = r->layer;
	struct report_evidence rep = {.interface = 0};
	const char *name = member_text(o, "interface");
	const json_t *generation = json_object_get(o, "generation");
	const json_t *kernel = json_object_get(o, "kernel");
	struct sha512 so_far = r->digest; /* the frames before this one */
	uint8_t evidence[SHA384_SIZE];
	char what[120];

	cut_off(l, cutoff_attempt(o, what, sizeof(what)), what);
	text_escape(rep.name, sizeof(rep.name), name);
	if (name && ENUM_FIND(interface_names, name) > 0)
		rep.interface = ENUM_FIND(interface_names, name);
	if (l->reports == REPORTS_MAX || layer_report(l, rep.interface)) {
		reading_problem(l, "too many REPORT frames, or one interface twice");
		return 0;
	}
	rep.extends = l->extends;
	rep.ok = member_bool(o, "ok", false);
	rep.ms = member_number(o, "ms", -1);
	text_escape(rep.step, sizeof(rep.step), member_text(o, "step"));
	text_escape(rep.provider, sizeof(rep.provider), member_text(o, "provider"));
	snprintf(rep.error, sizeof(rep.error), "%s", member_errno(o, "errno"));
	if (json_array_size(kernel))
		text_escape(rep.kernel, sizeof(rep.kernel),
		            json_string_value(json_array_get(kernel, json_array_size(kernel) - 1)));
	rep.generations = json_array_size(generation) == 2;
	for (size_t i = 0; rep.generations && i < 2; i++)
		rep.generation[i] = json_integer_value(json_array_get(generation, i));
	if (frame_data_bytes(o, &r->data, &rep.data, &rep.size) == -ENOMEM)
		return -ENOMEM;
	if (rep.size > QUOTE_MAX && rep.interface != REPORT_VTPM)
		reading_problem(l, "a report of %zu bytes", rep.size);
	sha384_final(&so_far, evidence);
	report_data_make(r->nonce, r->id, rep.interface, evidence, rep.expected);
	l->report[l->reports++] = rep;
	return rep.interface == REPORT_VTPM && rep.ok && rep.data ? read_vtpm(l, &rep) : 0;
}

static int on_extend(struct reading *r, const json_t *o)
{
	struct layer_evidence *l = r->layer;
	char what[120];
	int rc = -EINVAL;

	cut_off(l, cutoff_attempt(o, what, sizeof(what)), what);

	if (l->extends < EXTENDS_MAX)
		rc = extend_read(o, r->nonce, r->id, &l->extend[l->extends]);
	if (rc == 0)
		l->extends++;
	else if (rc == -EINVAL)
		reading_problem(l,
		                "an EXTEND frame too many, or one of another register than RTMR3");
	return rc == -ENOMEM ? rc : 0;
}

static int on_done(struct reading *r, const json_t *o)
{
	const char *id = member_text(o, "layer");

	if (!id || strcmp(id, r->id) != 0)
		reading_problem(r->layer, "DONE is not from layer %s", r->id);
	r->layer->done = true;
	return 0;
}

static int on_dmesg(struct reading *r, const json_t *o)
{
	const char *text = member_text(o, "text");

	r->layer->guest_detected |= text && strstr(text, "tdx: Guest detected");
	return 0;
}

/* One that names a child passes its question on. */
static int on_ask(struct reading *r, const json_t *o)
{
	if (json_object_get(o, "child"))
		return 0;
	if (r->layer->asks)
		reading_problem(r->layer, "it asks for its secret twice");
	r->layer->asks = true;
	return 0;
}

static int on_key(struct reading *r, const struct frame_view *f, json_t *o)
{
	if (r->layer->key) {
		reading_problem(r->layer, "it names two keys");
		return 0;
	}
	r->layer->key = json_incref(o);
	sha256(f->payload, f->header.length, r->layer->key_digest);
	return 0;
}

static int on_proof(struct reading *r, json_t *o)
{
	if (r->layer->proof || !r->layer->asks)
		reading_problem(r->layer, "an unexpected PROOF");
	else
		r->layer->proof = json_incref(o);
	return 0;
}

/* ---- one layer ---- */
static int on_frame(struct reading *r, const struct frame_view *f, json_t *o)
{
	switch (f->header.type) {
	case FRAME_HELLO:
		return on_hello(r, o);
	case FRAME_FACT:
		return on_fact(r, o);
	case FRAME_DMESG:
		return on_dmesg(r, o);
	case FRAME_BLOB:
		return on_blob(r, o);
	case FRAME_REPORT:
		return on_report(r, o);
	case FRAME_EXTEND:
		return on_extend(r, o);
	case FRAME_ENTER:
	case FRAME_RELAY:
	case FRAME_STDERR:
	case FRAME_LEFT:
		return child_frame(r, f->header.type, o);
	case FRAME_ASK:
		return on_ask(r, o);
	case FRAME_KEY:
		return on_key(r, f, o);
	case FRAME_PROOF:
		return on_proof(r, o);
	case FRAME_DONE:
		return on_done(r, o);
	default: /* what a later agent may send: kept in the raw bytes */
		return 0;
	}
}

static int read_frame(struct reading *r, const struct frame_view *f)
{
	json_t *o;
	int rc = 0;

	if (r->frames == 0 && f->header.type == FRAME_READY) { /* before the visit, no part of it */
		r->sequence = f->header.sequence + 1;
		return 0;
	}
	o = frame_json_but_data(f, &r->data);
	if (!o)
		reading_problem(r->layer, "the %s frame at byte %zu holds no JSON object",
		                frame_type_name(f->header.type), f->offset);
	if (r->frames == 0 && r->probe && f->header.type != FRAME_HELLO)
		reading_problem(r->layer, "the first frame is %s, not HELLO",
		                frame_type_name(f->header.type));
	if (r->layer->done)
		reading_problem(r->layer, "frames after DONE");
	if (r->frames == 0 && !r->nested)
		r->sequence = f->header.sequence;
	if (f->header.sequence != r->sequence)
		reading_problem(r->layer, "frame %u where %u should be: frames are missing",
		                f->header.sequence, r->sequence);
	if (o)
		rc = on_frame(r, f, o);
	json_decref(o);
	r->sequence = f->header.sequence + 1;
	r->frames++;
	sha512_update(&r->digest, f->bytes, f->size);
	return rc;
}

/* What every complete account has. */
static void check_complete(const struct reading *r)
{
	struct layer_evidence *l = r->layer;

	if (r->probe && !l->hello)
		reading_problem(l, "no HELLO");
	if (!l->done)
		reading_problem(l, "no DONE: the account breaks off");
	if (r->probe && !l->tiny && (!l->devices || !l->kvm))
		reading_problem(l, "the fact '%s' is missing", l->devices ? "kvm" : "devices");
	if (r->conformance && (!l->conformance || !l->conformance_extend))
		reading_problem(l, "no report of the conformance program");
	if (r->probe && !l->tiny && !layer_report(l, REPORT_IOCTL))
		reading_problem(l, "no REPORT of the ioctl interface");
	if (r->probe && !l->tiny && !layer_report(l, REPORT_CONFIGFS))
		reading_problem(l, "no REPORT of the configfs interface");
	if (l->ccel_log.begun && !l->ccel_log.complete && !l->ccel_log.error[0])
		reading_problem(l, "the event log breaks off");
	if (r->child && !r->child->entering)
		reading_problem(l, "no ENTER: layer %s was not tried", r->child_id);
	else if (r->child && !r->child->left)
		reading_problem(l, "no LEFT: what became of layer %s is not told", r->child_id);
}

static int read_layer(struct reading *r)
{
	struct frame_cursor cursor = {.data = r->layer->bytes, .size = r->layer->size};
	struct frame_view frame;
	int rc = 0;

	sha384_init(&r->digest);
	while (rc == 0 && frames_next(&cursor, &frame))
		rc = read_frame(r, &frame);
	if (cursor.problem[0])
		reading_problem(r->layer, "%s", cursor.problem);
	if (rc == 0 && !r->open)
		check_complete(r);
	return rc;
}

/* The children of a layer that was not started are not there, which is no problem of theirs. */
static bool has_account(const struct layer_evidence *l, size_t depth)
{
	return depth == 0 || l->size > 0 || (l->left && l->started);
}

int visit_evidence_read(const struct cell *cell, const struct visit_record *v,
                        const struct bytes *channel, struct layer_evidence *ret, struct err *e)
{
	char id[CELL_LAYERS_MAX + 1][CELL_ID_MAX];

	for (size_t i = 0; i < v->layers; i++)
		ret[i] = (struct layer_evidence){.prepare_ms = -1,
		                                 .ready_ms = -1,
		                                 .memory_kib = -1,
		                                 .disk_kib = -1,
		                                 .below_uptime_ms = -1,
		                                 .uptime_ms = -1};
	for (size_t i = 0; i < v->layers; i++)
		cell_print(cell, i + 1, id[i]);
	if (v->begin <= v->end && v->end <= channel->size) {
		ret[0].bytes = channel->data + v->begin;
		ret[0].size = v->end - v->begin;
	} else {
		reading_problem(&ret[0], "channel.bin is shorter than the run's record says");
	}
	for (size_t i = 0; i < v->layers && has_account(&ret[i], i); i++) {
		struct reading r = {
		        .id = id[i],
		        .child_id = i + 1 < v->layers ? id[i + 1] : NULL,
		        .nonce = v->nonce[i],
		        .probe = i > 0 || v->probe0,
		        .open = v->state == VISIT_NOT_RUN,
		        .nested = i > 0 || v->begin == 0,
		        .may_be_tiny = layer_mode_in(&cell->layer[i], cell->layer[i].kind->tiny),
		        .conformance = cell->layer[i].kind == &kind_rows[KIND_CONFORMANCE],
		        .layer = &ret[i],
		        .child = i + 1 < v->layers ? &ret[i + 1] : NULL,
		};

		if (read_layer(&r) < 0)
			return err_nomem(e);
	}
	return 0;
}

void layer_evidence_done(struct layer_evidence *l)
{
	free(l->owned);
	json_decref(l->command);
	cloud_parts_done(&l->vtpm_parts);
	json_decref(l->proof);
	json_decref(l->key);
	for (size_t i = 0; i < COUNT_OF(facts); i++)
		json_decref(*fact_slot(l, i));
	for (size_t i = 0; i < l->reports; i++)
		free(l->report[i].data);
	for (size_t i = 0; i < l->extends; i++)
		json_decref(l->extend[i].what);
	free(l->ccel_log.data);
	*l = (struct layer_evidence){0};
}

const struct report_evidence *layer_report(const struct layer_evidence *l,
                                           enum report_interface interface)
{
	for (size_t i = 0; interface && i < l->reports; i++) {
		if (l->report[i].interface == (int)interface)
			return &l->report[i];
	}
	return NULL;
}

const struct report_evidence *layer_quoter(const struct layer_evidence *l)
{
	static const enum report_interface order[] = {REPORT_CONFIGFS, REPORT_VSOCK, REPORT_BROKER};

	for (size_t i = 0; i < 3; i++) {
		const struct report_evidence *r = layer_report(l, order[i]);

		if (r && r->ok)
			return r;
	}
	return layer_report(l, REPORT_CONFIGFS);
}
