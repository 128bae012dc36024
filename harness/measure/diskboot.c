/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "disk/fat.h"
#include "format/bytes.h"
#include "format/eventlog.h"
#include "measure/admission.h"
#include "measure/boot.h"
#include "measure/grub/grub.h"
#include "measure/kernel.h"
#include "measure/pe.h"
#include "measure/sdboot/sdboot.h"
#include "measure/sdboot/stub.h"
#include "measure/shell.h"

#define LOADER_MAX    (512u << 20)           /* bytes of an image in the ESP */
#define FALLBACK      "EFI/BOOT/BOOTX64.EFI" /* what is started when no boot option names a file */
#define SECOND        "EFI/BOOT/grubx64.efi" /* what shim starts from there */
#define FALLBACK_SHIM "EFI/BOOT/fbx64.efi"   /* or this, if it is there */
#define SHIM_OPTIONS  "EFI/BOOT/options.csv" /* names another second program (shim 16) */

static void measure_image(struct event_list *l, const struct pe *pe, const char *what)
{
	const struct event_tag tag = {1, EV_EFI_BOOT_SERVICES_APPLICATION, INPUT_DISK};
	uint8_t digest[48];

	pe_authenticode(pe, digest);
	event_add(l, tag, digest, "%s", what);
}

/* What a disk is booted with. */
struct disk_boot {
	struct event_list *l;
	const struct firmware *firmware;
	const struct measure_inputs *in;
	struct admission *admission;
	struct disk *disk;
	struct gpt gpt;
	struct fat esp;
	unsigned number; /* of the ESP in the table */
};

/* ---- programs that find the kernel ---- */

static int start_grub(struct disk_boot *b, const struct grub_image *grub, const struct shim *shim,
                      struct err *e)
{
	struct bootfs fs;
	int r;

	bootfs_init(&fs, b->disk, &b->gpt);
	r = grub_measure(b->l, grub, shim, &fs, b->number, e);
	bootfs_done(&fs);
	return r;
}

static int start_sdboot(struct disk_boot *b, const struct pe *pe, const char *path, struct err *e)
{
	const struct sdboot_start s = {
	        .disk = b->disk,
	        .gpt = &b->gpt,
	        .fat = &b->esp,
	        .path = path,
	        .read_only = b->in->disk_read_only,
	        .setup_mode = b->firmware->secure_boot && !firmware_secure_boot_on(b->firmware),
	        .smbios = boot_smbios(b->in),
	        .admission = b->admission,
	};

	return sdboot_measure(b->l, pe, &s, e);
}

static int start_uki(struct disk_boot *b, const struct pe *pe, const char *path, struct err *e)
{
	const struct stub_start s = {
	        .fat = &b->esp,
	        .path = path,
	        .read_only = b->in->disk_read_only,
	        .smbios = boot_smbios(b->in),
	        .admission = b->admission,
	};

	return stub_measure(b->l, pe, &s, e);
}

/* 1 with what it does appended, 0 for a program that is not known here. */
static int start_program(struct disk_boot *b, const struct pe *pe, const char *path, struct err *e)
{
	int r;

	if (uki_is(pe))
		r = start_uki(b, pe, path, e);
	else if (sdboot_is(pe))
		r = start_sdboot(b, pe, path, e);
	else if (kernel_is_linux(pe->file)) {
		boot_stub_measures(b->l, pe->view, pe->file); /* it is handed nothing */
		boot_measure_exit(b->l);
		r = 0;
	} else
		return 0;
	return r < 0 ? r : 1;
}

/* The next program, in the ESP beside shim. */
static int measure_second(struct disk_boot *b, const struct shim *shim, const char *path,
                          struct err *e)
{
	_cleanup_(view_done) struct view file = {0};
	struct grub_image grub;
	struct pe pe;
	int r = fat_view_file(&b->esp, path, LOADER_MAX, &file, e);

	if (r == 0)
		r = pe_parse_view(&file, &pe, e);
	if (r == 0) {
		measure_image(b->l, &pe, path);
		r = grub_image_read(&pe, &grub, e);
	}
	if (r > 0)
		return start_grub(b, &grub, shim, e);
	if (r == 0)
		r = start_program(b, &pe, path, e);
	if (r == 0)
		boot_open(b->l,
		          "what shim starts is not known here: what that does is not "
		          "foreseen");
	return r < 0 ? r : 0;
}

/* shim as the removable-media loader starts the fallback program beside it, if there is one, which
 * starts what the distribution's BOOTX64.CSV names: a chain that leaves this folder. */
static int measure_shim(struct disk_boot *b, const struct shim *shim, struct err *e)
{
	int r;

	if (b->admission->on) {
		admission_open(b->admission, "what shim then admits and measures");
		return 0;
	}
	r = shim_measure(b->l, shim, b->firmware, e);

	if (r == 0)
		r = fat_exists(&b->esp, FALLBACK_SHIM, e);
	if (r < 0)
		return r;
	if (r > 0)
		return measure_second(b, shim, FALLBACK_SHIM, e);
	r = fat_exists(&b->esp, SHIM_OPTIONS, e);
	if (r != 0) {
		boot_open(b->l, "what shim makes of " SHIM_OPTIONS " is not foreseen");
		return r < 0 ? r : 0;
	}
	r = measure_second(b, shim, SECOND, e);
	if (r != -ENOENT)
		return r;
	boot_open(b->l, "shim has no " SECOND " to start");
	return 0;
}

