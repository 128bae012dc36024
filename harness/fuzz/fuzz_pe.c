/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"
#include "measure/admission.h"
#include "measure/grub/image.h"
#include "measure/kernel.h"
#include "measure/shim.h"

/* Secure Boot looks at a program, with what is at its end as db and dbx. */
static void ask(const struct pe *pe)
{
	static const uint8_t names[] = {'d', 0, 'b', 0, 'x', 0, 'P', 0, 'K', 0};
	size_t size = pe->file.size < 200 ? pe->file.size : 200;
	const struct bytes lists = {pe->file.data + pe->file.size - size, size};
	struct variable v[] = {{guid_image_security, {names, 4}, lists},
	                       {guid_global_variable, {names + 6, 4}, lists},
	                       {guid_image_security, {names, 6}, lists}};
	const struct firmware fw = {.secure_boot = true, .variables = {v, 3}};
	struct event_list l = {0};
	struct admission a;

	admission_init(&a, &l, &fw);
	admission_ask(&a, pe, "it");
	event_list_done(&l);
}

/* Kernels: the PE headers and Linux' setup header. Loaders: shim's keys, GRUB's modules. Secure
 * Boot checks signatures, which takes time. Runs: 1000000 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct kernel_boot boot = {.low = 1u << 30, .initrd_size = 5000, .patched = true};
	static struct grub_image grub;
	char needs[GRUB_DEPENDENCIES_MAX][32];
	struct bytes file = {data, size};
	struct shim shim;
	static struct kernel_image image;
	struct pe pe;

	kernel_read(NULL, file, &boot, &image, NULL);
	grub_module_dependencies(file, needs, NULL);
	if (pe_parse(file, &pe, NULL) < 0)
		return 0;
	ask(&pe);
	shim_read(&pe, &shim, NULL);
	grub_image_read(&pe, &grub, NULL);
	return 0;
}
