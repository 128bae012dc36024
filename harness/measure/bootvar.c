/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/bootvar.h"

#include <string.h>

#include "format/eventlog.h"
#include "format/guid.h"

/* EFI_LOAD_OPTION.Attributes: UEFI specification 2.10, section 3.1.3 */
#define OPTION_ACTIVE    0x001u
#define OPTION_HIDDEN    0x008u
#define OPTION_IS_AN_APP 0x100u

/* Device path nodes: section 10.3 */
enum { NODE_HARDWARE = 1, NODE_ACPI = 2, NODE_MEDIA = 4, NODE_END = 0x7f };
enum { HARDWARE_PCI = 1, ACPI_DEVICE = 1 };
enum { MEDIA_FILE = 6, MEDIA_VOLUME = 7, END_ENTIRE = 0xff };

#define OPTION_MAX 512 /* bytes of one boot option here */

struct option { /* an EFI_LOAD_OPTION being written */
	uint8_t data[OPTION_MAX];
	size_t size;
	size_t path_at;
};

static void put(struct option *o, const void *data, size_t size)
{
	if (size == 0 || size > sizeof(o->data) - o->size)
		return; /* callers' parts are of bounded size: cannot happen */
	memcpy(o->data + o->size, data, size);
	o->size += size;
}

static void put_le(struct option *o, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)(value >> 8 * i);

		put(o, &byte, 1);
	}
}

static void put_node(struct option *o, uint8_t type, uint8_t subtype, const void *data, size_t size)
{
	put_le(o, type, 1);
	put_le(o, subtype, 1);
	put_le(o, 4 + size, 2);
	put(o, data, size);
}

/* `description` is UTF-16 with its NUL. */
static void option_begin(struct option *o, uint32_t attributes, const void *description,
                         size_t size)
{
	o->size = 0;
	put_le(o, attributes, 4);
	put_le(o, 0, 2); /* length of the path: set at its end */
	put(o, description, size);
	o->path_at = o->size;
}

static void option_begin_ascii(struct option *o, uint32_t attributes, const char *description)
{
	uint8_t wide[64] = {0};
	size_t i;

	for (i = 0; description[i] && 2 * i + 3 < sizeof(wide); i++)
		wide[2 * i] = (uint8_t)description[i];
	option_begin(o, attributes, wide, 2 * i + 2);
}

static void option_end_path(struct option *o)
{
	size_t length;

	put_node(o, NODE_END, END_ENTIRE, NULL, 0);
	length = o->size - o->path_at;
	o->data[4] = length & 0xff;
	o->data[5] = (uint8_t)(length >> 8);
}

/* The boot manager's menu: an application in the firmware's own volume. */
static void option_menu(struct option *o, const struct firmware *f)
{
	option_begin(o, OPTION_ACTIVE | OPTION_HIDDEN | OPTION_IS_AN_APP, f->menu_name,
	             f->menu_name_size);
	put_node(o, NODE_MEDIA, MEDIA_VOLUME, f->volume, GUID_SIZE);
	put_node(o, NODE_MEDIA, MEDIA_FILE, f->menu, GUID_SIZE);
	option_end_path(o);
}

/* The disk as OVMF's boot manager describes it: no removable medium, no name of its own. */
static void option_disk(struct option *o, const struct pci_place *place)
{
	static const uint8_t root_bridge[8] = {0xd0, 0x41, 0x03, 0x0a}; /* PNP0A03, number 0 */
	static const uint8_t automatic[GUID_SIZE] = /* this option was made by the boot manager */
	        GUID(0x8108ac4e, 0x9f11, 0x4d59, 0x85, 0x0e, 0xe2, 0x1a, 0x52, 0x2c, 0x59, 0xb2);
	const uint8_t pci[2] = {place->function, place->device};

	option_begin_ascii(o, OPTION_ACTIVE, "UEFI Misc Device");
	put_node(o, NODE_ACPI, ACPI_DEVICE, root_bridge, sizeof(root_bridge));
	put_node(o, NODE_HARDWARE, HARDWARE_PCI, pci, sizeof(pci));
	option_end_path(o);
	put(o, automatic, sizeof(automatic));
}

static void option_shell(struct option *o, const struct firmware *f)
{
	option_begin_ascii(o, OPTION_ACTIVE, "EFI Internal Shell");
	put_node(o, NODE_MEDIA, MEDIA_VOLUME, f->volume, GUID_SIZE);
	put_node(o, NODE_MEDIA, MEDIA_FILE, guid_shell, GUID_SIZE);
	option_end_path(o);
}

enum { OPTION_MENU, OPTION_DISK, OPTION_SHELL };

/* Options are numbered in the order in which they are found: all disks before the shell. */
static unsigned option_number(uint8_t option, const struct measure_inputs *in)
{
	return option == OPTION_SHELL ? 2u + in->boot_device->others : option;
}

static void hash_order(struct event_list *l, const struct measure_inputs *in, const uint8_t *order,
                       size_t count)
{
	const struct event_tag tag = {0, EV_EFI_VARIABLE_BOOT,
	                              count > 1 ? INPUT_DEVICES : INPUT_CONSTANT};
	uint8_t data[2 * 3] = {0};

	for (size_t i = 0; i < count; i++)
		data[2 * i] = (uint8_t)option_number(order[i], in);
	event_hash(l, tag, data, 2 * count, "variable BootOrder");
}

/* With -kernel, firmware never gets to look for disks: the menu is all there is. */
static size_t list_options(const struct firmware *f, const struct measure_inputs *in,
                           uint8_t order[3])
{
	size_t count = 1;

	order[0] = OPTION_MENU;
	if (in->kernel.data)
		return count;
	order[count++] = OPTION_DISK;
	if (in->boot_device->first) {
		order[0] = OPTION_DISK;
		order[1] = OPTION_MENU;
	}
	if (f->shell)
		order[count++] = OPTION_SHELL;
	return count;
}

void bootvar_measure(struct event_list *l, const struct firmware *f,
                     const struct measure_inputs *in)
{
	static const char *const names[] = {"the firmware's menu", "the disk", "the shell"};
	static const enum measure_input inputs[] = {INPUT_FIRMWARE, INPUT_DEVICES, INPUT_FIRMWARE};
	struct option option[3];
	uint8_t order[3];
	size_t count;

	if (f->menu_name_size == 0) {
		event_open(l, 0, "the firmware has a boot manager that is not known here");
		return;
	}
	if (!in->kernel.data && !in->boot_device) {
		event_open(l, 0, "which device the TD boots from was not given");
		return;
	}
	if (!in->kernel.data && f->bare_menu) {
		event_open(l, 0,
		           "which boot options this firmware makes for a disk is not known here");
		return;
	}
	count = list_options(f, in, order);
	hash_order(l, in, order, count);
	option_menu(&option[0], f);
	if (in->boot_device)
		option_disk(&option[1], in->boot_device);
	option_shell(&option[2], f);
	for (size_t i = 0; i < count; i++) {
		const struct event_tag tag = {0, EV_EFI_VARIABLE_BOOT, inputs[order[i]]};

		event_hash(l, tag, option[order[i]].data, option[order[i]].size,
		           "variable Boot%04x (%s)", option_number(order[i], in), names[order[i]]);
	}
}
