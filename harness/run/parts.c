/* SPDX-License-Identifier: Apache-2.0 */
#include "run/parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/install.h"
#include "disk/disk.h"

#define REASON_MAX 4096 /* bytes */

/* Absolute, for the record; a missing file keeps its name for the complaint. */
static void resolve(char **path)
{
	char *real = realpath(*path, NULL);

	if (!real)
		return;
	free(*path);
	*path = real;
}

static int fill(char **part, const char *variable, const char *dir, const char *name, struct err *e)
{
	const char *given = *part ? *part : getenv(variable);
	char *path = NULL;

	if (given && *given)
		path = strdup(given);
	else if (asprintf(&path, "%s/%s", dir, name) < 0)
		path = NULL;
	if (!path)
		return err_nomem(e);
	resolve(&path);
	free(*part);
	*part = path;
	return 0;
}

static const struct kernel_part {
	const char *image_variable, *image, *unpacked, *initrd_variable, *initrd;
} kernel_names[KERNEL_COUNT] = {
        [KERNEL_TRIXIE] = {"TCEPTION_KERNEL", "vmlinuz", "vmlinux", "TCEPTION_INITRD",
                           "initrd.cpio"},
        [KERNEL_BACKPORTS] = {"TCEPTION_KERNEL_BACKPORTS", "vmlinuz-backports",
                              "vmlinux-backports", "TCEPTION_INITRD_BACKPORTS",
                              "initrd-backports.cpio"},
        [KERNEL_FORKY] = {"TCEPTION_KERNEL_FORKY", "forky/vmlinuz", "forky/vmlinux",
                          "TCEPTION_INITRD_FORKY", "initrd-forky.cpio"},
};

/* Of the kernel in the cache only: of another one nobody has unpacked it. */
static int fill_unpacked(struct kernel_files *k, const struct kernel_part *names, const char *cache,
                         struct err *e)
{
	const char *given = getenv(names->image_variable);

	if (k->image || (given && *given))
		return 0;
	if (asprintf(&k->unpacked, "%s/%s", cache, names->unpacked) < 0) {
		k->unpacked = NULL;
		return err_nomem(e);
	}
	if (access(k->unpacked, R_OK) == 0) {
		resolve(&k->unpacked);
	} else {
		free(k->unpacked);
		k->unpacked = NULL;
	}
	return 0;
}

static int fill_kernel(struct kernel_files *k, const struct kernel_part *names, const char *cache,
                       const char *own, struct err *e)
{
	int r = fill_unpacked(k, names, cache, e);

	if (r == 0)
		r = fill(&k->image, names->image_variable, cache, names->image, e);
	return r < 0 ? r : fill(&k->initrd, names->initrd_variable, own, names->initrd, e);
}

static void look_at_image(struct image_file *image)
{
	struct stat st;

	image->is_device = stat(image->path, &st) == 0 && S_ISBLK(st.st_mode);
}

static int fill_image(struct image_file *image, const char *variable, const char *cache,
                      const char *name, struct err *e)
{
	int r = fill(&image->path, variable, cache, name, e);

	if (r == 0)
		look_at_image(image);
	return r;
}

/* The first line of a file that the image's build left in the cache, or "". */
static void read_reason(const char *cache, const char *name, char out[128])
{
	_cleanup_(bytes_free) struct bytes text = {0};
	char path[PATH_MAX];

	out[0] = 0;
	if (path_join(path, cache, name, NULL) == 0 &&
	    file_read(path, REASON_MAX, &text, NULL) == 0)
		snprintf(out, 128, "%.*s", (int)strcspn((const char *)text.data, "\n"), text.data);
}

static const struct image_part {
	const char *variable, *name, *maker;
} image_names[IMAGE_COUNT] = {
        [IMAGE_FULL] = {"TCEPTION_ROOT", "root.squashfs", "make image"},
        [IMAGE_MINIMAL] = {"TCEPTION_ROOT_MINIMAL", "root-minimal.squashfs", "make image-minimal"},
        [IMAGE_EXTRA] = {"TCEPTION_ROOT_EXTRA", "extra/root.squashfs", "make image-extra"},
        [IMAGE_FORKY] = {"TCEPTION_ROOT_FORKY", "forky/root.squashfs", "make image-forky"},
};

