/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"

/*
 * What tells whether a run says when it is judged what it said before: a digest of name, size, times and inode of
 * each file that the judge reads, and of this program. `run`: a folder or a bundle.
 */
#define STAMP_SIZE 65 /* hexadecimal, and NUL */
int stamp_of_run(const char *run, char ret[STAMP_SIZE]);
