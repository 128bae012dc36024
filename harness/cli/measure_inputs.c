/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/measure.h"
#include "core/file.h"
#include "disk/disk.h"
#include "measure/tables/tables.h"

#define IMAGE_MAX (1u << 30) /* bytes of a kernel or an initrd */

static int take_memory(void *options, const char *text, struct err *e)
{
	struct measure_options *o = options;
	char *end;
	unsigned long long mib;

	errno = 0;
	mib = strtoull(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || mib == 0 || mib > 1ull << 30)
		return err_set(e, -EINVAL, "--memory %.20s: not a number of MiB", text);
	o->inputs.memory = mib << 20;
	return 0;
}

static int take_version(void *options, const char *text, struct err *e)
{
	struct measure_options *o = options;
	unsigned major, minor;

	if (sscanf(text, "%3u.%2u", &major, &minor) != 2 || major == 0)
		return err_set(e, -EINVAL, "--qemu-version %.20s: not like 7.2 or 10.1.2", text);
	o->inputs.qemu = 100 * major + minor;
	o->version = text;
	return 0;
}

static int take_place(void *options, const char *text, struct err *e)
{
	struct measure_options *o = options;
	unsigned device, function, others = 0;
	int n = 0, first = 0;
	const char *rest;

	if (sscanf(text, "%2x.%1u%n,first%n,%1u%n", &device, &function, &n, &first, &others, &n) <
	            2 ||
	    device > 31 || function > 7)
		n = first = 0;
	rest = text + (first > n ? first : n);
	if (rest == text || (*rest && strcmp(rest, ",readonly") != 0))
		return err_set(e, -EINVAL,
		               "--boot-device %.20s: not like 2.0 or 1f.2,first or 2.0,first,1 or "
		               "2.0,first,readonly",
		               text);
	o->inputs.disk_read_only = *rest != '\0';
	o->boot_device = (struct pci_place){.device = (uint8_t)device,
	                                    .function = (uint8_t)function,
	                                    .first = first > 0,
	                                    .others = (uint8_t)others};
	o->inputs.boot_device = &o->boot_device;
	return 0;
}

static int take_disk(void *options, const char *path, struct err *e)
{
	struct measure_options *o = options;
	struct disk *fresh;
	int r = disk_open(path, &fresh, e);

	if (r < 0)
		return r;
	disk_free(o->inputs.disk);
	o->inputs.disk = fresh;
	return 0;
}

static int take_file(void *member, const char *path, struct err *e)
{
	struct bytes *slot = member, fresh;
	int r = file_read(path, IMAGE_MAX, &fresh, e);

	if (r < 0)
		return r;
	bytes_free(slot);
	*slot = fresh;
	return 0;
}

static int take_kernel(void *options, const char *path, struct err *e)
{
	struct measure_options *o = options;
	struct view fresh;
	int r = view_file(path, IMAGE_MAX, &fresh, e);

	if (r < 0)
		return r;
	view_done(&o->kernel);
	o->kernel = fresh;
	o->inputs.kernel = o->kernel.bytes;
	o->inputs.view = &o->kernel;
	return 0;
}

static int take_initrd(void *member, const char *path, struct err *e)
{
	return hash384_file(path, member, e);
}

static int take_machine(void *member, const char *path, struct err *e)
{
	struct machine_file *slot = member, fresh;
	int r = machine_file_read(path, &fresh, e);

	if (r < 0)
		return r;
	machine_file_done(slot);
	*slot = fresh;
	return 0;
}

static int take_acpi(void *options, const char *dir, struct err *e)
{
	struct measure_options *o = options;
	struct acpi_blobs fresh;
	int r = acpi_blobs_load(dir, &fresh, e);

	if (r < 0)
		return r;
	acpi_blobs_free(&o->acpi);
	o->acpi = fresh;
	o->inputs.acpi = &o->acpi;
	return 0;
}

