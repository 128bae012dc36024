/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "judge/ladder.h"

/* What a quote, or else a TDREPORT, says of the TD, for the verdict: the evidence that `a` points into
 * is gone by the time two runs are compared. */
void measured_keep(struct measured *m, const struct attested *a);
