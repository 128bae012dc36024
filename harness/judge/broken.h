/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "format/bytes.h"
#include "judge/verdict.h"

/* What makes a cell broken before its evidence is weighed. Each says why in `v` and returns true. */
bool broken(struct cell_verdict *v, const struct boot_record *b, const char *what, const char *why);
/* A visit that was not made, or ended early. `whose`: "" for the cell's own. */
bool visit_broken(struct cell_verdict *v, const struct boot_record *b,
                  const struct visit_record *visit, const char *whose);
/* Layer 0's clock is certainly wrong: nothing that was timed in the guest holds. */
bool clock_broken(const struct boot_record *b, struct cell_verdict *v);

/*
 * Whether a boot's channel.bin is what it was when it was recorded, byte for byte: each visit's
 * evidence by its size and SHA-256, and once the boot was over what came after them. Bytes behind
 * the last visit of a run that was killed are nobody's. `why` says what changed, or is "".
 */
void unchanged_check(const struct boot_record *b, const struct bytes *channel,
                     char why[JUDGE_TEXT_MAX]);
