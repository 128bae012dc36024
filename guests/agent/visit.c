/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/visit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/channel.h"
#include "agent/util.h"
#include "format/text.h"

static int parse_nonce(const json_t *value, uint8_t nonce[REPORT_NONCE_SIZE])
{
	uint8_t bytes[BASE64_DECODED_MAX(64)];
	size_t length = json_string_length(value), size = 0;

	if (length > 64 ||
	    base64_decode(json_string_value(value), length, bytes, &size) != FORMAT_OK ||
	    size != REPORT_NONCE_SIZE)
		return -EINVAL;
	memcpy(nonce, bytes, REPORT_NONCE_SIZE);
	return 0;
}

static int parse_layer(const json_t *object, struct visit_layer *ret, const char **ret_what)
{
	const json_t *nonce = json_object_get(object, "nonce");
	const json_t *deadline = json_object_get(object, "deadline_ms");
	struct visit_layer layer = {
	        .object = object, .deadline_ms = VISIT_DEADLINE_MS, .probe = true};

	layer.id = util_json_string(object, "id", NULL);
	if (!layer.id || !util_json_string(object, "kind", NULL)) {
		*ret_what = layer.id ? "kind" : "id";
		return -EINVAL;
	}
	*ret_what = "nonce";
	if (!json_is_string(nonce) || parse_nonce(nonce, layer.nonce) < 0)
		return -EINVAL;
	*ret_what = "deadline_ms";
	if (deadline) {
		json_int_t ms = json_integer_value(deadline);
		if (ms <= 0 || ms > 24 * 3600 * 1000)
			return -EINVAL;
		layer.deadline_ms = (int)ms;
	}
	if (json_is_false(json_object_get(object, "probe")))
		layer.probe = false;
	layer.secret = json_is_true(json_object_get(object, "secret"));
	*ret = layer;
	return 0;
}

int visit_parse(const json_t *object, struct visit *ret, const char **ret_what)
{
	const json_t *stack = json_object_get(object, "stack");
	struct visit visit = {.number = json_integer_value(json_object_get(object, "visit"))};

	visit.terminal = json_is_true(json_object_get(object, "terminal"));
	*ret_what = "stack";
	visit.layers = json_array_size(stack); /* 0 when it is no array */
	if (visit.layers == 0 || visit.layers > VISIT_LAYERS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < visit.layers; i++) {
		int r = parse_layer(json_array_get(stack, i), &visit.layer[i], ret_what);
		if (r < 0)
			return r;
		/* Who sits at a terminal wants the tools that a layer further in would need. */
		visit.layer[i].below = visit.layers - 1 - i + visit.terminal;
	}
	*ret = visit;
	return 0;
}

/* ---- its words ---- */
static int read_kind(const json_t *object, struct layer *l, struct trouble *t)
{
	const char *kind = util_json_string(object, "kind", "");
	const char *mode = util_json_string(object, "mode", "");
	int found = mode_find(mode, strlen(mode));

	l->kind = kind_find(kind, strlen(kind), false);
	if (!l->kind)
		return trouble_set(t, -EINVAL, "driver", "no driver for '%.60s'", kind);
	if (found < 0 || !(l->kind->modes >> found & 1))
		return trouble_set(t, -EINVAL, "driver", "%s has no mode '%.60s'", l->kind->name,
		                   mode);
	l->mode = (enum mode)found;
	return 0;
}

static int read_grants(const json_t *list, struct layer *l, struct trouble *t)
{
	json_t *value;
	size_t i;

	json_array_foreach((json_t *)list, i, value)
	{
		const char *name = json_is_string(value) ? json_string_value(value) : "";
		int found = grant_find(name, strlen(name));

		if (found < 0 || !(l->kind->grants >> found & 1))
			return trouble_set(t, -EINVAL, "driver", "%s has no grant '%.60s'",
			                   l->kind->name, name);
		if (!layer_has(l, (enum grant)found))
			layer_grant(l, (enum grant)found);
	}
	return 0;
}

static int read_axes(const json_t *axes, struct layer *l, struct trouble *t)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)axes, name, value)
	{
		const char *text = json_is_string(value) ? json_string_value(value) : "";
		int found = axis_find(name, strlen(name));

		if (found < 0 || !(l->kind->axes >> found & 1))
			return trouble_set(t, -EINVAL, "driver", "%s has no axis '%.60s'",
			                   l->kind->name, name);
		if (!axis_read((enum axis)found, false, text, strlen(text), &l->axis[l->axes]))
			return trouble_set(t, -EINVAL, "driver", "no such %s: '%.60s'", name, text);
		l->axes++;
	}
	return 0;
}

int visit_read_layer(const struct visit_layer *from, struct layer *ret, struct trouble *t)
{
	struct layer l = {0};
	int r = read_kind(from->object, &l, t);

	if (r == 0)
		r = read_grants(json_object_get(from->object, "grants"), &l, t);
	if (r == 0)
		r = read_axes(json_object_get(from->object, "axes"), &l, t);
	if (r == 0)
		*ret = l;
	return r;
}

bool visit_asks(const struct visit *visit, size_t first)
{
	bool asks = false;

	for (size_t i = first; i < visit->layers; i++)
		asks |= visit->layer[i].secret;
	return asks;
}

int visit_for_child(const struct visit *visit, size_t first, char **ret, size_t *ret_size)
{
	_cleanup_(util_json_decrefp) json_t *object = json_object();
	json_t *stack = json_array();

	for (size_t i = first; i < visit->layers; i++)
		json_array_append(stack, (json_t *)visit->layer[i].object);
	json_object_set_new(object, "visit", json_integer(visit->number));
	json_object_set_new(object, "stack", stack);
	if (visit->terminal)
		json_object_set_new(object, "terminal", json_true());
	return channel_encode(FRAME_VISIT, 0, object, ret, ret_size);
}
