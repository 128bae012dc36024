/* SPDX-License-Identifier: Apache-2.0 */
#include "run/acpi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "format/reader.h"
#include "format/tdvf.h"
#include "measure/firmware.h"
#include "measure/qemu_line.h"
#include "run/control.h"
#include "run/kvmcheck.h"
#include "run/process.h"

#define DEADLINE_MS 60000
#define OUTPUT_MAX  (8u << 20) /* bytes */
#define EXIT_STATUS 0x41       /* what guests/fwcfg makes QEMU end with */
#define RECORD_NAME 56

/* ---- what came out ---- */

static int take(struct bytes *slot, struct reader *r, uint32_t size)
{
	const uint8_t *data = reader_bytes(r, size);
	uint8_t *copy;

	if (!reader_ok(r) || slot->data)
		return -EBADMSG;
	copy = malloc(size + 1u);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, size);
	*slot = (struct bytes){copy, size};
	return 0;
}

static struct bytes *find_slot(struct acpi_blobs *b, const char *name)
{
	const struct {
		const char *name;
		struct bytes *slot;
	} slots[] = {
	        {"etc/table-loader", &b->loader}, {"etc/acpi/rsdp", &b->rsdp},
	        {"etc/acpi/tables", &b->tables},  {"bootorder", &b->boot_order},
	        {"boot-menu", &b->boot_menu},     {"smbios", &b->smbios},
	};

	for (size_t i = 0; i < COUNT_OF(slots); i++) {
		if (strcmp(slots[i].name, name) == 0)
			return slots[i].slot;
	}
	return NULL;
}

static int read_records(const uint8_t *data, size_t size, struct acpi_blobs *b)
{
	char name[RECORD_NAME + 1] = "";
	int code = 0;
	struct reader r = reader_of(data, size);

	while (code == 0 && reader_left(&r) > 0) {
		const uint8_t *magic = reader_bytes(&r, 8);
		struct bytes *slot;

		reader_copy(&r, name, RECORD_NAME);
		if (!magic || memcmp(magic, "fw_cfg\0", 8) != 0)
			return -EBADMSG;
		slot = find_slot(b, name);
		code = slot ? take(slot, &r, reader_u32(&r)) : -EBADMSG;
	}
	if (code == 0 && (!b->loader.data || !b->rsdp.data || !b->tables.data))
		code = -ENODATA;
	return code;
}

static int read_output(int fd, struct acpi_blobs *ret, struct err *e)
{
	_cleanup_(freep) uint8_t *data = NULL;
	struct acpi_blobs b = {0};
	off_t size = lseek(fd, 0, SEEK_END);
	int r;

	if (size < 0 || size > (off_t)OUTPUT_MAX)
		return err_set(e, -EFBIG, "control VM: it wrote too much");
	data = malloc((size_t)size + 1);
	if (!data)
		return err_sys(e, -ENOMEM, "control VM");
	if (pread(fd, data, (size_t)size, 0) != size)
		return err_sys(e, -EIO, "control VM's output");
	r = read_records(data, (size_t)size, &b);
	if (r < 0) {
		acpi_blobs_free(&b);
		return err_sys(e, r, "control VM: %lld bytes of fw_cfg records", (long long)size);
	}
	*ret = b;
	return 0;
}

static bool adds_device(const struct qemu_option *o)
{
	static const char *const names[] = {"-nic", "-net", "-cdrom", "-hda", "-hdb", "-hdc", "-hdd"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strcmp(o->name, names[i]) == 0)
			return true;
	}
	return strcmp(o->name, "-drive") == 0 && !strstr(o->value, "if=none") &&
	       !strstr(o->value, "if=pflash");
}

static void list_device(FILE *f, const char *value)
{
	json_t *object = qemu_value_read(value, "driver");

	fprintf(f, "%s\n", qemu_value_name(object, "driver"));
	json_decref(object);
}

