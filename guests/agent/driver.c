/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/driver.h"

#include <errno.h>
#include <string.h>

#include "agent/util.h"

static const struct driver *const drivers[] = {
        &driver_bwrap,  &driver_crun, &driver_docker, &driver_lxc,   &driver_nspawn,
        &driver_podman, &driver_qemu, &driver_runc,   &driver_runsc, &driver_uml,
};

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
