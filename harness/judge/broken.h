/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_JUDGE_BROKEN_H
#define TCEPTION_JUDGE_BROKEN_H

#include "judge/verdict.h"

/* What makes a cell broken before its evidence is weighed. Each says why in `v` and returns true. */
bool broken(struct cell_verdict *v, const struct boot_record *b, const char *what, const char *why);
/* A visit that was not made, or ended early. `whose`: "" for the cell's own. */
bool visit_broken(struct cell_verdict *v, const struct boot_record *b,
                  const struct visit_record *visit, const char *whose);
/* Layer 0's clock is certainly wrong: nothing that was timed in the guest holds. */
bool clock_broken(const struct boot_record *b, struct cell_verdict *v);

#endif
