/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "format/bytes.h"
#include "measure/pe.h"

/*
 * A GRUB for UEFI as grub-mkimage makes it: a PE image with modules (ELF objects) in its section
 * "mods". What it does is read off those, and its version off its section .sbat.
 */
#define GRUB_MODULES_MAX 512

struct grub_image {
	char version[16]; /* "2.12"; "" when it does not say */
	bool debian;      /* Debian's own build */
	bool measures;    /* files and commands, in a TD without a TPM */
	bool by_shim;     /* has shim load the kernel where shim can: shim measures it */
	bool stub;        /* hands the initrd over as the kernel's EFI stub asks for it */
	bool memdisk;     /* brings files of its own: Debian's has the font "unicode" in it */
	char prefix[128]; /* path in the partition it is started from, like "/EFI/debian" */
	unsigned modules; /* those built in */
	char module[GRUB_MODULES_MAX][32];
};

/* 1 with *ret filled, 0 when the image is no GRUB; -EBADMSG when its tables contradict. */
int grub_image_read(const struct pe *pe, struct grub_image *ret, struct err *e);
bool grub_image_has(const struct grub_image *g, const char *module);

#define GRUB_DEPENDENCIES_MAX 32
/* The modules that one (a file NAME.mod) needs; their number or -EBADMSG. */
int grub_module_dependencies(struct bytes module, char ret[GRUB_DEPENDENCIES_MAX][32],
                             struct err *e);
