/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/log_parts.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "core/cleanup.h"
#include "format/extend.h"
#include "format/text.h"
#include "measure/line.h"

static int bad(enum format_code code, uint64_t at, const char *what, struct format_fault *ret_fault,
               struct err *e)
{
	if (ret_fault)
		*ret_fault = (struct format_fault){code, at};
	return err_set(e, -EBADMSG, "event log: %s at event %ju: %s", format_code_name(code),
	               (uintmax_t)at, what);
}

/* The list itself, or the member that holds it: "event_log" is a string of JSON in dstack's. */
static json_t *load_list(struct bytes data, struct format_fault *ret_fault, struct err *e)
{
	_cleanup_(json_decrefp) json_t *root = NULL;
	json_error_t error;
	json_t *list;

	root = json_loadb((const char *)data.data, data.size, JSON_REJECT_DUPLICATES, &error);
	if (!root) {
		if (ret_fault)
			*ret_fault = (struct format_fault){
			        FORMAT_BAD_ENCODING,
			        error.position > 0 ? (uint64_t)error.position : 0};
		err_set(e, -EBADMSG, "event log: not JSON: %s at byte %d", error.text,
		        error.position);
		return NULL;
	}
	list = json_is_array(root) ? root : json_object_get(root, "events");
	if (!list)
		list = json_object_get(root, "event_log");
	if (json_is_string(list)) {
		json_t *inner = json_loads(json_string_value(list), JSON_REJECT_DUPLICATES, NULL);

		if (json_is_array(inner))
			return inner;
		json_decref(inner);
		list = NULL;
	}
	if (!json_is_array(list)) {
		bad(FORMAT_MISSING, 0, "no list of events", ret_fault, e);
		return NULL;
	}
	return json_incref(list);
}

static void describe_runtime(struct log_event *ev, const char *name)
{
	bool text = ev->data.size > 0;
	struct line l;

	for (size_t i = 0; i < ev->data.size; i++)
		text = text && ev->data.data[i] >= 0x20 && ev->data.data[i] < 0x7f;
	line_init(&l, ev->what, sizeof(ev->what));
	line_bytes(&l, (const uint8_t *)name, strlen(name));
	if (ev->data.size > 0)
		line_add(&l, " = ");
	if (text)
		line_bytes(&l, ev->data.data, ev->data.size);
	else
		line_hex(&l, ev->data.data, ev->data.size);
}

static int fill(struct log_event *ev, const char *digest, const char *name, uint64_t at,
                struct format_fault *ret_fault, struct err *e)
{
	uint8_t runtime[SHA384_SIZE];
	size_t size = 0;

	if (strlen(digest) != 0 && strlen(digest) != 96)
		return bad(FORMAT_BAD_SIZE, at, "digest", ret_fault, e);
	if (hex_decode(digest, strlen(digest), ev->digest, &size) != FORMAT_OK)
		return bad(FORMAT_BAD_ENCODING, at, "digest", ret_fault, e);
	if (ev->type == LOG_TYPE_RUNTIME) { /* its digest may be left out */
		extend_digest(name, ev->data.data, ev->data.size, runtime);
		if (size == 0)
			memcpy(ev->digest, runtime, sizeof(runtime));
		ev->data_measured = memcmp(ev->digest, runtime, sizeof(runtime)) == 0;
		describe_runtime(ev, name);
		return 0;
	}
	if (size == 0)
		return bad(FORMAT_MISSING, at, "digest", ret_fault, e);
	event_describe(ev->type, ev->data, ev->what);
	ev->data_measured = event_data_measured(ev->type, ev->data, ev->digest);
	return 0;
}

int log_read_json(struct bytes data, struct log *l, struct format_fault *ret_fault, struct err *e)
{
	_cleanup_(json_decrefp) json_t *list = load_list(data, ret_fault, e);
	size_t at, used = 0;
	json_t *item;

	if (!list)
		return -EBADMSG;
	json_array_foreach(list, at, item)
	{
		const char *digest, *name = "", *payload = "";
		struct log_event *ev = log_append(l, e);
		json_int_t imr, type;
		size_t size;

		if (!ev)
			return -ENOMEM;
		if (json_unpack(item, "{s:I, s:I, s:s, s?s, s?s}", "imr", &imr, "event_type", &type,
		                "digest", &digest, "event", &name, "event_payload", &payload) < 0)
			return bad(FORMAT_MISSING, at, "imr, event_type or digest", ret_fault, e);
		if (imr < 0 || imr > 3 || type < 0 || type > UINT32_MAX)
			return bad(FORMAT_BAD_VALUE, at, "imr or event_type", ret_fault, e);
		/* in the text the payload took twice its size: the heap cannot run over */
		if (hex_decode(payload, strlen(payload), l->heap + used, &size) != FORMAT_OK)
			return bad(FORMAT_BAD_ENCODING, at, "event_payload", ret_fault, e);
		*ev = (struct log_event){.offset = at, .rtmr = (int)imr, .type = (uint32_t)type};
		ev->data = (struct bytes){l->heap + used, size};
		used += size;
		l->runtime = l->runtime || imr == 3;
		if (fill(ev, digest, name, at, ret_fault, e) < 0)
			return -EBADMSG;
	}
	return 0;
}
