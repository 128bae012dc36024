/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/argv.h"
#include "core/err.h"
#include "measure/acpi.h"

/*
 * QEMU's ACPI tables, and what else newer firmware measures of it, for a guest's command line,
 * without that guest: a control VM with the same firmware and devices, but without any TDX, runs
 * guests/fwcfg instead of a kernel, and with Secure Boot off, for nobody signed that. About a second.
 */

/*
 * The control VM's command line. Pure: out go the kernel, the TDX object, the software module and
 * its ports; descriptors the guest had become nothing, its memory becomes anonymous. `output` is
 * where fw_cfg's records are to be written.
 */
int acpi_control_argv(char *const *argv, const char *dumper, const char *output, struct argv *ret,
                      struct err *e);

/* Runs it; `dumper` is the path of fwcfg.efi. Free *ret with acpi_blobs_free(). */
int acpi_capture(char *const *argv, const char *dumper, struct acpi_blobs *ret, struct err *e);
