/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/tables/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "measure/tables/q35.h"

#define TABLES_SIZE 131072u /* what QEMU pads etc/acpi/tables to */
#define LOADER_SIZE 4096u
#define HEADER_SIZE 36u
#define NAME_SIZE   56u

/* ---- what is being built: the blob, and the loader's commands for it ---- */

struct build {
	const struct tables_spec *spec;
	uint8_t *tables, *loader;
	size_t size, commands; /* bytes of either that are used */
	uint32_t listed[8];    /* offsets of the tables that RSDT names */
	unsigned count;
	bool full;
};

static uint8_t *take(struct build *b, size_t size)
{
	static uint8_t nowhere[TABLES_SIZE];
	uint8_t *at = b->tables + b->size;

	if (size > TABLES_SIZE - b->size) {
		b->full = true;
		return nowhere;
	}
	b->size += size;
	return at;
}

static void little(uint8_t *to, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

/* One of the loader's commands, 128 bytes: QEMU's bios-linker-loader.c. */
static uint8_t *command(struct build *b, unsigned kind, const char *file)
{
	uint8_t *at = b->loader + b->commands;

	b->commands += 128; /* fewer than there is room for */
	little(at, kind, 4);
	strncpy((char *)at + 4, file, NAME_SIZE);
	return at + 4 + NAME_SIZE;
}

static void allocate(struct build *b, const char *file, unsigned align, unsigned zone)
{
	uint8_t *at = command(b, 1, file);

	little(at, align, 4);
	at[4] = (uint8_t)zone;
}

/* `from` is the file with the pointer, of `size` bytes at `at`, into the tables. */
static void pointer(struct build *b, const char *from, size_t at, unsigned size)
{
	uint8_t *to = command(b, 2, from);

	strncpy((char *)to, "etc/acpi/tables", NAME_SIZE);
	little(to + NAME_SIZE, at, 4);
	to[NAME_SIZE + 4] = (uint8_t)size;
}

static void checksum(struct build *b, const char *file, size_t at, size_t start, size_t size)
{
	uint8_t *to = command(b, 3, file);

	little(to, at, 4);
	little(to + 4, start, 4);
	little(to + 8, size, 4);
}

/* A table with the header that all of QEMU's have; its checksum is firmware's to fill in. */
static void add_table(struct build *b, const char *name, unsigned revision, const uint8_t *body,
                      size_t size)
{
	const size_t start = b->size;
	uint8_t *at = take(b, HEADER_SIZE + size);

	memcpy(at, name, 4);
	little(at + 4, HEADER_SIZE + size, 4);
	at[8] = (uint8_t)revision;
	memcpy(at + 10, "BOCHS BXPC    \1\0\0\0BXPC\1\0\0\0", 26);
	memcpy(at + HEADER_SIZE, body, size);
	if (strcmp(name, "DSDT") != 0 && strcmp(name, "RSDT") != 0)
		b->listed[b->count++] = (uint32_t)start;
}

static void seal(struct build *b, size_t start)
{
	checksum(b, "etc/acpi/tables", start + 9, start, b->size - start);
}

/* ---- the tables ---- */

static int add_dsdt(struct build *b)
{
	struct aml a = {0};
	const size_t start = b->size;
	bool failed;

	q35_dsdt(b->spec, &a);
	failed = a.failed;
	if (!failed)
		add_table(b, "DSDT", 1, a.data, a.size);
	aml_done(&a);
	seal(b, start);
	return failed ? -ENOMEM : 0;
}

/* ACPI 6.5, 5.2.9, revision 3: ICH9's ports at 0x600; neither SMI nor legacy mode. FACS and DSDT are
 * the first two things in the blob. */
static void add_facp(struct build *b)
{
	static const struct {
		uint8_t at, size;
		uint32_t value;
	} fields[] = {
	        {36, 4, 0},           /* FIRMWARE_CTRL */
	        {40, 4, 64},          /* DSDT */
	        {44, 1, 1},           /* INT_MODEL */
	        {46, 2, 9},           /* SCI_INT */
	        {56, 4, 0x600},       /* PM1a_EVT_BLK */
	        {64, 4, 0x604},       /* PM1a_CNT_BLK */
	        {76, 4, 0x608},       /* PM_TMR_BLK */
	        {80, 4, 0x620},       /* GPE0_BLK */
	        {88, 4, 0x04000204},  /* PM1_EVT_LEN 4, PM1_CNT_LEN 2, PM_TMR_LEN 4 */
	        {92, 1, 16},          /* GPE0_BLK_LEN */
	        {96, 4, 0x0fff0fff},  /* P_LVL2_LAT, P_LVL3_LAT */
	        {108, 1, 0x32},       /* CENTURY */
	        {112, 4, 0x84a5},     /* flags */
	        {116, 4, 0x00000801}, /* RESET_REG: I/O, 8 bits */
	        {120, 4, 0xcf9},      /* its address */
	        {128, 1, 0x0f},       /* RESET_VALUE */
	        {140, 4, 64},         /* X_DSDT */
	        {148, 4, 0x00002001}, /* X_PM1a_EVT_BLK: I/O, 32 bits */
	        {152, 4, 0x600},      {172, 4, 0x00001001}, /* X_PM1a_CNT_BLK: 16 bits */
	        {176, 4, 0x604},      {208, 4, 0x00002001}, /* X_PM_TMR_BLK: 32 bits */
	        {212, 4, 0x608},      {220, 4, 0x00008001}, /* X_GPE0_BLK: 128 bits */
	        {224, 4, 0x620},
	};
	const size_t start = b->size;
	uint8_t table[244] = {0};

	for (size_t i = 0; i < COUNT_OF(fields); i++)
		little(table + fields[i].at, fields[i].value, fields[i].size);
	table[109] = b->spec->i8042 ? 0x02 : 0; /* IAPC_BOOT_ARCH */
	if (b->spec->vcpus > 8)
		table[114] |= 0x04; /* FORCE_APIC_CLUSTER_MODEL */
	add_table(b, "FACP", 3, table + HEADER_SIZE, sizeof(table) - HEADER_SIZE);
	pointer(b, "etc/acpi/tables", start + 36, 4);
	pointer(b, "etc/acpi/tables", start + 40, 4);
	pointer(b, "etc/acpi/tables", start + 140, 8);
	seal(b, start);
}

/* ACPI 6.5, 5.2.12. */
static void add_apic(struct build *b)
{
	static const uint8_t io_apic[] = {1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0};
	static const uint8_t nmi[] = {4, 6, 0xff, 0, 0, 1};
	/* ISA's interrupts that are elsewhere, or active high and triggered by level */
	static const uint8_t overrides[][3] = {
	        {0, 2, 0}, {5, 5, 0xd}, {9, 9, 0xd}, {10, 10, 0xd}, {11, 11, 0xd}};
	const struct tables_spec *s = b->spec;
	const size_t start = b->size;
	uint8_t body[8 + 255 * 8 + 12 + 5 * 10 + 6] = {0, 0, 0xe0, 0xfe}, *at = body + 8;

	body[4] = s->pic || s->version < 901; /* PCAT_COMPAT: QEMU 292dd287e7 */
	for (unsigned i = 0; i < s->vcpus; i++, at += 8)
		memcpy(at, (uint8_t[]){0, 8, (uint8_t)i, (uint8_t)q35_apic_id(s, i), 1, 0, 0, 0},
		       8);
	memcpy(at, io_apic, sizeof(io_apic));
	at += sizeof(io_apic);
	for (size_t i = 0; i < COUNT_OF(overrides); i++, at += 10)
		memcpy(at,
		       (uint8_t[]){2, 10, 0, overrides[i][0], overrides[i][1], 0, 0, 0,
		                   overrides[i][2], 0},
		       10);
	memcpy(at, nmi, sizeof(nmi));
	at += sizeof(nmi);
	/* the revision: QEMU 6da94e277c */
	add_table(b, "APIC", s->version < 801 ? 1 : 3, body, (size_t)(at - body));
	seal(b, start);
}

static void add_rest(struct build *b)
{
	static const uint8_t hpet[] = {0x01, 0xa2, 0x86, 0x80, 0, 0, 0, 0, 0, 0,
	                               0xd0, 0xfe, 0,    0,    0, 0, 0, 0, 0, 0};
	static const uint8_t mcfg[] = {0, 0, 0, 0, 0, 0, 0, 0,   0, 0, 0, 0xe0,
	                               0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, 0};
	static const uint8_t waet[] = {2, 0, 0, 0}; /* the ACPI timer needs one read */
	size_t start = b->size;

	if (b->spec->hpet) {
		add_table(b, "HPET", 1, hpet, sizeof(hpet));
		seal(b, start);
		start = b->size;
	}
	add_table(b, "MCFG", 1, mcfg, sizeof(mcfg));
	seal(b, start);
	start = b->size;
	add_table(b, "WAET", 1, waet, sizeof(waet));
	seal(b, start);
}

static size_t add_rsdt(struct build *b)
{
	const size_t start = b->size;
	uint8_t body[4 * COUNT_OF(b->listed)];

	for (unsigned i = 0; i < b->count; i++)
		little(body + 4 * i, b->listed[i], 4);
	add_table(b, "RSDT", 1, body, 4 * b->count);
	for (unsigned i = 0; i < b->count; i++)
		pointer(b, "etc/acpi/tables", start + HEADER_SIZE + 4 * i, 4);
	seal(b, start);
	return start;
}

static int build(struct build *b, uint8_t rsdp[20])
{
	size_t rsdt;
	int r;

	allocate(b, "etc/acpi/rsdp", 16, 2);
	allocate(b, "etc/acpi/tables", 64, 1);
	memcpy(take(b, 64), "FACS\x40", 5);
	r = add_dsdt(b);
	if (r < 0)
		return r;
	add_facp(b);
	add_apic(b);
	add_rest(b);
	rsdt = add_rsdt(b);
	memcpy(rsdp, "RSD PTR \0BOCHS \0", 16);
	little(rsdp + 16, rsdt, 4);
	pointer(b, "etc/acpi/rsdp", 16, 4);
	checksum(b, "etc/acpi/rsdp", 8, 0, 20);
	return b->full ? -ENOTSUP : 0;
}

int tables_make(const struct tables_spec *spec, struct acpi_blobs *ret, struct err *e)
{
	struct acpi_blobs blobs = {.loader = {calloc(1, LOADER_SIZE), LOADER_SIZE},
	                           .rsdp = {calloc(1, 20), 20},
	                           .tables = {calloc(1, TABLES_SIZE), TABLES_SIZE}};
	struct build b = {.spec = spec,
	                  .tables = (uint8_t *)blobs.tables.data,
	                  .loader = (uint8_t *)blobs.loader.data};
	int r = -ENOMEM;

	if (b.tables && b.loader && blobs.rsdp.data)
		r = build(&b, (uint8_t *)blobs.rsdp.data);
	if (r < 0) {
		acpi_blobs_free(&blobs);
		return err_sys(e, r, "ACPI tables");
	}
	*ret = blobs;
	return 0;
}
