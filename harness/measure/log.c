/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "format/eventlog.h"
#include "measure/log_parts.h"

void log_done(struct log *l)
{
	free(l->event);
	free(l->heap);
	*l = (struct log){0};
}

const char *log_type_name(const struct log_event *ev, char buffer[16])
{
	const char *name = event_type_name(ev->type);

	if (name)
		return name;
	if (ev->type == LOG_TYPE_RUNTIME)
		return "runtime";
	snprintf(buffer, 16, "0x%08x", ev->type);
	return buffer;
}

struct log_event *log_append(struct log *l, struct err *e)
{
	/* Doubles: the capacity is the next power of two. */
	if ((l->events & (l->events - 1)) == 0) {
		size_t room = l->events ? l->events * 2 : 1;
		struct log_event *more = NULL;

		if (room <= LOG_EVENTS_MAX)
			more = reallocarray(l->event, room, sizeof(*more));
		if (!more) {
			err_set(e, -ENOMEM, "event log: too many events");
			return NULL;
		}
		l->event = more;
	}
	l->event[l->events] = (struct log_event){.rtmr = -1};
	return &l->event[l->events++];
}

static int log_bad(struct format_fault fault, struct format_fault *ret, struct err *e)
{
	if (ret)
		*ret = fault;
	return err_set(e, -EBADMSG, "event log: %s at byte %ju", format_code_name(fault.code),
	               (uintmax_t)fault.offset);
}

/* A TPM's log has the same form, and other registers: PCR 0 is no MRTD, PCR 1 no RTMR0. */
static int log_of_tpm(const struct event *ev, struct format_fault *ret, struct err *e)
{
	if (ret)
		*ret = (struct format_fault){FORMAT_BAD_VALUE, ev->offset};
	return err_set(
	        e, -EBADMSG,
	        "event log: this is a TPM's log (register %u at byte %ju), which says nothing "
	        "of RTMRs; a TD's is /sys/firmware/acpi/tables/data/CCEL",
	        ev->index, (uintmax_t)ev->offset);
}

static int read_ccel(struct bytes data, struct log *l, struct format_fault *ret_fault,
                     struct err *e)
{
	struct format_fault fault = {0};
	struct eventlog log;
	struct event ev;
	int more;

	fault.code = eventlog_open(data.data, data.size, &log, &fault.offset);
	if (fault.code != FORMAT_OK)
		return log_bad(fault, ret_fault, e);
	while ((more = eventlog_next(&log, &ev, &fault.code, &fault.offset)) > 0) {
		struct log_event *fresh;

		if (event_of_tpm(&ev))
			return log_of_tpm(&ev, ret_fault, e);
		fresh = log_append(l, e);
		if (!fresh)
			return -ENOMEM;
		fresh->offset = ev.offset;
		fresh->rtmr = event_extends(&ev) ? (int)ev.index - 1 : -1;
		fresh->type = ev.type;
		memcpy(fresh->digest, ev.digest, sizeof(fresh->digest));
		fresh->data = (struct bytes){ev.data, ev.size};
		event_describe(ev.type, fresh->data, fresh->what);
		fresh->data_measured =
		        ev.has_digest && event_data_measured(ev.type, fresh->data, ev.digest);
	}
	return more < 0 ? log_bad(fault, ret_fault, e) : 0;
}

static bool is_json(struct bytes data)
{
	size_t i = 0;

	while (i < data.size && memchr(" \t\r\n", data.data[i], 4))
		i++;
	return i < data.size && (data.data[i] == '[' || data.data[i] == '{');
}

int log_read(struct bytes data, struct log *ret, struct format_fault *ret_fault, struct err *e)
{
	_cleanup_(bytes_free) struct bytes unwrapped = {NULL, 0};
	_cleanup_(log_done) struct log l = {0};
	const char *other;
	int r = log_unwrap(data, &unwrapped, e);

	if (unwrapped.data)
		data = unwrapped;
	other = r == 0 ? log_is_something_else(data) : NULL;
	if (other)
		r = err_set(e, -EBADMSG, "event log: this is %s", other);
	if (r < 0 && ret_fault)
		*ret_fault = (struct format_fault){FORMAT_BAD_TYPE, 0};
	if (r < 0)
		return r;
	l.json = is_json(data);
	/* JSON needs room for its payloads, which are half as long as they were as text at most. */
	l.heap = malloc(data.size ? data.size : 1);
	if (!l.heap)
		return err_set(e, -ENOMEM, "event log: out of memory");
	if (l.json) {
		r = log_read_json(data, &l, ret_fault, e);
	} else {
		if (data.size)
			memcpy(l.heap, data.data, data.size);
		r = read_ccel((struct bytes){l.heap, data.size}, &l, ret_fault, e);
	}
	if (r < 0)
		return r;
	for (size_t i = 0; i < l.events; i++) {
		if (l.event[i].rtmr >= 0)
			rtmr_extend(l.rtmr[l.event[i].rtmr], l.event[i].digest);
	}
	*ret = TAKE(l, (struct log){0});
	return 0;
}
