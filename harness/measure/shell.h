/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "disk/fat.h"
#include "measure/events.h"
#include "measure/firmware.h"

#define SHELL_SCRIPT "startup.nsh"

/*
 * The firmware's shell, started because the disk has no loader, which runs startup.nsh in the root
 * of the disk's one FAT file system, fs0: UEFI Shell specification 2.2, edk2 ShellPkg. Understood is
 * a script that starts a Linux kernel there, by its path and with its command line; comments,
 * "echo -off" and "fs0:" may be before it.
 */
#define SHELL_PATH_MAX 256
struct shell_command {
	char *line;                /* as the program gets it */
	char path[SHELL_PATH_MAX]; /* of the program, as the FAT reader wants it */
};
/* The first line of a script that starts something, cut out of `text`; returns why that cannot be
 * told, else NULL. */
const char *shell_read_script(char *text, struct shell_command *ret);

struct shell_start {
	const struct firmware *firmware;
	const struct fat *fat;
	struct bytes table; /* what is measured of the partition table; 0 bytes: there is none */
};

/*
 * Appends the events from the disk's own boot option, which fails, to Exit Boot Services. RTMR1
 * and RTMR2 are left open where the script is not understood. 0 or -errno.
 */
int shell_measure(struct event_list *l, const struct shell_start *s, struct err *e);
