/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

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
	struct bytes devices;    /* names of the devices on QEMU's command line, a line each;
	                          * "(default)" where QEMU adds some by itself */
};

/*
 * Reads acpi-loader, acpi-rsdp and acpi-tables of a directory, which must be there, and boot-order,
 * boot-menu, smbios and devices, which an older capture lacks.
 */
int acpi_blobs_load(const char *dir, struct acpi_blobs *ret, struct err *e);
int acpi_blobs_save(const struct acpi_blobs *b, const char *dir, struct err *e);
void acpi_blobs_free(struct acpi_blobs *b);

/* Whether a device other than virtio-blk disks may add boot options: a network device, another kind
 * of disk, anything that is not known to add none. */
bool acpi_has_other_boot_devices(const struct acpi_blobs *b);

/*
 * The blobs in the order in which firmware fetches them: the loader's own, then what its ALLOCATE
 * commands name. Calls `fetch` with the fw_cfg name and the blob (data NULL: not captured).
 * -EBADMSG when the loader is damaged.
 */
int acpi_fetch_order(const struct acpi_blobs *b,
                     void (*fetch)(const char *name, struct bytes blob, void *userdata),
                     void *userdata, struct err *e);
