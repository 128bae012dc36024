/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/boot.h"

#include <string.h>

#include "format/eventlog.h"
#include "format/guid.h"
#include "measure/acpi.h"
#include "measure/events.h"
#include "measure/firmware.h"
#include "measure/kernel.h"
#include "measure/smbios.h"

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

/* A program in the firmware's own volume. */
static void option_program(struct option *o, const struct firmware *f,
                           const uint8_t file[GUID_SIZE])
{
	put_node(o, NODE_MEDIA, MEDIA_VOLUME, f->volume, GUID_SIZE);
	put_node(o, NODE_MEDIA, MEDIA_FILE, file, GUID_SIZE);
	option_end_path(o);
}

/* The disk as OVMF's boot manager describes it: no removable medium, no name of its own. */
static void option_disk(struct option *o, const struct pci_place *place)
{
	static const uint8_t root_bridge[8] = {0xd0, 0x41, 0x03, 0x0a}; /* PNP0A03, number 0 */
	static const uint8_t automatic[GUID_SIZE] = /* this option was made by the boot manager */
	        GUID(0x8108ac4e, 0x9f11, 0x4d59, 0x85, 0x0e, 0xe2, 0x1a, 0x52, 0x2c, 0x59, 0xb2);
	const uint8_t pci[2] = {place->function, place->device};

	option_begin_ascii(o, OPTION_ACTIVE,
	                   place->bare ? "UEFI Non-Block Boot Device" : "UEFI Misc Device");
	put_node(o, NODE_ACPI, ACPI_DEVICE, root_bridge, sizeof(root_bridge));
	put_node(o, NODE_HARDWARE, HARDWARE_PCI, pci, sizeof(pci));
	option_end_path(o);
	put(o, automatic, sizeof(automatic));
}

/* ---- the list: options are numbered in the order in which they are made ---- */

enum kind { KIND_MENU, KIND_SETUP, KIND_DISK, KIND_SHELL };

struct options {
	enum kind kind[4]; /* in BootOrder's order */
	uint8_t number[4]; /* Boot#### */
	size_t count;
};

static void list_add(struct options *o, enum kind kind, unsigned number)
{
	o->kind[o->count] = kind;
	o->number[o->count++] = (uint8_t)number;
}

/*
 * The menu, and since edk2-stable202505 the setup (UiApp) as an option of its own, come before the
 * kernel of -kernel is tried; then disks; last the shell. A
 * disk with a bootindex goes to the front.
 */
static void list_options(const struct firmware *f, const struct measure_inputs *in,
                         struct options *ret)
{
	const struct pci_place *disk = in->kernel.data ? NULL : in->boot_device;
	unsigned own = f->bare_menu && f->setup ? 2 : 1;

	if (disk && disk->first)
		list_add(ret, KIND_DISK, own);
	list_add(ret, KIND_MENU, 0);
	if (own == 2)
		list_add(ret, KIND_SETUP, 1);
	if (disk && !disk->first)
		list_add(ret, KIND_DISK, own);
	if (disk && f->shell)
		list_add(ret, KIND_SHELL, own + 1u + disk->others);
}

static void option_make(struct option *o, enum kind kind, const struct firmware *f,
                        const struct measure_inputs *in)
{
	switch (kind) {
	case KIND_MENU:
		option_begin(o, OPTION_ACTIVE | OPTION_HIDDEN | OPTION_IS_AN_APP, f->menu_name,
		             f->menu_name_size);
		option_program(o, f, f->menu);
		break;
	case KIND_SETUP:
		option_begin_ascii(o, OPTION_ACTIVE | OPTION_IS_AN_APP, "EFI Firmware Setup");
		option_program(o, f, guid_ui_app);
		break;
	case KIND_DISK:
		option_disk(o, in->boot_device);
		break;
	case KIND_SHELL:
		option_begin_ascii(o, OPTION_ACTIVE | (f->bare_menu ? OPTION_IS_AN_APP : 0),
		                   "EFI Internal Shell");
		option_program(o, f, guid_shell);
		break;
	}
}

static void hash_order(struct event_list *l, const struct options *o,
                       const struct measure_inputs *in)
{
	const struct event_tag tag = {0, EV_EFI_VARIABLE_BOOT,
	                              in->kernel.data ? INPUT_CONSTANT : INPUT_DEVICES};
	uint8_t data[2 * 4] = {0};

	for (size_t i = 0; i < o->count; i++)
		data[2 * i] = o->number[i];
	event_hash(l, tag, data, 2 * o->count, "variable BootOrder");
}

