/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "measure/tables/aml.h"
#include "measure/tables/tables.h"

/* The DSDT's own bytes, behind its header, added to *a; `a->failed` where that fails. */
void q35_dsdt(const struct tables_spec *spec, struct aml *a);
/* The APIC ID of a CPU by its place in sockets, cores and threads (x2APIC's fields, as QEMU numbers
 * them in hw/i386/topology.h). */
unsigned q35_apic_id(const struct tables_spec *spec, unsigned cpu);
