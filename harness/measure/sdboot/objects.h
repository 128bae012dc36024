/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "measure/events.h"

/*
 * What systemd-boot or systemd-stub 262 measures of the SMBIOS tables into RTMR0: the structures of
 * types 1, 2 and 11 as they are, with their texts; of type 1 without the wake-up type. `tables` as
 * firmware makes them; data NULL where they are not known.
 */
void objects_measure(struct event_list *l, struct bytes tables);
