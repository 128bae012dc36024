/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_MEASURE_UKI_H
#define TCEPTION_MEASURE_UKI_H

#include "measure/events.h"
#include "measure/pe.h"

/*
 * Unified kernel images: systemd-stub with kernel, initrd and command line in sections of one PE
 * (uapi-group.org, "Unified Kernel Image"; systemd-stub(7)). The stub measures each section, name
 * and contents, into RTMR2 through the firmware's CC protocol, packs some of them into an initrd,
 * and starts the kernel through the firmware, which measures it into RTMR1.
 */
bool uki_is(const struct pe *pe);

/*
 * Appends the events from the stub's start to the kernel's Exit Boot Services. What a stub of an
 * unknown version does is left open.
 */
int uki_measure(struct event_list *l, const struct pe *pe, struct err *e);

#endif
