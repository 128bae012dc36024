/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_MEASURE_BOOTVAR_H
#define TCEPTION_MEASURE_BOOTVAR_H

#include "measure/events.h"
#include "measure/firmware.h"

/*
 * BootOrder and the Boot#### variables as OVMF's boot manager makes them before the first boot
 * attempt: edk2 OvmfPkg PlatformBootManagerLib, MdeModulePkg UefiBootManagerLib. Firmware that is
 * started with -bios keeps no variables, so the options are always these.
 */
void bootvar_measure(struct event_list *l, const struct firmware *f,
                     const struct measure_inputs *inputs);

#endif
