/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "disk/bootfs.h"
#include "measure/events.h"
#include "measure/grub/image.h"
#include "measure/shim.h"

/*
 * What GRUB does from its start on, and the Linux that it boots: its configuration is run as far as
 * grub_script.h understands it, the default entry is taken when the time is out. Facts: GRUB 2.12
 * and 2.14 as Debian builds them (commands/tpm.c, commands/efi/tpm.c, kern/verifiers.c,
 * normal/main.c, script/execute.c, loader/efi/linux.c), seen in logs of TDs; Linux' EFI stub.
 *
 * `esp` is the number of the partition that GRUB was started from. Where it cannot be foreseen,
 * RTMR1 and RTMR2 are left open with the file and line; events up to there are listed.
 */
int grub_measure(struct event_list *l, const struct grub_image *g, const struct shim *shim,
                 struct bootfs *fs, unsigned esp, struct err *e);
