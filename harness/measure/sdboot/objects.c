/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sdboot/objects.h"

#include <string.h>

#include "format/eventlog.h"
#include "measure/smbios.h"

#define WAKE_UP_TYPE 0x18 /* offset in a structure of type 1: DMTF DSP0134 */

static const struct event_tag tag = {0, EV_IPL, INPUT_SMBIOS};

static void measure_system(struct event_list *l, struct bytes structure)
{
	uint8_t copy[1024];

	if (structure.size > sizeof(copy)) {
		event_open(l, 0, "SMBIOS tables: the structure of type 1 is too large");
		return;
	}
	memcpy(copy, structure.data, structure.size);
	if (copy[1] > WAKE_UP_TYPE)
		copy[WAKE_UP_TYPE] = 0;
	event_hash(l, tag, copy, structure.size, "SMBIOS structure of type 1");
}

void objects_measure(struct event_list *l, struct bytes tables)
{
	struct bytes structure;

	if (!tables.data) {
		event_unknown(l, tag, "SMBIOS structures of types 1, 2 and 11");
		return;
	}
	for (size_t at = 0; smbios_next(tables, &at, &structure);) {
		unsigned type = structure.data[0];

		if (type == 1)
			measure_system(l, structure);
		else if (type == 2 || type == 11)
			event_hash(l, tag, structure.data, structure.size,
			           "SMBIOS structure of type %u", type);
	}
}
