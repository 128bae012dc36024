/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/err.h"
#include "format/quote.h"

/*
 * What edk2's SmbiosMeasurementDxe measures (OVMF since 2025.05): all structures of the table as
 * firmware publishes it, without serial numbers, asset tags and the like (DMTF DSP0134; TCG PC
 * Client Platform Firmware Profile, section 3.3.4.2).
 *
 * `table`: the structure table, up to and with its type 127. `speeds`: voltage and current speeds
 * count, too, as they did before the driver was taught that they vary. -EBADMSG with the offset
 * when the table is damaged; -ENOMEM.
 */
int smbios_digest(struct bytes table, bool speeds, uint8_t ret[48], struct err *e);

/* The structure at *at, with its texts, and *at behind it; false at type 127 or where the table is
 * damaged. Its first byte is its type, its second the size of the part with fields. */
bool smbios_next(struct bytes table, size_t *at, struct bytes *ret);
