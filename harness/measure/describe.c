/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/describe.h"

#include <string.h>

#include "format/eventlog.h"
#include "format/reader.h"
#include "format/sha2.h"
#include "measure/line.h"
#include "measure/variables.h"

/* Linux' event tags (drivers/firmware/efi/libstub/efistub.h), and that of the attestation agent. */
#define TAG_INITRD       0x8f3b22ecu
#define TAG_LOAD_OPTIONS 0x8f3b22edu
#define TAG_AAEL         0x4141454cu /* "LEAA": backwards, as it is logged */

/* EFI_LOAD_OPTION: attributes, length of the path, description, path. */
static void add_load_option(struct line *l, struct bytes data)
{
	struct reader r = reader_of(data.data, data.size), path;
	const uint8_t *text;
	uint16_t length;

	reader_skip(&r, 4);
	length = reader_u16(&r);
	if (!reader_ok(&r))
		return;
	text = r.data + r.pos;
	line_add(l, " \"");
	line_utf16(l, text, reader_left(&r));
	line_add(l, "\" ");
	while (reader_u16(&r) != 0) {
	}
	path = reader_sub(&r, length);
	if (reader_ok(&path))
		line_device_path(l, path);
}

static void add_boot_order(struct line *l, struct bytes data)
{
	for (size_t i = 0; i + 1 < data.size; i += 2)
		line_add(l, " %02x%02x", data.data[i + 1], data.data[i]);
}

/* UEFI_VARIABLE_DATA */
static bool variable_read(struct bytes data, struct variable *ret)
{
	struct reader r = reader_of(data.data, data.size);
	uint64_t characters, size;

	ret->guid = reader_bytes(&r, 16);
	characters = reader_u64(&r);
	size = reader_u64(&r);
	if (!reader_ok(&r) || characters > reader_left(&r) / 2)
		return false;
	ret->name = (struct bytes){r.data + r.pos, characters * 2};
	reader_skip(&r, characters * 2);
	ret->data = (struct bytes){r.data + r.pos, reader_left(&r)};
	/* The last byte may be missing: one firmware logs a size that it does not fill. */
	return size <= reader_left(&r) + 1;
}

static void add_variable(struct line *l, struct bytes data)
{
	struct variable v;

	if (!variable_read(data, &v)) {
		line_add(l, "malformed variable");
		return;
	}
	line_add(l, "variable ");
	line_utf16(l, v.name.data, v.name.size);
	if (variable_is(&v, "BootOrder"))
		add_boot_order(l, v.data);
	else if (v.name.size == 16 && memcmp(v.name.data, "B\0o\0o\0t\0", 8) == 0)
		add_load_option(l, v.data);
	else if (variable_is(&v, "SecureBoot") && v.data.size == 1)
		line_add(l, " = %u", v.data.data[0]);
	else if (v.data.size > 0)
		line_add(l, ", %zu bytes", v.data.size);
	else
		line_add(l, ", empty");
}

/* UEFI_IMAGE_LOAD_EVENT: address, size, link-time address, size of the path, path. */
static void add_image(struct line *l, struct bytes data)
{
	struct reader r = reader_of(data.data, data.size), path;
	uint64_t size, length;

	reader_skip(&r, 8);
	size = reader_u64(&r);
	reader_skip(&r, 8);
	length = reader_u64(&r);
	path = reader_sub(&r, length);
	if (!reader_ok(&path)) {
		line_add(l, "malformed image load event");
		return;
	}
	line_add(l, "program, %ju bytes", (uintmax_t)size);
	if (length > 0)
		line_add(l, ", ");
	line_device_path(l, path);
}

/* u8 length and name, then what follows: a blob's address and size, or a count of tables. */
static void add_named(struct line *l, const char *kind, struct bytes data)
{
	struct reader r = reader_of(data.data, data.size);
	uint8_t length = reader_u8(&r);
	const uint8_t *name = reader_bytes(&r, length);
	uint64_t base, size;

	if (!name) {
		line_add(l, "malformed %s", kind);
		return;
	}
	line_add(l, "%s ", kind);
	line_bytes(l, name, length);
	base = reader_u64(&r);
	size = reader_u64(&r);
	if (reader_end(&r, NULL) == FORMAT_OK)
		line_add(l, " at 0x%jx, %ju bytes", (uintmax_t)base, (uintmax_t)size);
}

/* UEFI_GPT_DATA: the table's header, count, and the partitions that are in use. */
static void add_gpt(struct line *l, struct bytes data)
{
	struct reader r = reader_of(data.data, data.size);
	const uint8_t *disk;
	uint64_t count;

	reader_skip(&r, 56);
	disk = reader_bytes(&r, 16);
	reader_skip(&r, 20);
	count = reader_u64(&r);
	if (!reader_ok(&r) || memcmp(data.data, "EFI PART", 8) != 0) {
		line_add(l, "malformed partition table");
		return;
	}
	line_add(l, "partition table ");
	line_guid(l, disk);
	line_add(l, ", %ju partitions:", (uintmax_t)count);
	for (uint64_t i = 0; i < count && reader_ok(&r); i++) {
		struct reader entry = reader_sub(&r, 128);

		reader_skip(&entry, 56);
		if (reader_left(&entry) < 2 || !reader_ok(&entry))
			continue;
		line_add(l, entry.data[entry.pos] ? " " : " -");
		line_utf16(l, entry.data + entry.pos, reader_left(&entry));
	}
}

