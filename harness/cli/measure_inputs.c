/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/measure.h"
#include "core/file.h"
#include "disk/disk.h"

#define IMAGE_MAX (1u << 30) /* bytes of a kernel or an initrd */

const struct option measure_long_options[] = {
        {"firmware", required_argument, NULL, OPTION_FIRMWARE},
        {"memory", required_argument, NULL, OPTION_MEMORY},
        {"vcpus", required_argument, NULL, OPTION_VCPUS},
        {"kernel", required_argument, NULL, OPTION_KERNEL},
        {"initrd", required_argument, NULL, OPTION_INITRD},
        {"cmdline", required_argument, NULL, OPTION_CMDLINE},
        {"acpi", required_argument, NULL, OPTION_ACPI},
        {"qemu-version", required_argument, NULL, OPTION_QEMU_VERSION},
        {"disk", required_argument, NULL, OPTION_DISK},
        {"boot-device", required_argument, NULL, OPTION_BOOT_DEVICE},
        {"json", no_argument, NULL, OPTION_JSON},
        {"help", no_argument, NULL, OPTION_HELP},
        {"quote", required_argument, NULL, OPTION_QUOTE},
        {"tdreport", required_argument, NULL, OPTION_TDREPORT},
        {"eventlog", required_argument, NULL, OPTION_EVENTLOG},
        {0},
};

const char measure_options_help[] =
        "  --firmware FILE     the TDVF image\n"
        "  --memory MIB        the TD's memory\n"
        "  --vcpus N           taken, though nothing but the ACPI tables depends on it\n"
        "  --kernel FILE       started with QEMU's -kernel\n"
        "  --initrd FILE       QEMU's -initrd\n"
        "  --cmdline TEXT      QEMU's -append\n"
        "  --acpi DIR          what `tception measure acpi` captured\n"
        "  --qemu-version V    of the QEMU that runs the TD; before 10.0 it writes into the\n"
        "                      kernel (default: it does not)\n"
        "  --disk IMAGE        boot from this image (raw or qcow2) instead of a kernel\n"
        "  --boot-device D.F   where on PCI it is, as a virtio-blk disk: device.function, with\n"
        "                      \",first\" when it has a bootindex, and then \",N\" when N more\n"
        "                      such disks without one are behind it\n";

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

	if (sscanf(text, "%3u.%3u", &major, &minor) != 2 || major == 0)
		return err_set(e, -EINVAL, "--qemu-version %.20s: not like 7.2 or 10.1.2", text);
	in->qemu_major = major;
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
	o->boot_device =
	        (struct pci_place){(uint8_t)device, (uint8_t)function, first > 0, (uint8_t)others};
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

int measure_options_take(struct measure_options *o, int option, const char *value, struct err *e)
{
	struct measure_inputs *in = &o->inputs;

	switch (option) {
	case OPTION_FIRMWARE:
		return take_file(value, TDVF_IMAGE_MAX, &o->firmware, &in->firmware, e);
	case OPTION_MEMORY:
		return parse_memory(value, &in->memory, e);
	case OPTION_VCPUS:
		return 0;
	case OPTION_KERNEL:
		return take_file(value, IMAGE_MAX, &o->kernel, &in->kernel, e);
	case OPTION_INITRD:
		return take_file(value, IMAGE_MAX, &o->initrd, &in->initrd, e);
	case OPTION_CMDLINE:
		in->cmdline = value;
		return 0;
	case OPTION_ACPI:
		return take_acpi(o, value, e);
	case OPTION_QEMU_VERSION:
		return parse_version(value, in, e);
	case OPTION_DISK:
		return take_disk(o, value, e);
	case OPTION_BOOT_DEVICE:
		return parse_place(value, o, e);
	default:
		return err_set(e, -ENOENT, "this option is not for this verb");
	}
}

void measure_options_done(struct measure_options *o)
{
	acpi_blobs_free(&o->acpi);
	disk_free(o->disk);
	bytes_free(&o->firmware);
	bytes_free(&o->kernel);
	bytes_free(&o->initrd);
	*o = (struct measure_options){0};
}