/* Why the options can't be told, or NULL. */
static const char *unknown_options(const struct firmware *f, const struct measure_inputs *in)
{
	if (f->menu_name_size == 0)
		return "the firmware has a boot manager that is not known here";
	if (in->kernel.data)
		return NULL;
	if (!in->boot_device)
		return "which device the TD boots from was not given";
	if (in->boot_device->first)
		return NULL; /* what has no bootindex is dropped */
	if (f->bare_menu)
		return "which boot options this firmware makes without a bootindex is not known "
		       "here";
	if (!in->acpi || !in->acpi->devices.data)
		return "whether the TD has a network device, which adds boot options, was not "
		       "captured with the ACPI tables";
	if (acpi_has_other_boot_devices(in->acpi))
		return "a device beside the disk adds boot options that are not foreseen";
	return NULL;
}

/*
 * BootOrder and the Boot#### variables as OVMF's boot manager makes them before the first boot
 * attempt: edk2 OvmfPkg PlatformBootManagerLib, MdeModulePkg UefiBootManagerLib. Firmware that is
 * started with -bios keeps no variables, so the options are always these.
 */
static void bootvar_measure(struct event_list *l, const struct firmware *f,
                     const struct measure_inputs *in)
{
	static const char *const names[] = {"the firmware's menu", "the firmware's setup",
	                                    "the disk", "the shell"};
	const char *reason = unknown_options(f, in);
	struct options o = {0};

	if (reason) {
		event_open(l, 0, reason);
		return;
	}
	list_options(f, in, &o);
	hash_order(l, &o, in);
	for (size_t i = 0; i < o.count; i++) {
		const struct event_tag tag = {0, EV_EFI_VARIABLE_BOOT,
		                              o.kind[i] == KIND_DISK ? INPUT_DEVICES
		                                                     : INPUT_FIRMWARE};
		struct option option;

		option_make(&option, o.kind[i], f, in);
		event_hash(l, tag, option.data, option.size, "variable Boot%04x (%s)", o.number[i],
		           names[o.kind[i]]);
	}
}

/* ---- pieces of a boot ---- */

void boot_open(struct event_list *l, const char *reason)
{
	event_open(l, 1, reason);
	event_open(l, 2, reason);
}

void boot_measure_separator(struct event_list *l, unsigned rtmr)
{
	static const uint8_t zero[4];

	event_hash(l, (struct event_tag){rtmr, EV_SEPARATOR, INPUT_CONSTANT}, zero, sizeof(zero),
	           "separator");
}

/* An EV_EFI_ACTION: its text is what is hashed. */
static void measure_action(struct event_list *l, const char *text)
{
	event_hash(l, (struct event_tag){1, EV_EFI_ACTION, INPUT_CONSTANT}, text, strlen(text),
	           "%s", text);
}

static int measure_smbios(struct event_list *l, const struct firmware *f,
                          const struct measure_inputs *in, struct err *e)
{
	const struct event_tag tag = {0, EV_EFI_HANDOFF_TABLES, INPUT_SMBIOS};
	uint8_t digest[48];
	int r;

	if (!in->acpi || !in->acpi->smbios.data) {
		event_unknown(l, tag, "SMBIOS tables");
		return 0;
	}
	r = smbios_digest(in->acpi->smbios, f->smbios_speeds, digest, e);
	if (r == 0)
		event_add(l, tag, digest, "SMBIOS tables, without serial numbers");
	return r;
}

int boot_measure_ready(struct event_list *l, const struct firmware *f,
                       const struct measure_inputs *in, struct err *e)
{
	int r = f->measures_smbios ? measure_smbios(l, f, in, e) : 0;

	if (r < 0)
		return r;
	bootvar_measure(l, f, in);
	measure_action(l, "Calling EFI Application from Boot Option");
	if (f->separator >= 0) {
		boot_measure_separator(l, (unsigned)f->separator);
		return 0;
	}
	for (unsigned i = 0; i < 2; i++)
		event_open(l, i,
		           "the firmware's version does not tell whether the ready-to-boot "
		           "separator goes into RTMR0 or RTMR1");
	return 0;
}

struct bytes boot_smbios(const struct measure_inputs *in)
{
	return in->acpi ? in->acpi->smbios : (struct bytes){NULL, 0};
}

bool boot_stub_measures(struct event_list *l, const struct view *v, struct bytes kernel)
{
	enum kernel_stub stub = kernel_stub(v, kernel);

	if (stub == KERNEL_STUB_UNKNOWN)
		event_open(l, 2, "whether the kernel's EFI stub measures in a TD was not found");
	return stub == KERNEL_STUB_MEASURES;
}

void boot_measure_next_option(struct event_list *l)
{
	measure_action(l, "Returning from EFI Application from Boot Option");
	measure_action(l, "Calling EFI Application from Boot Option");
}

void boot_measure_exit(struct event_list *l)
{
	measure_action(l, "Exit Boot Services Invocation");
	measure_action(l, "Exit Boot Services Returned with Success");
}
