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
#include "run/process.h"

#define DEADLINE_MS 60000
#define OUTPUT_MAX  (8u << 20) /* bytes */
#define EXIT_STATUS 0x41       /* what guests/fwcfg makes QEMU end with */
#define RECORD_NAME 56

/* ---- the command line ---- */

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* "id=X" of an option's value, as long as the value has it; "" else. */
static void find_id(const char *value, char id[64])
{
	const char *at = strstr(value, ",id=");

	id[0] = '\0';
	if (at)
		snprintf(id, 64, "%.*s", (int)strcspn(at + 4, ","), at + 4);
}

/* With one of several, comma-separated. */
static bool begins_with_one(const char *text, const char *prefixes)
{
	for (size_t length; (length = strcspn(prefixes, ",")); prefixes += length) {
		if (strncmp(text, prefixes, length) == 0)
			return true;
		length += prefixes[length] == ',';
	}
	return false;
}

/* Copies a comma-separated value without the parts that begin with one of `drop`, and with `more`. */
static void add_without(struct argv *a, const char *value, const char *drop, const char *more)
{
	_cleanup_(freep) char *text = strdup(value);
	char *out = text, *part, *rest = text;
	size_t length;

	if (!text) {
		a->failed = true;
		return;
	}
	while ((part = strsep(&rest, ","))) {
		if (begins_with_one(part, drop))
			continue;
		if (out != text)
			*out++ = ',';
		length = strlen(part); /* before it moves: it may move onto itself */
		memmove(out, part, length + 1);
		out += length;
	}
	*out = '\0';
	argv_addf(a, "%s%s", text, more);
}

static bool is_dropped(const char *option, const char *value)
{
	static const char *const devices[] = {"loader,", "isa-debugcon,", "isa-debug-exit"};

	if (strcmp(option, "-kernel") == 0 || strcmp(option, "-initrd") == 0 ||
	    strcmp(option, "-append") == 0)
		return true;
	if (strcmp(option, "-object") == 0 && strstr(value, "tdx-guest"))
		return true;
	for (size_t i = 0; i < COUNT_OF(devices); i++) {
		if (strcmp(option, "-device") == 0 && begins(value, devices[i]))
			return true;
	}
	return false;
}

/* The id is what other options refer to. */
static void add_stand_in(struct argv *a, const char *value, const char *kind, const char *drop)
{
	char id[64];

	find_id(value, id);
	if (drop) {
		_cleanup_(freep) char *head = NULL;

		if (asprintf(&head, "%s%s", kind, strchr(value, ',')) < 0)
			a->failed = true;
		else
			add_without(a, head, drop, "");
	} else {
		argv_addf(a, "%s,id=%s", kind, id);
	}
}

/* QEMU turns these off in a TD by itself, and the ACPI tables tell of them (FACP's SMI_CMD, APIC's
 * PCAT_COMPAT): a control VM without them has another RTMR0. */
#define TD_MACHINE ",smm=off,pic=off"

static void add_option(struct argv *a, const char *option, const char *value, bool hardware_td)
{
	if (is_dropped(option, value))
		return;
	argv_add(a, option);
	if (strcmp(option, "-chardev") == 0)
		add_stand_in(a, value, "null", NULL);
	else if (strcmp(option, "-object") == 0 && begins(value, "memory-backend-"))
		add_stand_in(a, value, "memory-backend-ram", "mem-path=,hugetlb");
	else if (strcmp(option, "-machine") == 0)
		add_without(a, value, "confidential-guest-support=", hardware_td && !strstr(value, ",pic=") ? TD_MACHINE : "");
	else if (strcmp(option, "-device") == 0 && value[0] != '{')
		add_without(a, value, "bootindex=", ""); /* -kernel takes index 0 for itself */
	else
		argv_add(a, value);
}

static bool has_value(char *const *item)
{
	/* No value of ours begins with a dash. */
	return item[0][0] == '-' && item[1] && item[1][0] != '-';
}

static bool is_hardware_td(char *const *argv)
{
	for (; argv[0] && argv[1]; argv++) {
		if (strcmp(argv[0], "-object") == 0 && strstr(argv[1], "tdx-guest"))
			return true;
	}
	return false;
}

int acpi_control_argv(char *const *argv, const char *dumper, const char *output, struct argv *ret,
                      struct err *e)
{
	const bool hardware_td = is_hardware_td(argv);
	struct argv a = {0};

	argv_add(&a, argv[0]);
	for (char *const *item = argv[0] ? argv + 1 : argv; *item; item++) {
		if (has_value(item)) {
			add_option(&a, item[0], item[1], hardware_td);
			item++;
		} else {
			argv_add(&a, *item);
		}
	}
	argv_add(&a, "-kernel");
	argv_add(&a, dumper);
	argv_add(&a, "-chardev");
	argv_addf(&a, "file,id=fw-cfg,path=%s", output);
	argv_add(&a, "-device");
	argv_add(&a, "isa-debugcon,iobase=0xe9,chardev=fw-cfg");
	argv_add(&a, "-device");
	argv_add(&a, "isa-debug-exit,iobase=0xf4,iosize=4");
	if (a.failed) {
		argv_done(&a);
		return err_set(e, -ENOMEM, "control VM's command line: out of memory");
	}
	*ret = a;
	return 0;
}

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

/* What of the command line may add boot options: the names of its devices. */
static int list_devices(char *const *argv, struct bytes *ret, struct err *e)
{
	bool defaults = true;
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return err_nomem(e);
	for (char *const *a = argv; *a; a++) {
		defaults = defaults && strcmp(*a, "-nodefaults") != 0;
		if (strcmp(*a, "-device") == 0 && a[1])
			fprintf(f, "%.*s\n", (int)strcspn(a[1], ","), a[1]);
		if (strcmp(*a, "-nic") == 0 || strcmp(*a, "-net") == 0 ||
		    strcmp(*a, "-cdrom") == 0 ||
		    (strcmp(*a, "-drive") == 0 && a[1] && !strstr(a[1], "if=none") &&
		     !strstr(a[1], "if=pflash")))
			fprintf(f, "%s\n", *a);
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

int acpi_capture(char *const *argv, const char *dumper, struct acpi_blobs *ret, struct err *e)
{
	_cleanup_(closep) int fd = memfd_create("tception-fw-cfg", MFD_CLOEXEC);
	_cleanup_(closep) int firmware = memfd_create("tception-firmware", MFD_CLOEXEC);
	char path[64], complaint[400];
	struct argv control = {0};
	int r;

	if (fd < 0 || firmware < 0)
		return err_sys(e, -errno, "memfd_create");
	/* QEMU opens our descriptor by its name: nothing to inherit, no file left behind. */
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	r = acpi_control_argv(argv, dumper, path, &control, e);
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
	if (r != EXIT_STATUS) {
		return err_set(e, -EIO, "control VM for the ACPI tables ended with %d: %s", r,
		               first_cause(complaint));
	}
	r = read_output(fd, ret, e);
	if (r < 0)
		return r;
	r = list_devices(argv, &ret->devices, e);
	if (r < 0)
		acpi_blobs_free(ret);
	return r;
}
