/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/acpi.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "core/file.h"
#include "format/bytes.h"
#include "format/reader.h"

#define LOADER_COMMAND_SIZE 128
#define LOADER_NAME_SIZE    56
#define LOADER_ALLOCATE     1
#define BLOB_MAX            (4u << 20) /* bytes; QEMU's tables are 128 KiB */

static const struct {
	const char *file;
	size_t blob; /* in struct acpi_blobs */
	bool optional;
} files[] = {
        {"acpi-loader", offsetof(struct acpi_blobs, loader), false},
        {"acpi-rsdp", offsetof(struct acpi_blobs, rsdp), false},
        {"acpi-tables", offsetof(struct acpi_blobs, tables), false},
        {"boot-order", offsetof(struct acpi_blobs, boot_order), true},
        {"boot-menu", offsetof(struct acpi_blobs, boot_menu), true},
        {"smbios", offsetof(struct acpi_blobs, smbios), true},
        {"devices", offsetof(struct acpi_blobs, devices), true},
};

static struct bytes *blob_at(const struct acpi_blobs *b, size_t i)
{
	return (struct bytes *)((char *)b + files[i].blob);
}

int acpi_blobs_load(const char *dir, struct acpi_blobs *ret, struct err *e)
{
	struct acpi_blobs b = {0};
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT_OF(files); i++) {
		r = path_join(path, dir, files[i].file, e);
		if (r == 0)
			r = file_read(path, BLOB_MAX, blob_at(&b, i), e);
		if (r == -ENOENT && files[i].optional)
			r = 0;
	}
	if (r < 0)
		acpi_blobs_free(&b);
	else
		*ret = b;
	return r;
}

int acpi_blobs_save(const struct acpi_blobs *b, const char *dir, struct err *e)
{
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT_OF(files); i++) {
		const struct bytes *blob = blob_at(b, i);

		if (!blob->data && files[i].optional)
			continue;
		r = path_join(path, dir, files[i].file, e);
		if (r == 0)
			r = file_write(path, blob->data, blob->size, e);
	}
	return r;
}

void acpi_blobs_free(struct acpi_blobs *b)
{
	for (size_t i = 0; i < COUNT_OF(files); i++)
		bytes_free(blob_at(b, i));
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
