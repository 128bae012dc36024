/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "format/reader.h"
#include "measure/line.h"

/* UEFI specification 2.10, section 10.3: the nodes that occur in measured boots. */
#define NODE(type, subtype) ((type) << 8 | (subtype))
enum {
	NODE_PCI = NODE(1, 1),
	NODE_ACPI = NODE(2, 1),
	NODE_SCSI = NODE(3, 2),
	NODE_USB = NODE(3, 5),
	NODE_SATA = NODE(3, 18),
	NODE_NVME = NODE(3, 23),
	NODE_DISK = NODE(4, 1),
	NODE_VENDOR = NODE(4, 3),
	NODE_FILE = NODE(4, 4),
	NODE_FV_FILE = NODE(4, 6),
	NODE_FV = NODE(4, 7),
};
#define EISA_PCI_ROOT  0x0a0341d0u /* PNP0A03 */
#define EISA_PCIE_ROOT 0x0a0841d0u /* PNP0A08 */

static void add_acpi(struct line *l, struct reader *r)
{
	uint32_t hid = reader_u32(r), uid = reader_u32(r);

	if (hid == EISA_PCI_ROOT || hid == EISA_PCIE_ROOT)
		line_add(l, "PciRoot(%u)", uid);
	else
		line_add(l, "Acpi(%08x,%u)", hid, uid);
}

static void add_disk(struct line *l, struct reader *r)
{
	uint32_t partition = reader_u32(r);
	const uint8_t *signature;
	uint8_t kind;

	reader_skip(r, 16); /* where it begins, how long it is */
	signature = reader_bytes(r, 16);
	reader_skip(r, 1);
	kind = reader_u8(r);
	line_add(l, "HD(%u", partition);
	if (reader_ok(r) && kind == 2) {
		line_add(l, ",GPT,");
		line_guid(l, signature);
	}
	line_add(l, ")");
}

static void add_guid(struct line *l, struct reader *r, const char *name)
{
	const uint8_t *guid = reader_bytes(r, 16);

	line_add(l, "%s(", name);
	if (guid)
		line_guid(l, guid);
	line_add(l, ")");
}

/* Backslashes become slashes: they separate names, and would be escaped else. */
static void add_file(struct line *l, struct reader *r)
{
	while (reader_left(r) >= 2) {
		uint16_t c = reader_u16(r);
		const uint8_t one[2] = {(uint8_t)(c == '\\' ? '/' : c), (uint8_t)(c >> 8)};

		if (c == 0)
			break;
		line_utf16(l, one, sizeof(one));
	}
}

static void add_two(struct line *l, const char *name, unsigned a, unsigned b)
{
	line_add(l, "%s(%u,%u)", name, a, b);
}

static void add_node(struct line *l, unsigned node, struct reader *r)
{
	unsigned a;

	switch (node) {
	case NODE_PCI: /* function, then device */
		a = reader_u8(r);
		add_two(l, "Pci", reader_u8(r), a);
		break;
	case NODE_ACPI:
		add_acpi(l, r);
		break;
	case NODE_SCSI:
		a = reader_u16(r);
		add_two(l, "Scsi", a, reader_u16(r));
		break;
	case NODE_USB:
		a = reader_u8(r);
		add_two(l, "Usb", a, reader_u8(r));
		break;
	case NODE_SATA:
		a = reader_u16(r);
		add_two(l, "Sata", a, reader_u16(r));
		break;
	case NODE_NVME:
		line_add(l, "NVMe(%u)", reader_u32(r));
		break;
	case NODE_DISK:
		add_disk(l, r);
		break;
	case NODE_FILE:
		add_file(l, r);
		break;
	case NODE_VENDOR:
		add_guid(l, r, "VenMedia");
		break;
	case NODE_FV:
		add_guid(l, r, "Fv");
		break;
	case NODE_FV_FILE:
		add_guid(l, r, "FvFile");
		break;
	default:
		line_add(l, "Path(%u,%u)", node >> 8, node & 0xff);
	}
}

void line_device_path(struct line *l, struct reader path)
{
	bool first = true;

	while (reader_left(&path) > 0) {
		unsigned type = reader_u8(&path), subtype = reader_u8(&path);
		uint16_t length = reader_u16(&path);
		struct reader node;

		if (!reader_ok(&path) || type == 0x7f || length < 4)
			break;
		node = reader_sub(&path, length - 4u);
		if (!reader_ok(&node))
			break;
		/* a file's own path begins with a separator, most often */
		if (!first &&
		    !(NODE(type, subtype) == NODE_FILE && node.size && *node.data == '\\'))
			line_add(l, "/");
		add_node(l, NODE(type, subtype), &node);
		first = false;
	}
}
