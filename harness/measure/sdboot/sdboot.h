/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "disk/fat.h"
#include "disk/gpt.h"
#include "measure/admission.h"
#include "measure/events.h"
#include "measure/pe.h"

/*
 * systemd-boot: finds boot entries, sorts them, takes one as loader.conf says, and starts it
 * (systemd-boot(7), loader.conf(5)). Nobody touches the keyboard, and no variables are left from
 * earlier boots: a TD's firmware keeps none.
 */
bool sdboot_is(const struct pe *pe);

struct sdboot_start {
	struct disk *disk;
	const struct gpt *gpt;
	const struct fat *fat; /* the file system that it is in */
	const char *path;      /* of itself there, like "EFI/BOOT/BOOTX64.EFI" */
	bool read_only;        /* the TD cannot write to the disk */
	bool setup_mode;       /* Secure Boot waits for its keys */
	struct bytes smbios;   /* the tables as the VMM hands them over; data NULL: unknown */
	struct admission *admission; /* by the firmware */
};

/* Appends the events from its start to the kernel's Exit Boot Services. */
int sdboot_measure(struct event_list *l, const struct pe *pe, const struct sdboot_start *s,
                   struct err *e);
