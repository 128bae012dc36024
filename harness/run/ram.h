/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "core/err.h"

/*
 * A file in memory that is the RAM of an emulated TD, `size` bytes of zero: in pages of 2 MiB where
 * this machine's kernel makes such (they are a hundredth of the page faults), else of 4 KiB. It has
 * no name, and is gone with its last descriptor and mapping. *ret is the caller's to close.
 */
int ram_file(uint64_t size, int *ret, struct err *e);
