/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "judge/judge.h"

/*
 * While a visit goes on: whether the layer that asks may have its secret. `in` has that boot, whose
 * record ends with the visit, and its channel as far as the question. The key to seal it to is *ret_key; else
 * `why` (JUDGE_TEXT_MAX bytes) says why not, and the answer is false.
 */
bool release_judge(const struct judge_input *in, size_t case_index, uint8_t ret_key[HPKE_KEY_SIZE],
                   char *why);
