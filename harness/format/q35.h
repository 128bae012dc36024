/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * Bytes of RAM below 4 GiB of QEMU's q35 machine with `memory` bytes in all: of 2816 MiB and more
 * only 2 GiB stay there, the rest goes above (hw/i386/pc_q35.c, pc_q35_init()).
 */
static inline uint64_t q35_low_memory(uint64_t memory)
{
	return memory >= 0xb0000000 ? 0x80000000 : memory;
}
