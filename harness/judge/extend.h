/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "judge/verdict.h"

/* One EXTEND frame: RTMR3 extended, or an attempt to. */
struct extend_evidence {
	char name[LAYER_WORD_MAX]; /* the interface, escaped */
	bool launch, key;          /* the event is a launch, or a layer's key, else a probe; see format/extend.h */
	bool ok;                   /* the layer's claim; the rest is claimed, too */
	bool known_event;          /* `digest` is that of the event, which is of this visit */
	char step[40];
	char error[LAYER_WORD_MAX];
	double ms;
	uint8_t digest[48];
	json_t *what;            /* a launch's or key's payload; or NULL */
	bool told_writable;      /* the next was reported */
	bool writable[4];        /* RTMR0 to RTMR3 could be extended through this interface */
	bool read_back, as_read; /* RTMR3 was read before and after; and was extended in between */
};

/*
 * Reads the EXTEND frame of the layer `id` in a visit with that nonce. -EINVAL: of another
 * register, or without a digest; -ENOMEM. The caller frees ret->what.
 */
int extend_read(const json_t *o, const uint8_t *nonce, const char *id, struct extend_evidence *ret);
