/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "measure/events.h"
#include "measure/firmware.h"
#include "measure/pe.h"

/*
 * Whether Secure Boot lets the first program start: edk2 SecurityPkg DxeImageVerificationLib. Where
 * it is off, nothing happens. Where it is on, RTMR0 to RTMR2 are left open, with the reason: that the
 * program is refused (it has no signature, or one that no longer fits because QEMU writes into it,
 * and db, all of whose entries are certificates, admits nothing by its digest), or that it cannot be
 * told by which certificate it is admitted, which is measured.
 */
void admission_check(struct event_list *l, const struct firmware *f, const struct pe *program,
                     bool changed, const char *what);
/* The same where no program was found. */
void admission_open(struct event_list *l, const struct firmware *f);
