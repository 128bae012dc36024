/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "format/sha2.h"
#include "format/tdreport.h"
#include "measure/log.h"

const char *const log_match_names[3] = {"matches", "differs", "unexplained"};

/* Every single change is tried with every event: quadratic, so only for logs of a sane length. */
#define TRY_EVENTS_MAX 2000

struct search {
	const struct log *log;
	const uint8_t *quoted;
	size_t *index; /* of the register's events in the log */
	size_t count;
};

static const struct log_event *event_at(const struct search *s, size_t i)
{
	return &s->log->event[s->index[i]];
}

/* Whether the events from `i` on lead from `value` to the quoted one. */
static bool leads_to(const struct search *s, const uint8_t value[48], size_t i)
{
	uint8_t rtmr[48];

	memcpy(rtmr, value, sizeof(rtmr));
	for (; i < s->count; i++)
		rtmr_extend(rtmr, event_at(s, i)->digest);
	return memcmp(rtmr, s->quoted, sizeof(rtmr)) == 0;
}

/* What one change of event `i` makes of `before`, the register's value until then. */
static enum log_change try_event(const struct search *s, const uint8_t before[48], size_t i)
{
	const struct log_event *ev = event_at(s, i);
	uint8_t value[48], digest[48];

	if (leads_to(s, before, i + 1))
		return LOG_EVENT_EXTRA;
	memcpy(value, before, sizeof(value));
	rtmr_extend(value, ev->digest);
	if (leads_to(s, value, i))
		return LOG_EVENT_TWICE;
	if (ev->data.size > 0 && !ev->data_measured) {
		memcpy(value, before, sizeof(value));
		sha384(ev->data.data, ev->data.size, digest);
		rtmr_extend(value, digest);
		if (leads_to(s, value, i + 1))
			return LOG_EVENT_ALTERED;
	}
	if (i + 1 < s->count) {
		memcpy(value, before, sizeof(value));
		rtmr_extend(value, event_at(s, i + 1)->digest);
		rtmr_extend(value, ev->digest);
		if (leads_to(s, value, i + 2))
			return LOG_EVENT_MOVED;
	}
	return LOG_NO_CHANGE;
}

static enum log_change find_change(const struct search *s, size_t *ret_event)
{
	uint8_t value[48] = {0};

	for (size_t i = 0; i < s->count; i++) {
		*ret_event = s->index[i];
		if (memcmp(value, s->quoted, sizeof(value)) == 0)
			return LOG_ENDS_EARLIER;
		rtmr_extend(value, event_at(s, i)->digest);
	}
	memset(value, 0, sizeof(value));
	for (size_t i = 0; i < s->count && s->count <= TRY_EVENTS_MAX; i++) {
		enum log_change change = try_event(s, value, i);

		*ret_event = s->index[i];
		if (change != LOG_NO_CHANGE)
			return change;
		rtmr_extend(value, event_at(s, i)->digest);
	}
	return LOG_NO_CHANGE;
}

static void explain(struct log_compare *c, unsigned rtmr)
{
	static const char *const texts[] = {
	        [LOG_NO_CHANGE] = "no single event explains the difference",
	        [LOG_ENDS_EARLIER] = "the quoted value is the one before this event",
	        [LOG_EVENT_EXTRA] = "this event was logged but not measured",
	        [LOG_EVENT_TWICE] = "this event was measured twice but logged once",
	        [LOG_EVENT_MOVED] = "this event was measured after the one that follows it",
	        [LOG_EVENT_ALTERED] =
	                "the digest of this event's data was measured, not its digest",
	        [LOG_NO_EVENTS] = "the log has no event for this register",
	};

	if (c->match == LOG_UNEXPLAINED)
		snprintf(c->text, sizeof(c->text),
		         "RTMR%u is extended by the running system, which leaves no record here",
		         rtmr);
	else
		snprintf(c->text, sizeof(c->text), "%s", texts[c->change]);
}

void log_compare(const struct log *l, unsigned rtmr, const uint8_t quoted[48],
                 struct log_compare *ret)
{
	_cleanup_(freep) size_t *index = calloc(l->events ? l->events : 1, sizeof(*index));
	struct search s = {.log = l, .quoted = quoted, .index = index};

	*ret = (struct log_compare){.match = LOG_MATCHES};
	if (memcmp(l->rtmr[rtmr], quoted, 48) == 0)
		return;
	for (size_t i = 0; index && i < l->events; i++) {
		if (l->event[i].rtmr == (int)rtmr)
			index[s.count++] = i;
	}
	ret->match = LOG_DIFFERS;
	if (rtmr == 3 && !l->runtime)
		ret->match = LOG_UNEXPLAINED;
	else if (index && s.count == 0)
		ret->change = LOG_NO_EVENTS;
	else if (index)
		ret->change = find_change(&s, &ret->event);
	explain(ret, rtmr);
}
