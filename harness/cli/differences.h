/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "judge/verdict.h"
#include "record/record.h"

/*
 * Where two verdicts differ: what `diff` prints of runs, `replay` of one cell. `list` holds
 * {"layer", "what", "before", "after", "why"}, null where there is nothing; `count` also counts
 * those that memory was too short for. `list` is the caller's.
 */
struct differences {
	json_t *list;
	size_t count;
};

void differences_add(struct differences *d, const char *layer, const char *what, const char *before,
                     const char *after, const char *why);
/* One where the texts are not the same; "" is nothing. */
void differences_text(struct differences *d, const char *layer, const char *what,
                      const char *before, const char *after);
/* Of one cell; layer 0 of a deeper one only where it is asked for: its other cells have it, too. */
void differences_cell(struct differences *d, const struct cell_verdict *a,
                      const struct cell_verdict *b, bool layer0);
/* `environment`: what else differs and may be why. */
int differences_print(const struct differences *d, const struct differences *environment, bool json,
                      struct err *e);
