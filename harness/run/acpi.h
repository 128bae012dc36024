/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "measure/acpi.h"

/*
 * QEMU's ACPI tables, and what else newer firmware measures of it, for a guest's command line,
 * without that guest: from its control VM (control.h),
 * whose firmware has Secure Boot off, for nobody signed that program. About a second.
 */

/* `dumper` is the path of fwcfg.efi; `note` as in run/control.h. Free *ret with acpi_blobs_free(). */
int acpi_capture(char *const *argv, const char *dumper,
                 void (*note)(void *userdata, const char *option, const char *why),
                 struct acpi_blobs *ret, struct err *e);
