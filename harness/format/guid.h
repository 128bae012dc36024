/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* A GUID as it is stored, UEFI 2.10 appendix A: 16 bytes, the first three fields little-endian. */
#define GUID_SIZE 16
#define GUID(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)                                              \
	{                                                                                          \
		(a) & 0xff, ((a) >> 8) & 0xff, ((a) >> 16) & 0xff, (uint8_t)((uint32_t)(a) >> 24), \
		        (b)&0xff, (b) >> 8, (c)&0xff, (c) >> 8, d0, d1, d2, d3, d4, d5, d6, d7     \
	}
