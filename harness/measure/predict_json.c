/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/predict_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/enum.h"
#include "core/json.h"
#include "format/text.h"

#define EVENTS_MAX 10000

/* ---- writing ---- */

static json_t *events_json(const struct prediction *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->events; i++) {
		const struct predicted_event *ev = &p->event[i];

		json_array_append_new(list,
		                      json_pack("{s:i, s:I, s:o, s:s, s:s}", "rtmr", (int)ev->rtmr,
		                                "type", (json_int_t)ev->type, "digest",
		                                json_hex(ev->known ? ev->digest : NULL, 48), "input",
		                                measure_input_names[ev->input], "what", ev->what));
	}
	return list;
}

json_t *prediction_to_json(const struct prediction *p)
{
	json_t *rtmr = json_array(), *unknown = json_array(), *complete = json_array();
	json_t *inputs = json_object();

	for (unsigned i = 0; i < 4; i++) {
		json_array_append_new(rtmr, json_hex(p->known[i] ? p->rtmr[i] : NULL, 48));
		json_array_append_new(unknown,
		                      p->known[i] ? json_null() : json_string(p->reason[i]));
		json_array_append_new(complete, json_boolean(p->complete[i]));
	}
	for (unsigned i = 0; i < INPUT_COUNT; i++) {
		if (p->input[i].given)
			json_object_set_new(inputs, measure_input_names[i],
			                    json_hex(p->input[i].digest, 48));
	}
	return json_pack("{s:s, s:{s:o, s:o}, s:o, s:o, s:o, s:o, s:o, s:o}", "profile", p->profile,
	                 "mrtd", "single_pass", json_hex(p->mrtd[MRTD_SINGLE_PASS], 48),
	                 "two_pass", json_hex(p->mrtd[MRTD_TWO_PASS], 48), "rtmr", rtmr,
	                 "unknown", unknown, "complete", complete, "inputs", inputs, "events",
	                 events_json(p), "container_image",
	                 text_or_null(p->image));
}

/* ---- reading ---- */

static int wrong(struct err *e, const char *member)
{
	return err_set(e, -EINVAL, "prediction: '%s' is missing or wrong", member);
}

/* 1 with the digest, 0 for null, -EINVAL else. */
static int read_hex(const json_t *value, uint8_t digest[48])
{
	const char *text = json_string_value(value);
	size_t size = 0;

	if (json_is_null(value))
		return 0;
	if (!text || strlen(text) != 96 || hex_decode(text, 96, digest, &size) != FORMAT_OK)
		return -EINVAL;
	return 1;
}

static int copy_text(const json_t *value, char *out, size_t size)
{
	const char *text = json_string_value(value);

	if (!text || strlen(text) >= size)
		return -EINVAL;
	strcpy(out, text);
	return 0;
}

static int read_event(struct jsonx *x, const json_t *object, struct predicted_event *ev)
{
	int found = ENUM_FIND(measure_input_names, jsonx_string(x, object, "input"));
	int known = read_hex(json_object_get(object, "digest"), ev->digest);

	ev->rtmr = (unsigned)jsonx_uint(x, object, "rtmr", 3);
	ev->type = (uint32_t)jsonx_uint(x, object, "type", UINT32_MAX);
	jsonx_text(x, object, "what", ev->what, sizeof(ev->what));
	if (x->failed || found < 0 || known < 0)
		return -EINVAL;
	ev->input = (enum measure_input)found;
	ev->known = known;
	return 0;
}

static int read_events(const json_t *root, struct prediction *p, struct err *e)
{
	struct jsonx x = {0};
	const json_t *list = jsonx_array(&x, root, "events", EVENTS_MAX);
	size_t count = json_array_size(list);

	if (x.failed)
		return wrong(e, "events");
	p->event = calloc(count + 1, sizeof(*p->event));
	if (!p->event)
		return err_sys(e, -ENOMEM, "prediction");
	for (; p->events < count; p->events++) {
		if (read_event(&x, json_array_get(list, p->events), &p->event[p->events]) < 0)
			return wrong(e, "events");
	}
	return 0;
}

/* The values are computed anew: a file can't claim a register that its events do not give. */
static int read_registers(const json_t *root, struct prediction *p, struct err *e)
{
	const json_t *rtmr = json_object_get(root, "rtmr");

	for (size_t i = 0; i < p->events; i++)
		rtmr_extend(p->rtmr[p->event[i].rtmr], p->event[i].digest);
	for (unsigned i = 0; i < 4; i++) {
		const json_t *why = json_array_get(json_object_get(root, "unknown"), i);
		const json_t *complete = json_array_get(json_object_get(root, "complete"), i);
		uint8_t claimed[48];
		int known = read_hex(json_array_get(rtmr, i), claimed);

		if (known < 0 || (known && memcmp(claimed, p->rtmr[i], 48) != 0))
			return wrong(e, "rtmr");
		if (!json_is_boolean(complete))
			return wrong(e, "complete");
		if (!known && copy_text(why, p->reason[i], sizeof(p->reason[i])) < 0)
			return wrong(e, "unknown");
		p->known[i] = known;
		p->complete[i] = json_is_true(complete);
		if (!known)
			memset(p->rtmr[i], 0, sizeof(p->rtmr[i]));
	}
	return 0;
}

static int read_inputs(const json_t *root, struct prediction *p, struct err *e)
{
	const json_t *inputs = json_object_get(root, "inputs");

	for (unsigned i = 0; i < INPUT_COUNT; i++) {
		const json_t *value = json_object_get(inputs, measure_input_names[i]);

		if (!value)
			continue;
		if (read_hex(value, p->input[i].digest) != 1)
			return wrong(e, "inputs");
		p->input[i].given = true;
	}
	return 0;
}

int prediction_from_json(const json_t *root, struct prediction *ret, struct err *e)
{
	_cleanup_(prediction_done) struct prediction p = {0};
	struct jsonx x = {0};
	const json_t *mrtd = jsonx_object(&x, root, "mrtd");
	uint8_t image[48];
	int r;

	jsonx_text(&x, root, "profile", p.profile, sizeof(p.profile));
	jsonx_hex(&x, mrtd, "single_pass", p.mrtd[MRTD_SINGLE_PASS], 48);
	jsonx_hex(&x, mrtd, "two_pass", p.mrtd[MRTD_TWO_PASS], 48);
	if (x.failed)
		return err_set(e, -EINVAL, "prediction: %s", x.what);
	r = read_hex(json_object_get(root, "container_image"), image);
	if (r < 0 && json_object_get(root, "container_image")) /* older files have none */
		return wrong(e, "container_image");
	if (r == 1)
		hex_encode(image, sizeof(image), p.image);
	r = read_events(root, &p, e);
	if (r == 0)
		r = read_registers(root, &p, e);
	if (r == 0)
		r = read_inputs(root, &p, e);
	if (r == 0)
		*ret = TAKE(p, (struct prediction){0});
	return r;
}
