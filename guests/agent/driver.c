/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/driver.h"

#include "agent/util.h"

extern const struct driver *const __start_drivers[], *const __stop_drivers[];

/* Of no engine: where everything of the unprivileged user's is. */
static const struct storage home = {ROOTLESS_HOME, "mode=0700,uid=1000,gid=1000"};

const struct driver *driver_at(size_t i)
{
	return i < (size_t)(__stop_drivers - __start_drivers) ? __start_drivers[i] : NULL;
}

const struct driver *driver_find(const struct layer *layer)
{
	const struct driver *d;

	for (size_t i = 0; (d = driver_at(i)) != NULL; i++) {
		if (&kind_rows[d->kind] == layer->kind)
			return d;
	}
	return NULL;
}

const struct storage *driver_storage(size_t i)
{
	const struct driver *d;

	if (i-- == 0)
		return &home;
	for (size_t k = 0; (d = driver_at(k)) != NULL; k++) {
		for (size_t s = 0; s < COUNT_OF(d->storage) && d->storage[s].path; s++) {
			if (i-- == 0)
				return &d->storage[s];
		}
	}
	return NULL;
}