/* The partition table, with the first program that firmware loads from it. */
static void measure_table(struct disk_boot *b)
{
	const struct event_tag tag = {1, EV_EFI_GPT_EVENT, INPUT_DISK};

	if (b->gpt.kind == GPT_TABLE)
		event_hash(b->l, tag, b->gpt.event, b->gpt.event_size, "partition table");
}

static int measure_loader(struct disk_boot *b, const struct view *file, struct err *e)
{
	struct shim shim;
	struct pe pe;
	int r = pe_parse_view(file, &pe, e);

	if (r < 0) {
		measure_table(b);
		err_prefix(e, FALLBACK);
		return r;
	}
	if (admission_ask(b->admission, &pe, "the disk's loader") == REFUSED) {
		admission_refused(b->admission, &pe, "the disk's loader");
		return 0;
	}
	measure_table(b);
	measure_image(b->l, &pe, FALLBACK);
	r = shim_read(&pe, &shim, e);
	if (r > 0)
		return measure_shim(b, &shim, e);
	if (r == 0)
		r = start_program(b, &pe, FALLBACK, e);
	if (r == 0)
		boot_open(b->l,
		          "the disk's loader is none that is known here (unified kernel "
		          "image, systemd-boot, shim, Linux): what it does is not foreseen");
	return r < 0 ? r : 0;
}

/* The first partition with a FAT file system and that file in it: firmware tries them all, whatever
 * their type is. An EFI system partition has to have one. -ENOENT with the last FAT file system in
 * b->esp, and how many there are in *ret_systems. */
static int find_loader(struct disk_boot *b, struct view *ret, unsigned *ret_systems, struct err *e)
{
	*ret_systems = 0;
	for (unsigned i = 0; i < b->gpt.partitions; i++) {
		const struct gpt_partition *p = &b->gpt.partition[i];
		int r = fat_open(b->disk, p->start, p->size, &b->esp, e);

		if (r == -EBADMSG && !p->esp)
			continue; /* something else */
		if (r == 0) {
			b->number = p->number;
			(*ret_systems)++;
			r = fat_view_file(&b->esp, FALLBACK, LOADER_MAX, ret, e);
		}
		if (r != -ENOENT)
			return r;
	}
	return err_set(e, -ENOENT, "disk: no FAT file system with " FALLBACK);
}

/* Nothing to boot is there: the firmware's shell may be, and run a script. */
static int start_shell(struct disk_boot *b, unsigned systems, struct err *e)
{
	const struct shell_start start = {
	        .firmware = b->firmware,
	        .fat = &b->esp,
	        .table = {b->gpt.event, b->gpt.kind == GPT_TABLE ? b->gpt.event_size : 0},
	};

	const struct pci_place *place = b->in->boot_device;

	admission_open(b->admission, "what follows where no loader is there");
	/* How many options fail before the shell is tried is in RTMR1. */
	if (b->l->open[0] || !place || (!place->first && place->others > 0))
		return err_set(e, -ENOENT,
		               "disk: no " FALLBACK
		               ", and which boot options are tried before the "
		               "firmware's shell is not known");
	if (systems == 1 && fat_exists(&b->esp, SHELL_SCRIPT, NULL) > 0)
		return shell_measure(b->l, &start, e);
	if (systems > 1)
		err_set(e, -ENOENT,
		        "disk: no " FALLBACK
		        ", and several FAT file systems: what the firmware's "
		        "shell may run is not foreseen");
	return -ENOENT;
}

static int measure_disk(struct disk_boot *b, struct err *e)
{
	_cleanup_(view_done) struct view file = {0};
	unsigned systems = 0;
	int r = gpt_read(b->disk, &b->gpt, e);

	if (r < 0)
		return r;
	r = find_loader(b, &file, &systems, e);
	if (r == -ENOENT)
		return start_shell(b, systems, e);
	return r < 0 ? r : measure_loader(b, &file, e);
}

int boot_measure_disk(struct event_list *l, const struct firmware *f,
                      const struct measure_inputs *in, struct admission *admission, struct err *e)
{
	struct disk_boot b = {
	        .l = l, .firmware = f, .in = in, .admission = admission, .disk = in->disk};
	struct err why = {0};
	int r = boot_measure_ready(l, f, in, e);

	if (r < 0)
		return r;
	if (!in->disk) {
		boot_open(l, "neither a kernel nor a disk was given");
		return 0;
	}
	/* What cannot be read leaves these two registers open, and says nothing against the rest. */
	r = measure_disk(&b, &why);
	if (r == -ENOMEM)
		return err_set(e, r, "%s", why.text);
	if (r < 0)
		boot_open(l, why.text);
	return 0;
}
