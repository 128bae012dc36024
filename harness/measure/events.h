/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "format/bytes.h"
#include "format/guid.h"
#include "measure/predict.h"

/* The list being predicted, private to this room: appends in the order of the boot. */
struct event_list {
	struct predicted_event *event;
	size_t count;
	size_t room;
	bool failed;  /* memory ran out: sticks, so that callers check once */
	bool open[4]; /* what follows in this register cannot be foreseen */
	char open_reason[4][160];
};

struct event_tag { /* all but the digest of an event */
	unsigned rtmr;
	uint32_t type;
	enum measure_input input;
};

void event_list_done(struct event_list *l);

/* An event with the given digest; `what` is a printf format. */
void event_add(struct event_list *l, struct event_tag tag, const uint8_t digest[48],
               const char *what, ...) __attribute__((format(printf, 4, 5)));
/* The digest is SHA-384 of `size` bytes at `data`. */
void event_hash(struct event_list *l, struct event_tag tag, const void *data, size_t size,
                const char *what, ...) __attribute__((format(printf, 5, 6)));
/* A UEFI variable's: of its owner, name and data. The event is called "WHOSE NAME". */
void event_variable(struct event_list *l, struct event_tag tag, const uint8_t guid[GUID_SIZE],
                    const char *name, struct bytes data, const char *whose);
/* An event that will happen but whose digest cannot be told, because an input is missing. */
void event_unknown(struct event_list *l, struct event_tag tag, const char *what, ...)
        __attribute__((format(printf, 3, 4)));
/* From here on the register's events cannot be foreseen: `reason` says why. */
void event_open(struct event_list *l, unsigned rtmr, const char *reason);
