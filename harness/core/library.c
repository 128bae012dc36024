/* SPDX-License-Identifier: Apache-2.0 */
#include "core/library.h"

#include <dlfcn.h>
#include <errno.h>

int library_load(const struct library *want, void *api, struct err *e)
{
	void *library = NULL;

	for (size_t i = 0; want->names[i] && !library; i++)
		library = dlopen(want->names[i], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return err_set(e, -ENOPKG, "no %s: install the package %s", want->names[0],
		               want->package);
	for (size_t i = 0; i < want->symbols_count; i++) {
		void *function = dlsym(library, want->symbols[i].name);

		if (!function)
			return err_set(e, -ENOPKG, "%s has no %s", want->names[0],
			               want->symbols[i].name);
		*(void **)((char *)api + want->symbols[i].at) = function;
	}
	return 0;
}
