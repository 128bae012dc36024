/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "agent/visit.h"
#include "agent/process.h"

/*
 * guests/conformance in a layer of that kind. It takes quotes and gives each row its own time, so
 * its deadline is longer than a probe's.
 */
#define CONFORMANCE_DEADLINE_MS 600000

bool conformance_layer(const struct visit_layer *layer);
/* Whether the program is here; makes ready what it can look at, /dev/cpu/0/msr. -ENOENT, with `t`. */
int conformance_ready(struct trouble *t);
/* FACT objects, without "probe": {"exit", "report"}; the second of the rows that extend RTMRs. */
json_t *conformance_rows(void *unused);
json_t *conformance_extend(void *unused);
