/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/process.h"
#include "format/frame.h"
#include "format/kinds.h"

#define VISIT_LAYERS_MAX  8
#define VISIT_DEADLINE_MS 120000 /* where a layer names none */

/* One layer of a VISIT's stack. Strings belong to the visit's JSON. */
struct visit_layer {
	const char *id;
	const json_t *object; /* all of it: kind, mode, grants, axes */
	uint8_t nonce[REPORT_NONCE_SIZE];
	bool probe;
	bool secret; /* it is to ask for one */
	int deadline_ms;
	size_t below; /* layers further in that this one is to enter */
};

struct visit {
	json_int_t number;
	bool terminal; /* nothing is probed: a program runs in the innermost layer, see terminal.h */
	size_t layers;
	struct visit_layer layer[VISIT_LAYERS_MAX];
};

/*
 * Reads a VISIT's payload. `object` must outlive `ret`. -EINVAL: a member is missing or of the
 * wrong type; *ret_what then names it.
 */
int visit_parse(const json_t *object, struct visit *ret, const char **ret_what);

/*
 * What such a layer is, for who is to enter it. -EINVAL, with `t`: a word that this agent does not
 * know, which may be older than the harness.
 */
int visit_read_layer(const struct visit_layer *from, struct layer *ret, struct trouble *t);

/* Whether this layer or one further in asks for a secret. */
bool visit_asks(const struct visit *visit, size_t first);

/*
 * What a child gets on its channel first: a VISIT of the stack from layer `first` on. The caller
 * frees it.
 */
int visit_for_child(const struct visit *visit, size_t first, char **ret, size_t *ret_size);
