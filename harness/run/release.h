/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "core/err.h"
#include "format/hpke.h"
#include "record/record.h"

/*
 * The answer to a layer that asks for a secret. What it sent is weighed in a process of its own, since
 * that may boot a control VM and takes a while; then a secret is made, sealed and sent, or a refusal.
 */

/* What was decided, by whoever may judge (cli/release.h). */
struct release_verdict {
	bool released;
	char reason[240];
	uint8_t key[HPKE_KEY_SIZE]; /* the layer's */
};

/* Called in that process: `boot` ends with the visit, whose evidence ends with the question. */
typedef void (*release_fn)(void *userdata, const struct boot_record *boot,
                           struct release_verdict *ret);

struct release;
/* The process has ended; `v` says so where it died. The release may be freed. */
typedef void (*release_over_fn)(const struct release_verdict *v, void *owner);

int release_start(sd_event *event, release_fn judge, void *userdata, const struct boot_record *boot,
                  release_over_fn over, void *owner, struct release **ret, struct err *e);
/* Ends its process; NULL is no release. */
void release_free(struct release *r);

/*
 * The SECRET frame's JSON for the visit's innermost layer, and what is kept of it in `visit`. The
 * caller frees it.
 */
int release_answer(const struct release_verdict *v, struct visit_record *visit, char **ret_json,
                   struct err *e);
