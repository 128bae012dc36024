/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"
#include "measure/grub/image.h"
#include "measure/kernel.h"
#include "measure/shim.h"

/* Kernels: the PE headers and Linux' setup header. Loaders: shim's keys, GRUB's modules. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct kernel_boot boot = {.low = 1u << 30, .initrd_size = 5000, .patched = true};
	static struct grub_image grub;
	char needs[GRUB_DEPENDENCIES_MAX][32];
	struct bytes file = {data, size};
	struct shim shim;
	uint8_t digest[48];
	struct pe pe;

	kernel_digest(file, &boot, digest, NULL);
	grub_module_dependencies(file, needs, NULL);
	if (pe_parse(file, &pe, NULL) < 0)
		return 0;
	shim_read(&pe, &shim, NULL);
	grub_image_read(&pe, &grub, NULL);
	return 0;
}