#define INPUT(is, m, long, what, text, ...) \
	OPTION_ROW(is, offsetof(struct measure_options, m), long, what, text, ##__VA_ARGS__)
const struct option_row measure_rows[] = {
        OPTION_HEADING("What the TD is started with:"),
        INPUT(CALL, file, "machine", "FILE",
              "a machine.yaml, or a domain of libvirt in XML: what no other option says",
              .take = take_machine),
        INPUT(CALL, inputs.firmware, "firmware", "FILE", "the TDVF image", .take = take_file),
        INPUT(CALL, inputs, "memory", "MIB", "the TD's memory", .take = take_memory),
        INPUT(TEXT, vcpus, "vcpus", "N", "taken, though nothing but the ACPI tables depends on it"),
        INPUT(CALL, inputs, "kernel", "FILE", "started with QEMU's -kernel", .take = take_kernel),
        INPUT(CALL, inputs.initrd, "initrd", "FILE", "QEMU's -initrd", .take = take_initrd),
        INPUT(TEXT, inputs.cmdline, "cmdline", "TEXT", "QEMU's -append"),
        INPUT(CALL, inputs, "acpi", "DIR", "what `tception measure acpi' captured",
              .take = take_acpi),
        INPUT(CALL, inputs, "qemu-version", "V",
              "of the QEMU that runs the TD: up to 10.1 it writes into the kernel; without it "
              "RTMR1 of a direct boot is not known",
              .take = take_version),
        INPUT(CALL, inputs, "disk", "IMAGE",
              "boot from this image (raw or qcow2) instead of a kernel", .take = take_disk),
        INPUT(CALL, inputs, "boot-device", "D.F",
              "where on PCI it is, as a virtio-blk disk: device.function, with \",first\" when it "
              "has a bootindex, and then \",N\" when N more such disks without one are behind it",
              .take = take_place),
        {0},
};

static int take_paths(struct measure_options *o, const struct machine *m, struct err *e)
{
	int r = 0;

	if (m->firmware && !o->inputs.firmware.data)
		r = take_file(&o->inputs.firmware, m->firmware, e);
	if (r == 0 && m->kernel && !o->inputs.kernel.data && !o->inputs.disk)
		r = take_kernel(o, m->kernel, e);
	if (r == 0 && m->initrd && o->inputs.initrd.size == 0)
		r = take_initrd(&o->inputs.initrd, m->initrd, e);
	if (r == 0 && m->disk && !o->inputs.disk && !o->inputs.kernel.data)
		r = take_disk(o, m->disk, e);
	return r;
}

/* Without a control VM, where QEMU's tables for such a machine are known. */
static void make_tables(struct measure_options *o, char *const *argv)
{
	struct tables_spec spec;
	struct err e = {0};
	int r;

	if (o->inputs.acpi)
		return;
	r = o->version ? tables_spec_from_argv(argv, o->version, &spec, &e)
	               : err_set(&e, -EINVAL, "the version of QEMU is not given");
	if (r == 0)
		r = tables_make(&spec, &o->acpi, &e);
	if (r == 0)
		o->inputs.acpi = &o->acpi;
	o->inputs.acpi_made = r == 0;
	if (r < 0) {
		snprintf(o->no_acpi, sizeof(o->no_acpi), "%.150s", e.text);
		o->inputs.no_acpi = o->no_acpi;
	}
}

int measure_options_finish(struct measure_options *o, char *const *argv, struct err *e)
{
	struct machine *m = &o->machine;
	int r = 0;

	if (argv && o->file.argv.item)
		return err_set(e, -EINVAL, "--machine: a QEMU command line is given, too");
	if (!argv && !o->file.argv.item)
		return 0;
	argv = argv ? argv : o->file.argv.item;
	if (!o->version && o->file.version[0])
		r = take_version(o, o->file.version, e);
	if (r == 0)
		r = machine_from_argv(argv, m, e);
	if (r == 0)
		r = take_paths(o, m, e);
	if (r < 0)
		return r;
	if (!o->inputs.memory && !m->split) /* else it has to be told */
		o->inputs.memory = m->memory;
	if (!o->inputs.cmdline)
		o->inputs.cmdline = m->cmdline;
	if (!o->inputs.boot_device && m->placed) {
		o->inputs.boot_device = &m->place;
		o->inputs.disk_read_only = m->read_only;
	}
	make_tables(o, argv);
	return 0;
}

void measure_options_done(struct measure_options *o)
{
	machine_done(&o->machine);
	machine_file_done(&o->file);
	acpi_blobs_free(&o->acpi);
	disk_free(o->inputs.disk);
	bytes_free(&o->inputs.firmware);
	view_done(&o->kernel);
	*o = (struct measure_options){0};
}
