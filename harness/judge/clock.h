/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "format/bytes.h"
#include "judge/verdict.h"

/*
 * How fast layer 0's clock runs by the host's. Each reading (record/record.h) has an instant of the
 * guest's between two of the host's; two of them bound the rate from both sides, and all pairs
 * together bound it best. A rate is wrong when even the bound nearer to 1 is off by more than
 * CLOCK_TOLERANCE, right when neither is, and unknown otherwise: readings that a busy host made
 * too wide prove nothing.
 *
 * Every time that a guest tells is in seconds of its clock, and so are the deadlines in it: a
 * wrong one makes a cell `broken`, and costs are told only where it is right.
 */
#define CLOCK_TOLERANCE 0.01

void clock_judge(const struct boot_record *b, const struct bytes *channel,
                 struct clock_verdict *ret);
