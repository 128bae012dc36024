/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/mrtd.h"

#include "core/hash.h"

static void take(void *userdata, const void *data, size_t size)
{
	hash384_update(userdata, data, size);
}

void measure_mrtd(struct bytes image, const struct tdvf *tdvf, uint8_t ret[2][48])
{
	struct hash384 h;

	for (unsigned order = 0; order < 2; order++) {
		hash384_init(&h);
		tdvf_mrtd_bytes(image.data, tdvf, (enum mrtd_order)order, take, &h);
		hash384_final(&h, ret[order]);
	}
}
