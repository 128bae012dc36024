/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "format/bytes.h"
#include "measure/admission.h"
#include "measure/events.h"
#include "measure/firmware.h"

/* Pieces of a boot that more than one way of booting has. */

/* What is started is not known: leaves RTMR1 and RTMR2 open. */
void boot_open(struct event_list *l, const char *reason);

void boot_measure_separator(struct event_list *l, unsigned rtmr);

/* The first ready-to-boot: SMBIOS where it is measured, boot variables, "Calling EFI Application",
 * separator. */
int boot_measure_ready(struct event_list *l, const struct firmware *f,
                       const struct measure_inputs *in, struct err *e);

/* Whether the kernel's EFI stub measures its command line and initrd; opens RTMR2 where that is not
 * known. */
bool boot_stub_measures(struct event_list *l, const struct view *v, struct bytes kernel);

/* The SMBIOS tables, data NULL where they were not captured. */
struct bytes boot_smbios(const struct measure_inputs *in);

/* A boot option came back, and the next one is tried. */
void boot_measure_next_option(struct event_list *l);

/* What firmware adds when a kernel leaves boot services. */
void boot_measure_exit(struct event_list *l);

/* Booting from inputs->disk, from ready-to-boot on. */
int boot_measure_disk(struct event_list *l, const struct firmware *f,
                      const struct measure_inputs *in, struct admission *admission, struct err *e);
