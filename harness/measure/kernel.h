/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/err.h"
#include "format/quote.h"
#include "measure/pe.h"

/*
 * A kernel as firmware gets it from `qemu -kernel`. Up to 10.1 QEMU writes into the setup header
 * where it put command line and initrd (hw/i386/x86.c, Linux' Documentation/arch/x86/boot.rst), and
 * this is what firmware measures. From 10.0 on it also offers the file as it is
 * ("etc/boot/kernel"), which newer firmware measures instead: OVMF 2025.02 with QEMU 10.0.13. From
 * 10.2 on nothing is written into it (QEMU a7542a38f399).
 */
struct kernel_boot {
	uint64_t low;         /* bytes of RAM below 4 GiB */
	uint64_t initrd_size; /* bytes, 0: none */
	bool patched;         /* with what QEMU writes into it */
};

bool kernel_is_linux(struct bytes kernel); /* has the setup header of an x86 kernel */

/* The kernel as booted, a PE image with views into this and into the file: not to be copied. */
#define KERNEL_HEAD_SIZE 16384 /* bytes, with all headers: Linux' are within 4096 */
struct kernel_image {
	uint8_t head[KERNEL_HEAD_SIZE];
	struct pe pe;
};
/* -EBADMSG: no PE image, or no bzImage. */
int kernel_read(const struct view *v, struct bytes kernel, const struct kernel_boot *boot,
                struct kernel_image *ret, struct err *e);

/*
 * Whether the kernel's EFI stub measures what it is booted with, its command line and its initrd,
 * through the confidential-computing protocol: the protocol's GUID stands in the stub, as one value
 * or as the two halves that a compiler writes to the stack (seen in Linux 6.12 and 7.3). A stub
 * that has only the older TCG2 protocol's GUID in that form (6.1) finds no protocol in a TD and
 * measures nothing. By code, never by version: distributions backport it.
 */
enum kernel_stub {
	KERNEL_STUB_MEASURES,
	KERNEL_STUB_SILENT,
	KERNEL_STUB_UNKNOWN, /* neither GUID was found */
};
/* It may be in a view, or NULL. */
enum kernel_stub kernel_stub(const struct view *v, struct bytes kernel);
