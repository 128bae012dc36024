/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/measure.h"
#include "core/file.h"
#include "disk/disk.h"

#define IMAGE_MAX (1u << 30) /* bytes of a kernel or an initrd */

enum {
	KEY_FIRMWARE = 256,
	KEY_MEMORY,
	KEY_VCPUS,
	KEY_KERNEL,
	KEY_INITRD,
	KEY_CMDLINE,
	KEY_ACPI,
	KEY_QEMU_VERSION,
	KEY_DISK,
	KEY_BOOT_DEVICE
};

static const struct argp_option list[] = {
        {0, 0, 0, 0, "What the TD is started with:", 1},
        {"firmware", KEY_FIRMWARE, "FILE", 0, "the TDVF image", 1},
        {"memory", KEY_MEMORY, "MIB", 0, "the TD's memory", 1},
        {"vcpus", KEY_VCPUS, "N", 0, "taken, though nothing but the ACPI tables depends on it", 1},
        {"kernel", KEY_KERNEL, "FILE", 0, "started with QEMU's -kernel", 1},
        {"initrd", KEY_INITRD, "FILE", 0, "QEMU's -initrd", 1},
        {"cmdline", KEY_CMDLINE, "TEXT", 0, "QEMU's -append", 1},
        {"acpi", KEY_ACPI, "DIR", 0, "what `tception measure acpi' captured", 1},
        {"qemu-version", KEY_QEMU_VERSION, "V", 0,
         "of the QEMU that runs the TD: up to 10.1 it writes into the kernel; without it RTMR1 of "
         "a direct boot is not known",
         1},
        {"disk", KEY_DISK, "IMAGE", 0, "boot from this image (raw or qcow2) instead of a kernel",
         1},
        {"boot-device", KEY_BOOT_DEVICE, "D.F", 0,
         "where on PCI it is, as a virtio-blk disk: device.function, with \",first\" when it has a "
         "bootindex, and then \",N\" when N more such disks without one are behind it",
         1},
        {0},
};

static int parse_memory(const char *text, uint64_t *ret, struct err *e)
{
	char *end;
	unsigned long long mib;

	errno = 0;
	mib = strtoull(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || mib == 0 || mib > 1ull << 30)
		return err_set(e, -EINVAL, "--memory %.20s: not a number of MiB", text);
	*ret = mib << 20;
	return 0;
}

static int parse_version(const char *text, struct measure_inputs *in, struct err *e)
{
	unsigned major, minor;

	if (sscanf(text, "%3u.%2u", &major, &minor) != 2 || major == 0)
		return err_set(e, -EINVAL, "--qemu-version %.20s: not like 7.2 or 10.1.2", text);
	in->qemu = 100 * major + minor;
	return 0;
}

static int parse_place(const char *text, struct measure_options *o, struct err *e)
{
	unsigned device, function, others = 0;
	int n = 0, first = 0;

	if (sscanf(text, "%2x.%1u%n,first%n,%1u%n", &device, &function, &n, &first, &others, &n) <
	            2 ||
	    device > 31 || function > 7 || text[first > n ? first : n] != '\0')
		return err_set(e, -EINVAL,
		               "--boot-device %.20s: not like 2.0 or 1f.2,first or 2.0,first,1",
		               text);
	o->boot_device = (struct pci_place){.device = (uint8_t)device,
	                                    .function = (uint8_t)function,
	                                    .first = first > 0,
	                                    .others = (uint8_t)others};
	o->inputs.boot_device = &o->boot_device;
	return 0;
}

static int take_disk(struct measure_options *o, const char *path, struct err *e)
{
	struct disk *fresh;
	int r = disk_open(path, &fresh, e);

	if (r < 0)
		return r;
	disk_free(o->disk);
	o->inputs.disk = o->disk = fresh;
	return 0;
}

static int take_file(const char *path, size_t max, struct bytes *slot, struct bytes *ret,
                     struct err *e)
{
	struct bytes fresh;
	int r = file_read(path, max, &fresh, e);

	if (r < 0)
		return r;
	bytes_free(slot);
	*slot = *ret = fresh;
	return 0;
}

static int take_acpi(struct measure_options *o, const char *dir, struct err *e)
{
	struct acpi_blobs fresh;
	int r = acpi_blobs_load(dir, &fresh, e);

	if (r < 0)
		return r;
	acpi_blobs_free(&o->acpi);
	o->acpi = fresh;
	o->inputs.acpi = &o->acpi;
	return 0;
}

/* 0, or -errno with the reason, or ARGP_ERR_UNKNOWN when `key` is none of them. */
static int take(struct measure_options *o, int key, const char *value, struct err *e)
{
	struct measure_inputs *in = &o->inputs;

	switch (key) {
	case KEY_FIRMWARE:
		return take_file(value, TDVF_IMAGE_MAX, &o->firmware, &in->firmware, e);
	case KEY_MEMORY:
		return parse_memory(value, &in->memory, e);
	case KEY_VCPUS:
		return 0;
	case KEY_KERNEL:
		return take_file(value, IMAGE_MAX, &o->kernel, &in->kernel, e);
	case KEY_INITRD:
		return take_file(value, IMAGE_MAX, &o->initrd, &in->initrd, e);
	case KEY_CMDLINE:
		in->cmdline = value;
		return 0;
	case KEY_ACPI:
		return take_acpi(o, value, e);
	case KEY_QEMU_VERSION:
		return parse_version(value, in, e);
	case KEY_DISK:
		return take_disk(o, value, e);
	case KEY_BOOT_DEVICE:
		return parse_place(value, o, e);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct err e;
	int r = take(state->input, key, arg, &e);

	if (r < 0)
		argp_failure(state, EXIT_USAGE, 0, "%s", e.text);
	return r;
}

const struct argp measure_options = {.options = list, .parser = parse};

void measure_options_done(struct measure_options *o)
{
	acpi_blobs_free(&o->acpi);
	disk_free(o->disk);
	bytes_free(&o->firmware);
	bytes_free(&o->kernel);
	bytes_free(&o->initrd);
	*o = (struct measure_options){0};
}
