/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Kernels: the PE headers and Linux' setup header. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct kernel_boot boot = {.low = 1u << 30, .initrd_size = 5000, .patched = true};
	uint8_t digest[48];

	kernel_digest((struct bytes){data, size}, &boot, digest, NULL);
	return 0;
}
