/* SPDX-License-Identifier: Apache-2.0 */
#include "run/predict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "disk/disk.h"
#include "format/text.h"
#include "measure/launch.h"
#include "measure/machine.h"
#include "record/prediction.h"
#include "run/acpi.h"
#include "run/control.h"

#define IMAGE_MAX (1u << 30) /* bytes of a kernel or an initrd */

/* ---- from a command line to what is measured ---- */

struct files {
	struct machine machine;
	struct bytes firmware, initrd;
	struct view kernel;
	struct disk *disk;
};

static void files_done(struct files *f)
{
	machine_done(&f->machine);
	bytes_free(&f->firmware);
	view_done(&f->kernel);
	bytes_free(&f->initrd);
	disk_free(f->disk);
}

static int read_files(char *const *argv, struct files *ret, struct err *e)
{
	struct machine *m = &ret->machine;
	int r = machine_from_argv(argv, m, e);

	if (r == 0 && !m->firmware)
		r = err_set(e, -EINVAL, "QEMU's command line names no firmware");
	if (r == 0)
		r = file_read(m->firmware, TDVF_IMAGE_MAX, &ret->firmware, e);
	if (r == 0 && m->kernel)
		r = view_file(m->kernel, IMAGE_MAX, &ret->kernel, e);
	if (r == 0 && m->initrd)
		r = file_read(m->initrd, IMAGE_MAX, &ret->initrd, e);
	if (r == 0 && m->disk)
		r = disk_open(m->disk, &ret->disk, e);
	return r;
}

/* The tables of a boot, or of an earlier one with the same control VM. */
struct tables {
	char **argv; /* the boot's they were captured for; borrowed */
	struct acpi_blobs blobs;
	bool captured;
};

static bool same_control_vm(char *const *a, char *const *b)
{
	const struct control_spec spec = {.dumper = "", .output = ""};
	struct argv x = {0}, y = {0};
	bool same = control_argv(a, &spec, &x, NULL) == 0 &&
	            control_argv(b, &spec, &y, NULL) == 0 && x.count == y.count;

	for (size_t i = 0; same && i < x.count; i++)
		same = strcmp(x.item[i], y.item[i]) == 0;
	argv_done(&x);
	argv_done(&y);
	return same;
}

static int find_tables(struct tables *t, char **argv, const char *dumper, struct err *e)
{
	int r;

	if (t->captured && same_control_vm(t->argv, argv))
		return 0;
	if (t->captured)
		acpi_blobs_free(&t->blobs);
	t->captured = false;
	r = acpi_capture(argv, dumper, NULL, &t->blobs, e);
	if (r < 0)
		return r;
	t->argv = argv;
	t->captured = true;
	return 0;
}

static int predict_boot(const struct run_record *record, const struct boot_record *b,
                        const struct acpi_blobs *acpi, struct prediction *ret, struct err *e)
{
	_cleanup_(files_done) struct files files = {0};
	struct measure_inputs in = {
	        .memory = (uint64_t)b->boot.memory_mib << 20,
	        .acpi = acpi,
	};
	unsigned major, minor;
	uint8_t image[48];
	int r = read_files(b->argv, &files, e);

	if (r < 0)
		return r;
	if (sscanf(record->host.qemu_version, "%3u.%2u", &major, &minor) != 2)
		return err_set(e, -EINVAL, "QEMU's version is not known");
	in.qemu = 100 * major + minor;
	in.firmware = files.firmware;
	in.kernel = files.kernel.bytes;
	in.view = &files.kernel;
	in.disk = files.disk;
	in.disk_read_only = files.machine.read_only;
	in.boot_device = files.machine.placed ? &files.machine.place : NULL;
	in.cmdline = files.machine.cmdline;
	in.initrd.size = files.initrd.size;
	if (files.initrd.data)
		hash384(files.initrd.data, files.initrd.size, in.initrd.digest);
	r = predict(&in, ret, e);
	if (r == 0 && files.initrd.data && launch_container_image(files.initrd, image, NULL) == 0)
		hex_encode(image, sizeof(image), ret->image);
	return r;
}

/* ---- the run's folder ---- */

static int one_boot(const struct run_record *record, const struct boot_record *b,
                    struct tables *tables, const char *dumper, struct err *e)
{
	_cleanup_(prediction_done) struct prediction p = {0};
	char path[PATH_MAX];
	struct err no_tables = {0};
	int r = path_format(path, e, "%s/boots/%s", record->dir, b->boot.id);

	if (r < 0)
		return r;
	r = find_tables(tables, b->argv, dumper, &no_tables);
	if (r == 0)
		r = acpi_blobs_save(&tables->blobs, path, &no_tables);
	r = predict_boot(record, b, r == 0 ? &tables->blobs : NULL, &p, e);
	if (r < 0)
		return r;
	if (no_tables.code)
		snprintf(p.reason[0], sizeof(p.reason[0]), "%.150s", no_tables.text);
	return prediction_save(record->dir, b->boot.id, &p, e);
}

int run_predict(const struct run_record *record, const char *dumper, struct err *e)
{
	struct tables tables = {0};
	int first = 0;

	for (size_t i = 0; i < record->boots; i++) {
		const struct boot_record *b = &record->boot[i];
		struct err own;
		int r;

		if (b->boot.platform == PLATFORM_NONE || !b->argv || b->ready_seconds < 0)
			continue; /* nothing that was measured is there to be compared */
		r = one_boot(record, b, &tables, dumper, &own);
		if (r < 0 && first == 0) {
			err_set(e, r, "prediction of %s: %.400s", b->boot.id, own.text);
			first = r;
		}
	}
	if (tables.captured)
		acpi_blobs_free(&tables.blobs);
	return first;
}
