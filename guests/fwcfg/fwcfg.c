/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A "kernel" that says what QEMU gave the firmware: it copies three fw_cfg files to the debug port,
 * as records of 8 bytes of magic, 56 of name, a 32-bit little-endian size and the bytes, and stops
 * QEMU. By the time it runs the firmware has programmed PCI and fetched the ACPI tables, so that
 * QEMU has made them final.
 */
#include <stdint.h>

#define FW_CFG_SELECT 0x510
#define FW_CFG_DATA   0x511
#define FW_CFG_DIR    0x19
#define OUT_PORT      0xe9 /* isa-debugcon */
#define EXIT_PORT     0xf4 /* isa-debug-exit: QEMU ends with 2 * value + 1 */
#define EXIT_VALUE    0x20
#define NAME_SIZE     56

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outw(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void put(const char *data, uint32_t size)
{
	while (size--)
		outb(OUT_PORT, (uint8_t)*data++);
}

static uint32_t get_be32(void)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++)
		value = value << 8 | inb(FW_CFG_DATA);
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
	f->select = (uint16_t)(inb(FW_CFG_DATA) << 8);
	f->select |= inb(FW_CFG_DATA);
	inb(FW_CFG_DATA);
	inb(FW_CFG_DATA);
	for (int i = 0; i < NAME_SIZE; i++)
		f->name[i] = (char)inb(FW_CFG_DATA);
}

static int same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static void dump(const struct file *f)
{
	put("fw_cfg\0", 8);
	put(f->name, NAME_SIZE);
	for (int i = 0; i < 4; i++)
		outb(OUT_PORT, (uint8_t)(f->size >> 8 * i));
	outw(FW_CFG_SELECT, f->select);
	for (uint32_t i = 0; i < f->size; i++)
		outb(OUT_PORT, inb(FW_CFG_DATA));
}

/* Finds a file by its name, reading the directory anew, and copies it out. */
static void dump_named(const char *name)
{
	uint32_t count;
	struct file f;

	outw(FW_CFG_SELECT, FW_CFG_DIR);
	count = get_be32();
	while (count--) {
		get_entry(&f);
		if (same(f.name, name)) {
			dump(&f);
			return;
		}
	}
}

__attribute__((ms_abi)) uint64_t efi_main(void *image, void *system);

__attribute__((ms_abi)) uint64_t efi_main(void *image, void *system)
{
	(void)image;
	(void)system;
	dump_named("etc/table-loader");
	dump_named("etc/acpi/rsdp");
	dump_named("etc/acpi/tables");
	__asm__ volatile("outl %0, %1" : : "a"((uint32_t)EXIT_VALUE), "Nd"((uint16_t)EXIT_PORT));
	return 0;
}
