/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_MEASURE_ACPI_H
#define TCEPTION_MEASURE_ACPI_H

#include "core/err.h"
#include "format/quote.h"

/*
 * The ACPI blobs that QEMU hands to firmware through fw_cfg, as firmware reads them: after it has
 * programmed PCI. They are captured from a control VM with the same firmware and command line (see
 * README.md), never taken from the guest under test.
 */
struct acpi_blobs {
	struct bytes
	        loader;    /* etc/table-loader: commands of 128 bytes (QEMU bios-linker-loader.c) */
	struct bytes rsdp; /* etc/acpi/rsdp */
	struct bytes tables; /* etc/acpi/tables */
	/* What newer firmware measures beside them; data NULL where it was not captured. */
	struct bytes boot_order; /* bootorder: which devices QEMU would have booted from */
	struct bytes boot_menu;  /* item 0x0e, 2 bytes: whether a boot menu is to be shown */
	struct bytes smbios;     /* the structure table as firmware makes it of QEMU's */
};

/*
 * Reads acpi-loader, acpi-rsdp and acpi-tables of a directory, which must be there, and boot-order,
 * boot-menu and smbios, which an older capture lacks.
 */
int acpi_blobs_load(const char *dir, struct acpi_blobs *ret, struct err *e);
void acpi_blobs_free(struct acpi_blobs *b);

/*
 * The blobs in the order in which firmware fetches them: the loader's own, then what its ALLOCATE
 * commands name. Calls `fetch` with the fw_cfg name and the blob (data NULL: not captured).
 * -EBADMSG when the loader is damaged.
 */
int acpi_fetch_order(const struct acpi_blobs *b,
                     void (*fetch)(const char *name, struct bytes blob, void *userdata),
                     void *userdata, struct err *e);

#endif
