/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_MEASURE_KERNEL_H
#define TCEPTION_MEASURE_KERNEL_H

#include <stdbool.h>

#include "core/err.h"
#include "format/quote.h"

/*
 * A kernel as firmware gets it from `qemu -kernel`. Before 10.0 QEMU writes into the setup header
 * where it put command line and initrd (hw/i386/x86.c, Linux' Documentation/arch/x86/boot.rst), and
 * this is what firmware measures. Later versions also offer the file as it is ("etc/boot/kernel"),
 * which OVMF 2025.02 measures instead: seen with QEMU 10.0.13.
 */
struct kernel_boot {
	uint64_t low;         /* bytes of RAM below 4 GiB */
	uint64_t initrd_size; /* bytes, 0: none */
	bool patched;         /* by a QEMU before 10.0 */
};

/* The Authenticode SHA-384 of the kernel as booted. -EBADMSG: no PE image, or no bzImage. */
int kernel_digest(struct bytes kernel, const struct kernel_boot *boot, uint8_t ret_digest[48],
                  struct err *e);

#endif
