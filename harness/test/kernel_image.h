/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <string.h>

/*
 * A small image that is a PE32+ and an x86 Linux kernel at once, put together field by field:
 * headers up to 0x400, two sections stored in the reverse order of the table, a tail that belongs
 * to no section, and a certificate table at the very end.
 */
#define KERNEL_SIZE        0x1000
#define KERNEL_PE          0x80
#define KERNEL_CHECKSUM    (KERNEL_PE + 24 + 64)
#define KERNEL_CERTIFICATE (KERNEL_PE + 24 + 112 + 32)
#define KERNEL_HEADERS     0x400
#define KERNEL_TAIL        0xe00
#define KERNEL_SIGNATURE   0xf00
#define KERNEL_GUID        0x500 /* of the protocol that its EFI stub measures through */

static inline void put_le(uint8_t *p, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

static inline void kernel_image_section(uint8_t *p, const char *name, unsigned at, unsigned size)
{
	memcpy(p, name, strlen(name));
	put_le(p + 8, size, 4);
	put_le(p + 16, size, 4);
	put_le(p + 20, at, 4);
}

/* The two halves that a compiler writes to the stack, apart: of the CC protocol, or TCG2's. */
static inline void kernel_image_stub(uint8_t *image, const char *first, const char *second)
{
	memcpy(image + KERNEL_GUID, first, 8);
	memcpy(image + KERNEL_GUID + 16, second, 8);
}
#define KERNEL_GUID_CC   "\x3d\x1a\x75\x96\xf4\x72\xa6\x41", "\xa7\x94\xed\x5d\x0e\x67\xae\x6b"
#define KERNEL_GUID_TCG2 "\x6c\x76\x7f\x60\x55\x74\xbe\x42", "\x93\x0b\xe4\xd7\x6d\xb2\x72\x0f"
#define KERNEL_GUID_NONE "\1\1\1\1\1\1\1\1", "\1\1\1\1\1\1\1\1"

static inline void kernel_image_make(uint8_t image[KERNEL_SIZE])
{
	uint8_t *pe = image + KERNEL_PE, *optional = pe + 24;

	for (unsigned i = 0; i < KERNEL_SIZE; i++)
		image[i] = i < KERNEL_HEADERS ? 0 : (uint8_t)(i * 7 + i / 256);
	memcpy(image, "MZ", 2);
	put_le(image + 0x3c, KERNEL_PE, 4);
	memcpy(pe, "PE\0\0", 4);
	put_le(pe + 4, 0x8664, 2);
	put_le(pe + 6, 2, 2);    /* sections */
	put_le(pe + 20, 160, 2); /* optional header */
	put_le(optional, 0x20b, 2);
	put_le(optional + 60, KERNEL_HEADERS, 4);
	put_le(optional + 64, 0x12345678, 4); /* checksum */
	put_le(optional + 108, 6, 4);         /* directories */
	put_le(image + KERNEL_CERTIFICATE, KERNEL_SIGNATURE, 4);
	put_le(image + KERNEL_CERTIFICATE + 4, KERNEL_SIZE - KERNEL_SIGNATURE, 4);
	kernel_image_section(optional + 160, ".text", 0xa00, KERNEL_TAIL - 0xa00);
	kernel_image_section(optional + 200, ".data", KERNEL_HEADERS, 0xa00 - KERNEL_HEADERS);
	kernel_image_stub(image, KERNEL_GUID_CC);
	memcpy(image + 0x202, "HdrS", 4);
	put_le(image + 0x206, 0x20f, 2); /* protocol */
	image[0x211] = 1;                /* loaded high */
	put_le(image + 0x22c, 0x7fffffff, 4);
	put_le(image + 0x236, 0x7f, 2); /* may be loaded above 4 GiB, as 6.12 says */
}
