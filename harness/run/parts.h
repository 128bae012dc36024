/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/err.h"
#include "plan/plan.h"

struct kernel_files {
	char *image, *initrd;
	char *unpacked; /* the same kernel as an ELF file, which PVH boots; NULL: there is none */
};
struct image_file {
	char *path;
	bool is_device; /* a block device: QEMU has another driver for it */
	bool is_qcow2;  /* else raw */
	bool scratch;   /* may be written to; what is written is lost when QEMU ends */
};

/*
 * The files a guest is made of. Looked for, in this order: an option of the command line, an
 * environment variable, the image cache (TCEPTION_CACHE, else `cache` beside the binary), the
 * folder of the binary. Of an installed PREFIX/bin/tception the last two are PREFIX/lib/tception.
 * Paths are absolute.
 */
struct guest_parts {
	/* TCEPTION_KERNEL, cache vmlinuz; TCEPTION_INITRD, beside the binary initrd.cpio. With
	 * _BACKPORTS or -backports at the end of the name for that kernel; with _FORKY, cache forky/
	 * and -forky for that of the next release. Unpacked, cache vmlinux. */
	struct kernel_files kernel[KERNEL_COUNT];
	/* TCEPTION_ROOT, cache root.squashfs; with _MINIMAL or -minimal, _EXTRA or extra/,
	 * _FORKY or forky/ for those images. */
	struct image_file root[IMAGE_COUNT];
	/* Why there is no such kernel or image, or NULL where there is one. */
	char *no_backports, *no_image[IMAGE_COUNT];
	char *firmware; /* TCEPTION_FIRMWARE, cache OVMF.fd: TDVF, for a `td` and for `disk` */
	char *module; /* TCEPTION_MODULE, beside the binary tdxemu.bin: for an emulated `td` only */
	/* Boots what has no @kernel=backports in place of that kernel; path NULL: none does. */
	struct image_file disk;
	bool installed; /* below a prefix, by `make install` */
	char *append; /* TCEPTION_APPEND: further words of the kernel's command line, or NULL */
	char *dumper; /* TCEPTION_FWCFG, beside the binary fwcfg.efi: for the ACPI tables of a `td`
	               */
};

/* Makes a disk's path absolute and looks what it is; qcow2 with a backing file is -ENOTSUP. */
int image_file_look(struct image_file *image, struct err *e);
/* Fills the members that are still NULL. They need not exist; see guest_parts_check. */
int guest_parts_find(struct guest_parts *p, struct err *e);
/* -ENOENT naming the first file that a boot of the plan lacks, and what makes it. */
int guest_parts_check(const struct guest_parts *p, const struct plan *plan, struct err *e);
/* Whether this boot is from `disk`. */
bool guest_parts_disk(const struct guest_parts *p, const struct boot *b);
void guest_parts_done(struct guest_parts *p);
