/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/acpi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "format/bytes.h"
#include "format/reader.h"

#define LOADER_COMMAND_SIZE 128
#define LOADER_NAME_SIZE    56
#define LOADER_ALLOCATE     1
#define BLOB_MAX            (4u << 20) /* bytes; QEMU's tables are 128 KiB */

static int load_one(const char *dir, const char *name, struct bytes *ret, struct err *e)
{
	char path[PATH_MAX];
	int r = path_join(path, dir, name, e);

	return r < 0 ? r : file_read(path, BLOB_MAX, ret, e);
}

static int load_optional(const char *dir, const char *name, struct bytes *ret, struct err *e)
{
	int r = load_one(dir, name, ret, e);

	return r == -ENOENT ? 0 : r;
}

int acpi_blobs_load(const char *dir, struct acpi_blobs *ret, struct err *e)
{
	struct acpi_blobs b = {0};
	int r;

	r = load_one(dir, "acpi-loader", &b.loader, e);
	if (r == 0)
		r = load_one(dir, "acpi-rsdp", &b.rsdp, e);
	if (r == 0)
		r = load_one(dir, "acpi-tables", &b.tables, e);
	if (r == 0)
		r = load_optional(dir, "boot-order", &b.boot_order, e);
	if (r == 0)
		r = load_optional(dir, "boot-menu", &b.boot_menu, e);
	if (r == 0)
		r = load_optional(dir, "smbios", &b.smbios, e);
	if (r == 0)
		r = load_optional(dir, "devices", &b.devices, e);
	if (r < 0)
		acpi_blobs_free(&b);
	else
		*ret = b;
	return r;
}

void acpi_blobs_free(struct acpi_blobs *b)
{
	bytes_free(&b->loader);
	bytes_free(&b->rsdp);
	bytes_free(&b->tables);
	bytes_free(&b->boot_order);
	bytes_free(&b->boot_menu);
	bytes_free(&b->smbios);
	bytes_free(&b->devices);
	*b = (struct acpi_blobs){0};
}

bool acpi_has_other_boot_devices(const struct acpi_blobs *b)
{
	static const char *const quiet[] = {
	        "virtio-blk-pci", "virtio-serial-pci", "virtserialport",
	        "virtio-rng-pci", "vhost-vsock-pci",   "isa-debugcon",
	        "isa-debug-exit", "isa-serial",        "pvpanic",
	        "loader",
	};
	const char *line = (const char *)b->devices.data, *end = line + b->devices.size;

	while (line < end) {
		size_t length = strcspn(line, "\n");
		bool known = false;

		for (size_t i = 0; i < COUNT_OF(quiet); i++)
			known = known ||
			        (strlen(quiet[i]) == length && memcmp(line, quiet[i], length) == 0);
		if (!known && length > 0)
			return true;
		line += length + 1;
	}
	return false;
}

static struct bytes find_blob(const struct acpi_blobs *b, const char *name)
{
	if (strcmp(name, "etc/acpi/rsdp") == 0)
		return b->rsdp;
	if (strcmp(name, "etc/acpi/tables") == 0)
		return b->tables;
	return (struct bytes){NULL, 0};
}

int acpi_fetch_order(const struct acpi_blobs *b,
                     void (*fetch)(const char *name, struct bytes blob, void *userdata),
                     void *userdata, struct err *e)
{
	struct reader r, command;

	fetch("etc/table-loader", b->loader, userdata);
	r = reader_of(b->loader.data, b->loader.size);
	while (reader_ok(&r) && reader_left(&r) > 0) {
		char name[LOADER_NAME_SIZE + 1] = "";
		uint64_t at = reader_offset(&r);

		command = reader_sub(&r, LOADER_COMMAND_SIZE);
		if (reader_u32(&command) != LOADER_ALLOCATE)
			continue;
		reader_copy(&command, name, LOADER_NAME_SIZE);
		if (name[LOADER_NAME_SIZE - 1] != '\0')
			reader_fail(&r, FORMAT_BAD_ENCODING, at + 4);
		if (!reader_ok(&r))
			break;
		fetch(name, find_blob(b, name), userdata);
	}
	return reader_ok(&r) ? 0 : err_bad(e, &r, "ACPI table loader");
}
