/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A "kernel" that says what QEMU gave the firmware: it copies some fw_cfg items and the SMBIOS
 * table that firmware made to the debug port, as records of 8 bytes of magic, 56 of name, a 32-bit
 * little-endian size and the bytes, and stops QEMU. By the time it runs the firmware has programmed
 * PCI and fetched the ACPI tables, so that QEMU has made them final.
 */
#include <stdint.h>

#include "format/portio.h"

#define FW_CFG_SELECT 0x510
#define FW_CFG_DATA   0x511
#define FW_CFG_DIR    0x19
#define FW_CFG_MENU   0x0e /* 16 bits: whether to show a boot menu */
#define OUT_PORT      0xe9 /* isa-debugcon */
#define EXIT_PORT     0xf4 /* isa-debug-exit: QEMU ends with 2 * value + 1 */
#define EXIT_VALUE    0x20
#define NAME_SIZE     56

static void put(const char *data, uint32_t size)
{
	while (size--)
		out8(OUT_PORT, (uint8_t)*data++);
}

static uint32_t get_be32(void)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++)
		value = value << 8 | in8(FW_CFG_DATA);
	return value;
}

struct file {
	uint32_t size;
	uint16_t select;
	char name[NAME_SIZE];
};

static void get_entry(struct file *f)
{
	f->size = get_be32();
	f->select = (uint16_t)(in8(FW_CFG_DATA) << 8);
	f->select |= in8(FW_CFG_DATA);
	in8(FW_CFG_DATA);
	in8(FW_CFG_DATA);
	for (int i = 0; i < NAME_SIZE; i++)
		f->name[i] = (char)in8(FW_CFG_DATA);
}

static int same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static void put_header(const char *name, uint32_t size)
{
	put("fw_cfg\0", 8);
	for (int i = 0; i < NAME_SIZE; i++) {
		out8(OUT_PORT, (uint8_t)*name);
		name += *name != '\0';
	}
	for (int i = 0; i < 4; i++)
		out8(OUT_PORT, (uint8_t)(size >> 8 * i));
}

static void dump(const struct file *f)
{
	put_header(f->name, f->size);
	out16(FW_CFG_SELECT, f->select);
	for (uint32_t i = 0; i < f->size; i++)
		out8(OUT_PORT, in8(FW_CFG_DATA));
}

/* Finds a file by its name, reading the directory anew, and copies it out. */
static void dump_named(const char *name)
{
	uint32_t count;
	struct file f;

	out16(FW_CFG_SELECT, FW_CFG_DIR);
	count = get_be32();
	while (count--) {
		get_entry(&f);
		if (same(f.name, name)) {
			dump(&f);
			return;
		}
	}
}

static void dump_menu(void)
{
	put_header("boot-menu", 2);
	out16(FW_CFG_SELECT, FW_CFG_MENU);
	for (int i = 0; i < 2; i++)
		out8(OUT_PORT, in8(FW_CFG_DATA));
}

/* ---- SMBIOS, as firmware publishes it ---- */

struct guid {
	uint64_t low, high;
};

struct configuration_table { /* UEFI specification 2.10, section 4.6 */
	struct guid vendor;
	const void *table;
};

struct system_table { /* section 4.3, as far as it is needed */
	uint8_t other[104];
	uint64_t entries;
	const struct configuration_table *table;
};
_Static_assert(__builtin_offsetof(struct system_table, table) == 112, "section 4.3");

static const struct guid smbios3_guid = /* f2fd1544-9794-4a2c-992e-e5bbcf20e394 */
        {0x4a2c9794f2fd1544, 0x94e320cfbbe52e99};
static const struct guid smbios_guid = /* eb9d2d31-2d88-11d3-9a16-0090273fc14d */
        {0x11d32d88eb9d2d31, 0x4dc13f279000169a};

static const char *find_table(const struct system_table *system, const struct guid *vendor)
{
	for (uint64_t i = 0; i < system->entries; i++) {
		const struct configuration_table *t = &system->table[i];

		if (t->vendor.low == vendor->low && t->vendor.high == vendor->high)
			return t->table;
	}
	return 0;
}

/* Where the structures are, by the entry points of DSP0134, section 5.2: 64 or 32 bits. */
static const char *find_structures(const struct system_table *system)
{
	const char *entry = find_table(system, &smbios3_guid);

	if (entry)
		return *(const char *const *)(entry + 0x10);
	entry = find_table(system, &smbios_guid);
	return entry ? (const char *)(uint64_t) * (const uint32_t *)(entry + 0x18) : 0;
}

static void dump_smbios(const struct system_table *system)
{
	const char *start = find_structures(system), *at;

	if (!start)
		return;
	for (at = start;;) {
		uint8_t type = (uint8_t)at[0];

		at += (uint8_t)at[1];
		while (at[0] || at[1])
			at++;
		at += 2;
		if (type == 127)
			break;
	}
	put_header("smbios", (uint32_t)(at - start));
	put(start, (uint32_t)(at - start));
}

__attribute__((ms_abi)) uint64_t efi_main(void *image, void *system);

__attribute__((ms_abi)) uint64_t efi_main(void *image, void *system)
{
	(void)image;
	dump_named("etc/table-loader");
	dump_named("etc/acpi/rsdp");
	dump_named("etc/acpi/tables");
	dump_named("bootorder");
	dump_menu();
	dump_smbios(system);
	out32(EXIT_PORT, EXIT_VALUE);
	return 0;
}
