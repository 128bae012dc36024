/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "format/bytes.h"
#include "format/guid.h"
#include "format/tdvf.h"
#include "measure/variables.h"

/*
 * What a firmware image tells about how it will measure. A profile is explicit about what differs
 * between generations of OVMF; each trait is read off the image where it can be, see firmware.c.
 */
struct firmware {
	struct bytes image; /* borrowed */
	struct tdvf tdvf;
	struct bytes cfv; /* the configuration volume, a view; empty when there is none */
	struct variable_store variables; /* views into cfv */

	char version[32];       /* "2025.02", or "" where the image does not say in a known form */
	bool known;             /* OVMF's code was found in it: the rest says something */
	char damage[160];       /* of its volumes, which then are not known; else "" */
	bool measures;          /* has TdTcg2Dxe: else RTMRs stay zero */
	bool secure_boot;       /* built with Secure Boot: a SecureBoot variable, CFV's are used */
	int separator;          /* RTMR of the ready-to-boot separator: 0 before edk2 efaf8931
	                         * (August 2024), 1 since, -1 where that can't be told */
	bool measures_fw_cfg;   /* boot menu and order of fw_cfg (edk2 2025.05 and later) */
	bool measures_smbios;   /* has SmbiosMeasurementDxe (the same) */
	bool smbios_speeds;     /* which then has the current speeds in it */
	bool initrd_first;      /* "initrd=initrd" before a kernel's command line, not behind it */
	bool shell;             /* has a built-in shell: a boot option of its own */
	bool shell_is_booted;   /* it is tried when nothing else boots, and this is known: */
	uint8_t shell_digest[48]; /* Authenticode */
	bool setup;             /* has UiApp, the setup */
	bool reads_boot_kernel; /* takes "etc/boot/kernel" where the VMM offers it */

	uint8_t volume[GUID_SIZE]; /* name of the volume that holds the boot manager's menu */
	bool bare_menu; /* it is BootManagerMenuApp, and the setup (UiApp) an option of its own */
	uint8_t menu[GUID_SIZE]; /* file name of that menu, zero when there is none */
	uint8_t menu_name[64];   /* its user-interface name, UTF-16 with NUL */
	size_t menu_name_size;   /* bytes of it */
};

extern const uint8_t guid_shell[GUID_SIZE];  /* file name of the built-in shell */
extern const uint8_t guid_ui_app[GUID_SIZE]; /* and of the setup */

/* -EBADMSG when the image is no TDVF. Volumes that cannot be read leave it unknown. */
int firmware_read(struct bytes image, struct firmware *ret, struct err *e);
void firmware_done(struct firmware *f);

/* Whether it starts with Secure Boot on, by its own variables. */
bool firmware_secure_boot_on(const struct firmware *f);
/* Deletes the platform key in an image, in place, which turns it off: 1, 0 where there is none, or
 * -EBADMSG. */
int firmware_delete_platform_key(uint8_t *image, size_t size);