/* The second kernel and the other images may be missing; only cells that want them mind. */
static int explain_missing(struct guest_parts *p, const char *cache, struct err *e)
{
	const char *kernel = p->kernel[KERNEL_BACKPORTS].image;
	char reason[128];
	int n = 0;

	read_reason(cache, "backports.reason", reason);
	if (access(kernel, R_OK) < 0)
		n = reason[0]
		            ? asprintf(&p->no_backports, "%s", reason)
		            : asprintf(&p->no_backports, "no %s: 'make refresh' makes it", kernel);
	for (int i = IMAGE_FULL + 1; n >= 0 && i < IMAGE_COUNT; i++) {
		if (access(p->root[i].path, R_OK) < 0)
			n = asprintf(&p->no_image[i], "no %s: '%s' makes it", p->root[i].path,
			             image_names[i].maker);
	}
	return n < 0 ? err_nomem(e) : 0;
}

/* What QEMU has to be told, because a guest must not make a raw image one of another format. */
int image_file_look(struct image_file *image, struct err *e)
{
	struct disk *d;
	int r;

	resolve(&image->path);
	look_at_image(image);
	r = disk_open(image->path, &d, e);
	if (r < 0)
		return r;
	image->is_qcow2 = disk_is_qcow2(d);
	disk_free(d);
	return 0;
}

int guest_parts_find(struct guest_parts *p, struct err *e)
{
	_cleanup_(freep) char *beside = NULL;
	const char *cache = getenv("TCEPTION_CACHE");
	char own[PATH_MAX];
	int r = install_dir(own, &p->installed, e);

	if (r < 0)
		return r;
	if (asprintf(&beside, "%s/cache", own) < 0) {
		beside = NULL;
		return err_nomem(e);
	}
	if (!cache || !*cache)
		cache = beside;
	for (int k = 0; k < KERNEL_COUNT && r == 0; k++)
		r = fill_kernel(&p->kernel[k], &kernel_names[k], cache, own, e);
	for (int i = 0; r == 0 && i < IMAGE_COUNT; i++)
		r = fill_image(&p->root[i], image_names[i].variable, cache, image_names[i].name, e);
	if (r == 0)
		r = explain_missing(p, cache, e);
	if (r == 0)
		r = p->disk.path ? image_file_look(&p->disk, e) : 0;
	if (r == 0)
		r = fill(&p->firmware, "TCEPTION_FIRMWARE", cache, "OVMF.fd", e);
	if (r == 0)
		r = fill(&p->module, "TCEPTION_MODULE", own, "tdxemu.bin", e);
	if (r == 0)
		r = fill(&p->dumper, "TCEPTION_FWCFG", own, "fwcfg.efi", e);
	if (r == 0 && !p->append && getenv("TCEPTION_APPEND")) {
		p->append = strdup(getenv("TCEPTION_APPEND"));
		if (!p->append)
			r = err_nomem(e);
	}
	return r;
}

static int check(const char *what, const char *path, const char *maker, struct err *e)
{
	if (access(path, R_OK) == 0)
		return 0;
	return err_set(e, -ENOENT, "%s %s: %s; '%s' makes it", what, path, strerror(errno), maker);
}

bool guest_parts_disk(const struct guest_parts *p, const struct boot *b)
{
	return p->disk.path && b->kernel == KERNEL_TRIXIE;
}

static int check_boot(const struct guest_parts *p, const struct boot *b, struct err *e)
{
	bool td = b->platform != PLATFORM_NONE, disk = guest_parts_disk(p, b);
	const char *image = p->installed ? "make install-image" : "make image";
	const char *guests = p->installed ? "make install" : "make guests";
	int r = check("the guests' root image", p->root[b->image].path, image, e);

	if (r == 0 && !disk)
		r = check("the guests' kernel", p->kernel[b->kernel].image, image, e);
	if (r == 0 && !disk)
		r = check("the guests' initramfs", p->kernel[b->kernel].initrd, guests, e);
	if (r == 0 && (td || disk))
		r = check("the firmware", p->firmware, image, e);
	if (r == 0 && td)
		r = check("the control VM's program", p->dumper, guests, e);
	if (r == 0 && b->platform == PLATFORM_EMULATED)
		r = check("the software TDX module", p->module, guests, e);
	return r;
}

int guest_parts_check(const struct guest_parts *p, const struct plan *plan, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < plan->boots && r == 0; i++)
		r = plan->boot[i].layer0.kind->found ? 0 : check_boot(p, &plan->boot[i], e);
	return r;
}

void guest_parts_done(struct guest_parts *p)
{
	for (int k = 0; k < KERNEL_COUNT; k++) {
		free(p->kernel[k].image);
		free(p->kernel[k].unpacked);
		free(p->kernel[k].initrd);
	}
	for (int i = 0; i < IMAGE_COUNT; i++) {
		free(p->root[i].path);
		free(p->no_image[i]);
	}
	free(p->no_backports);
	free(p->firmware);
	free(p->module);
	free(p->dumper);
	free(p->append);
	free(p->disk.path);
	*p = (struct guest_parts){0};
}
