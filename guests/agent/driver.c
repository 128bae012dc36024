/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/driver.h"

#include <errno.h>
#include <string.h>

#include "agent/util.h"

static const struct driver *const drivers[] = {&driver_docker, &driver_podman, &driver_qemu};

const struct driver *driver_find(const struct layer *layer, struct trouble *t)
{
	for (size_t i = 0; i < COUNT_OF(drivers); i++) {
		if (strcmp(drivers[i]->kind, layer->kind) != 0)
			continue;
		for (const char *const *mode = drivers[i]->modes; *mode; mode++) {
			if (strcmp(*mode, layer->mode) == 0)
				return drivers[i];
		}
		trouble_set(t, 0, "driver", "%s has no mode '%.60s'", layer->kind, layer->mode);
		return NULL;
	}
	trouble_set(t, 0, "driver", "no driver for '%.60s'", layer->kind);
	return NULL;
}
