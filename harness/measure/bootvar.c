/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/bootvar.h"

#include <string.h>

#include "format/eventlog.h"

/* EFI_LOAD_OPTION.Attributes: UEFI specification 2.10, section 3.1.3 */
#define OPTION_ACTIVE    0x001u
#define OPTION_HIDDEN    0x008u
#define OPTION_IS_AN_APP 0x100u

/* Device path nodes: section 10.3 */
enum { NODE_MEDIA = 4, NODE_END = 0x7f };
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

void bootvar_measure(struct event_list *l, const struct firmware *f,
                     const struct measure_inputs *inputs)
{
	static const uint8_t order[] = {0, 0}; /* Boot0000 */
	struct event_tag tag = {0, EV_EFI_VARIABLE_BOOT, INPUT_CONSTANT};
	struct option menu;

	if (f->menu_name_size == 0) {
		event_open(l, 0, "the firmware has a boot manager that is not known here");
		return;
	}
	(void)inputs;
	option_menu(&menu, f);
	event_hash(l, tag, order, sizeof(order), "variable BootOrder (Boot0000)");
	tag.input = INPUT_FIRMWARE;
	event_hash(l, tag, menu.data, menu.size, "variable Boot0000 (the firmware's menu)");
}
