/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "disk/fat.h"
#include "measure/admission.h"
#include "measure/events.h"
#include "measure/pe.h"

/*
 * Unified kernel images: systemd-stub with kernel, initrd and command line in sections of one PE
 * (uapi-group.org, "Unified Kernel Image"; systemd-stub(7)). The stub measures each section, name
 * and contents, and what it picks up beside the image into RTMR2 through the firmware's CC
 * protocol, packs some of it into an initrd, and starts the kernel. Stubs before 256 know no CC
 * protocol and measure nothing in a TD; the kernel's own EFI stub measures what it is handed.
 */
bool uki_is(const struct pe *pe);

struct stub_start { /* where and how it is started */
	const struct fat
	        *fat;        /* the file system that the image is in; NULL: none with more in it */
	const char *path;    /* of the image there, like "EFI/Linux/a.efi" */
	const char *options; /* its LoadOptions, ASCII; NULL: none */
	bool smbios_done;    /* and measured the SMBIOS structures */
	bool read_only;      /* the TD cannot write to the disk */
	struct bytes smbios; /* the tables as the VMM hands them over; data NULL: unknown */
	struct admission *admission; /* by the firmware */
};

/*
 * Appends the events from the stub's start to the kernel's Exit Boot Services. What a stub of an
 * unknown version does is left open.
 */
int stub_measure(struct event_list *l, const struct pe *pe, const struct stub_start *s,
                 struct err *e);