static void add_tag(struct line *l, struct bytes data)
{
	struct reader r = reader_of(data.data, data.size);
	uint32_t tag = reader_u32(&r), size = reader_u32(&r);
	struct reader text = reader_sub(&r, size);

	if (!reader_ok(&text)) { /* some kernels log the text alone */
		line_add(l, "tag ");
		line_bytes(l, data.data, data.size);
		return;
	}
	/* The kernel logs names, not what it measured. */
	if (tag == TAG_LOAD_OPTIONS)
		line_add(l, "kernel command line, as ");
	else if (tag == TAG_INITRD)
		line_add(l, "initrd, as ");
	else if (tag == TAG_AAEL)
		line_add(l, "attestation agent: ");
	else
		line_add(l, "tag 0x%08x: ", tag);
	line_bytes(l, text.data, text.size);
}

/* Text, one way or the other: every second byte of UTF-16 ASCII is zero. */
static void add_text(struct line *l, struct bytes data)
{
	if (data.size >= 4 && data.data[0] && !data.data[1] && data.data[2] && !data.data[3])
		line_utf16(l, data.data, data.size);
	else
		line_bytes(l, data.data, data.size);
}

/* QEMU's fw_cfg files: "QEMU FW CFG", NUL, the file's name. */
static void add_flags(struct line *l, struct bytes data)
{
	static const char fw_cfg[] = "QEMU FW CFG";

	if (data.size > sizeof(fw_cfg) && memcmp(data.data, fw_cfg, sizeof(fw_cfg)) == 0) {
		line_add(l, "fw_cfg file ");
		data.data += sizeof(fw_cfg);
		data.size -= sizeof(fw_cfg);
	}
	add_text(l, data);
}

void event_describe(uint32_t type, struct bytes data, char out[DESCRIBE_MAX])
{
	struct line l;

	line_init(&l, out, DESCRIBE_MAX);
	switch (type) {
	case EV_SEPARATOR:
		line_add(&l, "separator ");
		line_hex(&l, data.data, data.size);
		break;
	case EV_EFI_VARIABLE_DRIVER_CONFIG:
	case EV_EFI_VARIABLE_BOOT:
	case EV_EFI_VARIABLE_BOOT2:
	case EV_EFI_VARIABLE_AUTHORITY:
		add_variable(&l, data);
		break;
	case EV_EFI_BOOT_SERVICES_APPLICATION:
	case EV_EFI_BOOT_SERVICES_DRIVER:
	case EV_EFI_RUNTIME_SERVICES_DRIVER:
		add_image(&l, data);
		break;
	case EV_EFI_PLATFORM_FIRMWARE_BLOB2:
		add_named(&l, "firmware", data);
		break;
	case EV_EFI_HANDOFF_TABLES2:
		add_named(&l, "table", data);
		break;
	case EV_EFI_GPT_EVENT:
	case EV_EFI_GPT_EVENT2:
		add_gpt(&l, data);
		break;
	case EV_EVENT_TAG:
		add_tag(&l, data);
		break;
	case EV_PLATFORM_CONFIG_FLAGS:
		add_flags(&l, data);
		break;
	default:
		add_text(&l, data);
	}
}

static bool hashes_to(const uint8_t *data, size_t size, const uint8_t digest[48])
{
	uint8_t own[SHA384_SIZE];

	sha384(data, size, own);
	return memcmp(own, digest, sizeof(own)) == 0;
}

/* GRUB measures what follows "grub_cmd: " (or "grub_cmd ") and the like, without the NUL. */
static bool text_measured(struct bytes data, const uint8_t digest[48])
{
	const uint8_t *end = memchr(data.data, '\0', data.size);
	size_t size = end ? (size_t)(end - data.data) : data.size;
	const uint8_t *space = memchr(data.data, ' ', size);

	if (hashes_to(data.data, size, digest))
		return true;
	if (!space)
		return false;
	space++;
	return hashes_to(space, size - (size_t)(space - data.data), digest);
}

bool event_data_measured(uint32_t type, struct bytes data, const uint8_t digest[48])
{
	struct variable v;

	if (!data.size)
		return false;
	if (hashes_to(data.data, data.size, digest))
		return true;
	if (type == EV_EFI_VARIABLE_BOOT && variable_read(data, &v))
		return hashes_to(v.data.data, v.data.size, digest);
	return type == EV_IPL && text_measured(data, digest);
}
