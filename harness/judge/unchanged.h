/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_JUDGE_UNCHANGED_H
#define TCEPTION_JUDGE_UNCHANGED_H

#include "judge/verdict.h"

/*
 * Whether a boot's channel.bin is what it was when it was recorded, byte for byte: each visit's
 * evidence by its size and SHA-256, and once the boot was over what came after them. Bytes behind
 * the last visit of a run that was killed are nobody's. `why` says what changed, or is "".
 */
void unchanged_check(const struct boot_record *b, const struct bytes *channel,
                     char why[JUDGE_TEXT_MAX]);

#endif
