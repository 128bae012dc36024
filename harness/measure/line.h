/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/reader.h"

/*
 * One line of text being built from foreign bytes: printable ASCII stays, every other byte becomes
 * \xNN, so that the line can be shown on any terminal. What does not fit is cut and ends in "...".
 */
struct line {
	char *out;
	size_t size; /* of `out`, at least 4 */
	size_t used; /* characters in it, without the NUL */
	bool cut;    /* something did not fit: nothing more is added */
};

void line_init(struct line *l, char *out, size_t size);
void line_add(struct line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Foreign bytes, up to a NUL. */
void line_bytes(struct line *l, const uint8_t *data, size_t size);
/* Foreign UTF-16LE, up to a NUL. */
void line_utf16(struct line *l, const uint8_t *data, size_t size);
void line_hex(struct line *l, const uint8_t *data, size_t size);
void line_guid(struct line *l, const uint8_t guid[16]);
/* A UEFI device path, "PciRoot(0)/Pci(3,0)/HD(1,GPT,...)/EFI/BOOT/BOOTX64.EFI", to its end node. */
void line_device_path(struct line *l, struct reader path);
