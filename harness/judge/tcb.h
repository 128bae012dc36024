/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_JUDGE_TCB_H
#define TCEPTION_JUDGE_TCB_H

#include "judge/rung.h"

/*
 * The rung "tcb": what the collateral of the run says about the platform that an authentic quote
 * comes from. True for UpToDate alone; false for any other status, and where there is collateral
 * but none that holds for this quote. Only memory can fail.
 */
int tcb_weigh(const struct ladder_input *in, const struct quote *quote, struct rung_result *ret,
              struct err *e);

#endif
