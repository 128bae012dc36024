/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "format/code.h"
#include "format/extend.h"
#include "format/quote.h"
#include "measure/describe.h"

/*
 * An event log of either kind as one list: a CCEL log (format/eventlog.h), or a JSON one in the
 * form of dstack's guest agent: a list of {"imr", "event_type", "digest", "event",
 * "event_payload"}, by itself or as "events" or "event_log" (which may be a string of JSON) of an
 * object.
 */
#define LOG_TYPE_RUNTIME EXTEND_TYPE /* its digest: extend_digest() */

struct log_event {
	uint64_t offset; /* of the record in a CCEL log, bytes; its place in a JSON list */
	int rtmr;        /* 0 to 3; -1: measured into none */
	uint32_t type;   /* EV_* or LOG_TYPE_RUNTIME */
	uint8_t digest[48];
	bool data_measured; /* the digest is that of the data: what the line says is what counted */
	struct bytes data;  /* owned by the log */
	char what[DESCRIBE_MAX];
};

struct log {
	struct log_event *event; /* in the order of the log */
	size_t events;
	uint8_t rtmr[4][48]; /* what they replay to, from zero */
	bool json;
	bool runtime; /* it records what the running system measures: RTMR3 is to be matched, too */
	uint8_t *heap; /* what the events' data points into */
};

/*
 * 0; -EBADMSG with *ret_fault (may be NULL) for bytes that are no such log (its offset is a byte of
 * the input, or the place of an event in a JSON list); -ENOMEM. The data is copied. A log may have
 * LOG_EVENTS_MAX events.
 */
#define LOG_EVENTS_MAX (1u << 18)
int log_read(struct bytes data, struct log *ret, struct format_fault *ret_fault, struct err *e);
void log_done(struct log *l);

/* "EV_SEPARATOR", "runtime", or the number. */
const char *log_type_name(const struct log_event *ev, char buffer[16]);

/* ---- against the registers of a quote or a TDREPORT ---- */

enum log_match {
	LOG_MATCHES,
	LOG_DIFFERS,
	LOG_UNEXPLAINED, /* RTMR3 without a runtime log: no record was to be expected */
};
extern const char *const log_match_names[3];

/* The one change to the log that would make it replay to the quoted value. */
enum log_change {
	LOG_NO_CHANGE,    /* none was found: the first event at fault cannot be told */
	LOG_ENDS_EARLIER, /* the value is reached before `event`: it and what follows is too much */
	LOG_EVENT_EXTRA,  /* `event` was logged but not measured */
	LOG_EVENT_TWICE,  /* `event` was measured twice but logged once */
	LOG_EVENT_MOVED,  /* `event` was measured after the one that follows it */
	LOG_EVENT_ALTERED, /* the digest of `event` is not the one measured; its data's is */
	LOG_NO_EVENTS,     /* the log has no event for the register, which is not zero */
};

struct log_compare {
	enum log_match match;
	enum log_change change;
	size_t event;   /* index into the log's events, with all but NO_CHANGE and NO_EVENTS */
	char text[200]; /* why, for people; "" when it matches */
};

void log_compare(const struct log *l, unsigned rtmr, const uint8_t quoted[48],
                 struct log_compare *ret);