/* What of the command line may add boot options: the names of its devices. */
static int list_devices(char *const *argv, struct bytes *ret, struct err *e)
{
	struct qemu_option o;
	bool defaults = true;
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return err_nomem(e);
	argv++; /* the program */
	while (qemu_option_next(&argv, &o, NULL) > 0) {
		defaults = defaults && strcmp(o.name, "-nodefaults") != 0;
		if (strcmp(o.name, "-device") == 0)
			list_device(f, o.value);
		else if (adds_device(&o))
			fprintf(f, "%s\n", o.name);
	}
	if (defaults)
		fprintf(f, "(default)\n");
	if (fclose(f) != 0)
		return err_nomem(e);
	*ret = (struct bytes){(uint8_t *)text, size};
	return 0;
}

/* The first line that is no warning: those are no causes. */
static const char *first_cause(char *text)
{
	char *line, *rest = text;

	while ((line = strsep(&rest, "\n"))) {
		if (line[0] && !strstr(line, "warning: "))
			return line;
	}
	return "it said nothing";
}

/* Firmware with Secure Boot on would refuse our program, which nobody signed; off, it fetches the
 * same. Its copy is in `fd`. */
static int replace_firmware(struct argv *control, int fd, struct err *e)
{
	_cleanup_(bytes_free) struct bytes image = {NULL, 0};
	char path[64], **at = control->item;

	while (*at && strcmp(*at, "-bios") != 0)
		at++;
	if (!*at || !at[1] || file_read(at[1], TDVF_IMAGE_MAX, &image, NULL) < 0)
		return 0; /* QEMU says what is wrong with it */
	if (firmware_delete_platform_key((uint8_t *)image.data, image.size) <= 0)
		return 0;
	if (write(fd, image.data, image.size) != (ssize_t)image.size)
		return err_sys(e, -EIO, "a copy of the firmware");
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	free(at[1]);
	at[1] = strdup(path);
	return at[1] ? 0 : err_nomem(e);
}

static int run_control(char *const *argv, const struct control_spec *spec, struct err *e)
{
	_cleanup_(closep) int firmware = memfd_create("tception-firmware", MFD_CLOEXEC);
	struct argv control = {0};
	char complaint[400];
	int r;

	if (firmware < 0)
		return err_sys(e, -errno, "memfd_create");
	r = control_argv(argv, spec, &control, e);
	if (r == 0)
		r = replace_firmware(&control, firmware, e);
	if (r < 0) {
		argv_done(&control);
		return r;
	}
	r = process_capture(control.item, DEADLINE_MS, complaint, sizeof(complaint));
	argv_done(&control);
	if (r < 0)
		return err_sys(e, r, "control VM for the ACPI tables");
	if (r == EXIT_STATUS)
		return 0;
	return err_set(e, -EIO, "control VM for the ACPI tables ended with %d: %s", r,
	               first_cause(complaint));
}

/* Some devices (an IOMMU for more than 255 CPUs) need KVM, and some QEMUs are built without TCG. */
static int run_by_kvm(char *const *argv, const struct control_spec *spec)
{
	struct control_spec by_kvm = *spec;
	struct kvm_check kvm;
	struct err ignored;
	int r;

	if (!control_asks_for_kvm(argv))
		return -ENODEV;
	kvm_check("/dev/kvm", &kvm);
	if (!kvm.usable)
		return -ENODEV;
	by_kvm.kvm = true;
	by_kvm.note = NULL;
	r = run_control(argv, &by_kvm, &ignored);
	if (r == 0 && spec->note)
		spec->note(spec->userdata, "KVM", "kept, because it did not start without");
	return r;
}

int acpi_capture(char *const *argv, const char *dumper,
                 void (*note)(void *userdata, const char *option, const char *why),
                 struct acpi_blobs *ret, struct err *e)
{
	_cleanup_(closep) int fd = memfd_create("tception-fw-cfg", MFD_CLOEXEC);
	char path[64];
	const struct control_spec spec = {.dumper = dumper, .output = path, .note = note};
	int r;

	if (fd < 0)
		return err_sys(e, -errno, "memfd_create");
	/* QEMU opens our descriptor by its name: nothing to inherit, no file left behind. */
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	r = run_control(argv, &spec, e);
	if (r == -EIO && run_by_kvm(argv, &spec) == 0)
		r = 0;
	if (r == 0)
		r = read_output(fd, ret, e);
	if (r < 0)
		return r;
	r = list_devices(argv, &ret->devices, e);
	if (r < 0)
		acpi_blobs_free(ret);
	return r;
}
