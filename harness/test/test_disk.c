/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <zlib.h>

#include "disk/disk.h"
#include "disk/fat.h"
#include "disk/gpt.h"
#include "format/bytes.h"
#include "format/sha2.h"
#include "measure/acpi.h"
#include "measure/predict.h"
#include "test/golden.h"
#include "test/kernel_image.h"
#include "test/tests.h"

/* What make.py printed: the disk as the guest sees it, and its partition table. */
static const struct image {
	const char *name;
	size_t size;
	const char *disk, *gpt;
} images[] = {
        {"disk/fat12.qcow2", 327680, "0f21df8a339480a4b38e9ec8", "dfbeb9ba75f76b27f6a89404"},
        {"disk/fat16.qcow2", 4259840, "f9e1eac608c5eb455e86fc10", "e56a303031c87d2e5bba0b4f"},
        {"disk/fat32.qcow2", 37814272, "1bee479a3b5e5b7ae0a1f8b4", "385c7e8442d99c31bea445a6"},
};

static struct disk *open_ok(const struct golden *g)
{
	struct disk *d;
	struct err e;

	ck_assert_msg(disk_open_memory((struct bytes){g->data, g->size}, &d, &e) == 0, "%s",
	              e.text);
	return d;
}

/* The whole disk, in pieces that do not respect clusters. */
static uint8_t *read_whole(struct disk *d, size_t size)
{
	uint8_t *whole = malloc(size);
	struct err e;

	ck_assert_ptr_nonnull(whole);
	ck_assert_uint_eq(disk_size(d), size);
	for (size_t at = 0; at < size;) {
		size_t n = size - at < 100001 ? size - at : 100001;

		ck_assert_msg(disk_read(d, at, whole + at, n, &e) == 0, "%s", e.text);
		at += n;
	}
	return whole;
}

TEST_RANGE(reads_what_qemu_img_wrote, 0, 3)
{
	const struct image *i = &images[_i];
	struct golden g = golden_read(i->name);
	struct disk *d = open_ok(&g);
	uint8_t *whole = read_whole(d, i->size), digest[48], byte;
	struct gpt gpt;
	struct err e;

	sha384(whole, i->size, digest);
	assert_hex("disk", digest, sizeof(digest), i->disk);
	ck_assert_int_eq(disk_read(d, i->size, &byte, 1, &e), -EBADMSG);
	ck_assert_int_eq(gpt_read(d, &gpt, &e), 0);
	sha384(gpt.event, gpt.event_size, digest);
	assert_hex("partition table", digest, sizeof(digest), i->gpt);
	ck_assert_uint_eq(gpt.partitions, 2);
	ck_assert(!gpt.partition[0].esp && gpt.partition[1].esp);
	free(whole);
	disk_free(d);
	golden_done(&g);
}

static void expect(const struct prediction *p, const char *what, unsigned rtmr, const char *hex)
{
	for (size_t i = 0; i < p->events; i++) {
		if (strcmp(p->event[i].what, what) != 0)
			continue;
		ck_assert_uint_eq(p->event[i].rtmr, rtmr);
		assert_hex(what, p->event[i].digest, 48, hex);
		return;
	}
	ck_abort_msg("no event '%s'", what);
}

TEST_RANGE(predicts_a_unified_kernel_image, 0, 3)
{
	struct golden g = golden_read(images[_i].name), f = golden_read("measure/tiny.fd");
	const struct pci_place place = {.device = 2};
	struct measure_inputs in = {.firmware = {f.data, f.size}, .boot_device = &place};
	struct prediction p;
	struct err e;

	in.disk = open_ok(&g);
	ck_assert_msg(predict(&in, &p, &e) == 0, "%s", e.text);
	expect(&p, "EFI/BOOT/BOOTX64.EFI", 1, "d28c970746490b933135eeae");
	expect(&p, "kernel (section .linux)", 1, "4a5c189a52ac828c266f1929");
	/* A genuine log's, of a GKE node that boots a unified kernel image. */
	expect(&p, "name of section .linux", 2, "2fdc85315776");
	expect(&p, "name of section .cmdline", 2, "93c4536618d5");
	expect(&p, "section .linux", 2, "cf5b043bf741508791c3fca3");
	expect(&p, "section .initrd", 2, "7ff1e69dac09401927127b65");
	expect(&p, "LOADED_IMAGE::LoadOptions", 2, "99e08049b80074bf3035bef0");
	expect(&p, "Linux initrd, as systemd-stub puts it together", 2, "080439d5eb95e4efc9229f66");
	ck_assert(p.known[1]);
	ck_assert(p.known[2]); /* also beside an empty loader/addons, in the first image */
	prediction_done(&p);
	disk_free(in.disk);
	golden_done(&g);
	golden_done(&f);
}

/* The data of Boot0001 and Boot0002 in logs of a TD with its disk at 1.0; see also BootOrder. */
TEST(describes_the_boot_device)
{
	struct golden g = golden_read("disk/fat16.qcow2"), f = golden_read("measure/tiny.fd");
	static const char devices[] = "virtio-blk-pci\n";
	const struct acpi_blobs acpi = {.devices = {(const uint8_t *)devices, sizeof(devices) - 1}};
	const struct pci_place place = {.device = 3};
	struct measure_inputs in = {
	        .firmware = {f.data, f.size}, .boot_device = &place, .acpi = &acpi};
	struct prediction p;

	in.disk = open_ok(&g);
	ck_assert_int_eq(predict(&in, &p, NULL), 0);
	/* cc-api's genuine log: two options, the disk is virtio-blk at device 3 */
	expect(&p, "variable BootOrder", 0, "52b9a02de946");
	expect(&p, "variable Boot0001 (the disk)", 0, "e1ebe64bc230");
	prediction_done(&p);
	disk_free(in.disk);
	golden_done(&g);
	golden_done(&f);
}

static const struct {
	size_t at;
	uint8_t value;
	int code;
	const char *text;
} damages[] = {
        {7, 4, -ENOTSUP, "qcow2: version 4"},
        {15, 1, -ENOTSUP, "qcow2: it has a backing file: flatten it with 'qemu-img convert'"},
        {23, 8, -EBADMSG, "qcow2: bad-value at byte 20"},
        {23, 22, -EBADMSG, "qcow2: bad-value at byte 20"},
        {27, 1, -EBADMSG, "qcow2: bad-count at byte 36"},
        {24, 2, -EBADMSG, "qcow2: bad-size at byte 24"},
        {35, 1, -ENOTSUP, "qcow2: it is encrypted"},
        {39, 0, -EBADMSG, "qcow2: bad-count at byte 36"},
        {40, 1, -EBADMSG, "qcow2: bad-value at byte 40"},
        {79, 2, -ENOTSUP, "qcow2: it is marked corrupt"},
        {79, 4, -ENOTSUP, "qcow2: it keeps its data in an external file"},
        {79, 32, -ENOTSUP, "qcow2: unknown features 0x20"},
        {103, 90, -EBADMSG, "qcow2: bad-size at byte 100"},
};

TEST_EACH(refuses_damaged_qcow2, damages)
{
	struct golden g = golden_read("disk/fat12.qcow2");
	struct disk *d;
	struct err e;

	g.data[damages[_i].at] = damages[_i].value;
	ck_assert_int_eq(disk_open_memory((struct bytes){g.data, g.size}, &d, &e),
	                 damages[_i].code);
	ck_assert_str_eq(e.text, damages[_i].text);
	golden_done(&g);
}

/* Damages to the disk itself, which is raw here: 64 sectors, then the FAT12 file system. */
#define ESP 32768
static const struct {
	size_t at;
	uint8_t value;
	const char *text;
} raw_damages[] = {
        {512, 'e', "partition table: bad-magic at byte 512"},
        {512 + 12, 93, "partition table: bad-size at byte 524"},
        {512 + 24, 2, "partition table: bad-value at byte 536"},
        {512 + 56, 1, "partition table: wrong checksum at byte 528"},
        {512 + 84, 64, "partition table: bad-size at byte 596"},
        {1024 + 60, 1, "partition table: wrong checksum at byte 1024"},
        {ESP + 510, 0, "FAT: bad-magic at byte 510 of the partition"},
        {ESP + 12, 3, "FAT: bad-value at byte 11 of the partition"},
        {ESP + 13, 3, "FAT: bad-value at byte 13 of the partition"},
        {ESP + 14, 0, "FAT: bad-value at byte 14 of the partition"},
        {ESP + 20, 9, "FAT: bad-size at byte 32 of the partition"},
        {ESP + 22, 1, "FAT: bad-size at byte 36 of the partition"},
        {ESP + 22, 255, "FAT: bad-size at byte 36 of the partition"},
        {ESP + 18, 0, "FAT: bad-count at byte 17 of the partition"},
};

TEST_EACH(damaged_disks_leave_registers_open, raw_damages)
{
	struct golden g = golden_read("disk/fat12.qcow2"), f = golden_read("measure/tiny.fd");
	struct measure_inputs in = {.firmware = {f.data, f.size}};
	struct disk *d = open_ok(&g);
	uint8_t *whole = read_whole(d, images[0].size);
	struct gpt table = {.partitions = 77};
	struct prediction p;
	struct err e;

	whole[raw_damages[_i].at] = raw_damages[_i].value;
	if (raw_damages[_i].at == ESP + 18)
		whole[ESP + 17] = 0;
	ck_assert_int_eq(disk_open_memory((struct bytes){whole, images[0].size}, &in.disk, &e), 0);
	ck_assert_int_eq(predict(&in, &p, &e), 0); /* MRTD is told all the same */
	ck_assert(!p.known[1] && !p.known[2] && p.known[3]);
	ck_assert_str_eq(p.reason[1], raw_damages[_i].text);
	prediction_done(&p);
	if (raw_damages[_i].at < ESP)
		ck_assert_int_eq(gpt_read(in.disk, &table, &e), -EBADMSG);
	ck_assert_uint_eq(table.partitions, 77); /* untouched */
	disk_free(in.disk);
	disk_free(d);
	free(whole);
	golden_done(&g);
	golden_done(&f);
}

/* ---- the same file system below other partition tables ---- */

enum { FAT_SIZE = 256 << 10, DATA = 64 << 10, OTHER_SIZE = DATA + 2 * FAT_SIZE };

static const char guid_esp[] = "\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b",
                  guid_basic[] = "\xa2\xa0\xd0\xeb\xe5\xb9\x33\x44\x87\xc0\x68\xb6\xb7\x26\x99\xc7";

static void put_gpt(uint8_t *disk, uint32_t sector, uint32_t entries, const char *type,
                    unsigned used)
{
	uint8_t *header = disk + sector, *entry = disk + 2 * sector;

	disk[446 + 4] = 0xee; /* the protective MBR */
	disk[446 + 8] = 1;
	for (unsigned i = 0; i < used; i++, entry += 128) {
		uint64_t start = DATA + (uint64_t)i * FAT_SIZE;

		memcpy(entry, type, 16);
		entry[16] = (uint8_t)(1 + i);
		put_le(entry + 32, start / sector, 8);
		put_le(entry + 40, (start + FAT_SIZE) / sector - 1, 8);
	}
	memcpy(header, "EFI PART", 8);
	put_le(header + 8, 0x10000, 4);
	put_le(header + 12, 92, 4);
	put_le(header + 24, 1, 8);
	put_le(header + 72, 2, 8);
	put_le(header + 80, entries, 4);
	put_le(header + 84, 128, 4);
	put_le(header + 88, crc32(0, disk + 2 * sector, 128 * entries), 4);
	put_le(header + 16, crc32(0, header, 92), 4);
}

static void put_mbr(uint8_t *disk, uint8_t type)
{
	uint8_t *entry = disk + 446;

	entry[4] = type;
	put_le(entry + 8, DATA / 512, 4);
	put_le(entry + 12, FAT_SIZE / 512, 4);
	memcpy(disk + 510, "\x55\xaa", 2);
}

static const struct {
	const char *what;
	uint32_t sector, entries; /* 0: no GPT */
	const char *type;
	uint8_t mbr; /* type; 0: none */
	bool second; /* the file system is in the second partition only */
	enum gpt_kind kind;
} tables[] = {
        {"GPT with an ESP", 512, 128, guid_esp, 0, false, GPT_TABLE},
        {"4096-byte sectors", 4096, 128, guid_esp, 0, false, GPT_TABLE},
        {"4 entries", 512, 4, guid_esp, 0, false, GPT_TABLE},
        {"256 entries", 512, 256, guid_esp, 0, false, GPT_TABLE},
        {"no ESP", 512, 128, guid_basic, 0, false, GPT_TABLE},
        {"the second of two", 512, 128, guid_basic, 0, true, GPT_TABLE},
        {"MBR with an ESP", 0, 0, NULL, 0xef, false, GPT_MBR},
        {"MBR, FAT", 0, 0, NULL, 0x0c, false, GPT_MBR},
        {"no table", 0, 0, NULL, 0, false, GPT_BARE},
};

/* Firmware measures a GPT, and no other table; it tries all FAT file systems, whatever their type. */
TEST_EACH(other_tables, tables)
{
	struct golden g = golden_read("disk/fat12.qcow2"), f = golden_read("measure/tiny.fd");
	struct measure_inputs in = {.firmware = {f.data, f.size}};
	struct disk *d = open_ok(&g);
	uint8_t *whole = read_whole(d, images[0].size), *disk = calloc(1, OTHER_SIZE);
	size_t size = OTHER_SIZE, measured = 0;
	struct prediction p;
	struct gpt gpt;
	struct err e;

	memcpy(disk + DATA + (tables[_i].second ? FAT_SIZE : 0), whole + ESP, FAT_SIZE);
	if (tables[_i].sector)
		put_gpt(disk, tables[_i].sector, tables[_i].entries, tables[_i].type,
		        tables[_i].second ? 2 : 1);
	else if (tables[_i].mbr)
		put_mbr(disk, tables[_i].mbr);
	else
		memcpy(disk, whole + ESP, size = FAT_SIZE);
	ck_assert_int_eq(disk_open_memory((struct bytes){disk, size}, &in.disk, &e), 0);
	ck_assert_msg(gpt_read(in.disk, &gpt, &e) == 0, "%s: %s", tables[_i].what, e.text);
	ck_assert_int_eq(gpt.kind, tables[_i].kind);
	ck_assert_int_eq(predict(&in, &p, &e), 0);
	ck_assert_msg(p.known[1], "%s: %s", tables[_i].what, p.reason[1]);
	for (size_t i = 0; i < p.events; i++)
		measured += strcmp(p.event[i].what, "partition table") == 0;
	ck_assert_uint_eq(measured, gpt.kind == GPT_TABLE);
	expect(&p, "EFI/BOOT/BOOTX64.EFI", 1, "d28c970746490b933135eeae");
	prediction_done(&p);
	if (tables[_i].sector) { /* an active entry protects nothing: no firmware looks further */
		disk[446] = 0x80;
		ck_assert_int_eq(gpt_read(in.disk, &gpt, &e), -ENOTSUP);
		ck_assert_ptr_nonnull(strstr(e.text, "protective MBR"));
	}
	disk_free(in.disk);
	disk_free(d);
	free(disk);
	free(whole);
	golden_done(&g);
	golden_done(&f);
}

/* The log of such a boot names the disk so. */
TEST(a_disk_without_a_table_has_another_name)
{
	static const char devices[] = "virtio-blk-pci\n";
	const struct acpi_blobs acpi = {.devices = {(const uint8_t *)devices, sizeof(devices) - 1}};
	const struct pci_place place = {.device = 1, .first = true, .others = 1};
	struct golden g = golden_read("disk/fat12.qcow2"), f = golden_read("measure/tiny.fd");
	struct measure_inputs in = {
	        .firmware = {f.data, f.size}, .boot_device = &place, .acpi = &acpi};
	struct disk *d = open_ok(&g);
	uint8_t *whole = read_whole(d, images[0].size);
	struct prediction p;
	struct err e;

	ck_assert_int_eq(disk_open_memory((struct bytes){whole + ESP, FAT_SIZE}, &in.disk, &e), 0);
	ck_assert_int_eq(predict(&in, &p, &e), 0);
	expect(&p, "variable Boot0001 (the disk)", 0, "3e08ae3469bf4462ff1cf810");
	prediction_done(&p);
	disk_free(in.disk);
	disk_free(d);
	free(whole);
	golden_done(&g);
	golden_done(&f);
}

/* QEMU's -kernel takes a unified kernel image, too: no partition table, the rest as from a disk. */
TEST(a_unified_kernel_image_by_kernel)
{
	struct golden g = golden_read("disk/fat32.qcow2"), f = golden_read("measure/tiny.fd");
	struct measure_inputs in = {.firmware = {f.data, f.size}, .qemu = 702, .memory = 1u << 30};
	struct prediction disk, kernel;
	struct bytes file = {NULL, 0};
	struct gpt gpt;
	struct fat fat;
	struct err e;

	in.disk = open_ok(&g);
	ck_assert_int_eq(predict(&in, &disk, &e), 0);
	ck_assert_int_eq(gpt_read(in.disk, &gpt, &e), 0);
	ck_assert_int_eq(fat_open(in.disk, gpt.partition[1].start, gpt.partition[1].size, &fat, &e),
	                 0);
	ck_assert_int_eq(fat_read_file(&fat, "EFI/BOOT/BOOTX64.EFI", 1 << 20, &file, &e), 0);
	in.kernel = file;
	ck_assert_int_eq(predict(&in, &kernel, &e), 0);
	ck_assert(kernel.known[1] && kernel.known[2]);
	expect(&kernel, "unified kernel image", 1, "d28c970746490b933135eeae");
	ck_assert_mem_eq(kernel.rtmr[2], disk.rtmr[2], 48);
	prediction_done(&kernel);
	in.cmdline = "quiet";
	ck_assert_int_eq(predict(&in, &kernel, &e), 0);
	ck_assert(kernel.known[1] && !kernel.known[2]);
	prediction_done(&kernel);
	prediction_done(&disk);
	free((void *)file.data);
	disk_free(in.disk);
	golden_done(&g);
	golden_done(&f);
}

/* What is in another form is named. */
static const struct {
	size_t at;
	const char *magic, *name;
} other_forms[] = {
        {0, "KDMV", "a VMDK image"},
        {0, "vhdxfile", "a VHDX image"},
        {64, "\x7f\x10\xda\xbe", "a VDI image"},
        {0, "conectix", "a dynamic VHD image"},
        {0, "\x1f\x8b", "a gzip file"},
        {0,
         "\xfd"
         "7zXZ",
         "an xz file"},
        {0, "\x28\xb5\x2f\xfd", "a zstd file"},
        {0, "IGVM", "an IGVM file"},
};

TEST_EACH(other_forms_are_named, other_forms)
{
	uint8_t disk[4096] = {0};
	struct disk *d;
	struct gpt gpt;
	struct err e;

	memcpy(disk + other_forms[_i].at, other_forms[_i].magic, strlen(other_forms[_i].magic));
	ck_assert_int_eq(disk_open_memory((struct bytes){disk, sizeof(disk)}, &d, &e), 0);
	ck_assert_int_eq(gpt_read(d, &gpt, &e), -ENOTSUP);
	ck_assert_msg(strstr(e.text, other_forms[_i].name), "%s", e.text);
	disk_free(d);
}

TEST(finds_files_by_long_names)
{
	struct golden g = golden_read("disk/fat32.qcow2");
	struct disk *d = open_ok(&g);
	struct bytes file = {NULL, 0};
	struct gpt gpt;
	struct fat fat;
	struct err e;

	ck_assert_int_eq(gpt_read(d, &gpt, &e), 0);
	ck_assert_int_eq(fat_open(d, gpt.partition[1].start, gpt.partition[1].size, &fat, &e), 0);
	ck_assert_uint_eq(fat.bits, 32);
	ck_assert_int_eq(fat_exists(&fat, "efi/A Name Longer Than Eight", &e), 1);
	ck_assert_int_eq(fat_exists(&fat, "efi/a name longer than eigh", &e), 0);
	ck_assert_int_eq(fat_exists(&fat, "EFI/BOOT/BOOTX64.EFI/x", &e), 0);
	ck_assert_int_eq(fat_read_file(&fat, "EFI/BOOT", 1 << 20, &file, &e), -ENOENT);
	ck_assert_int_eq(fat_read_file(&fat, "EFI/BOOT/BOOTX64.EFI", 100, &file, &e), -EFBIG);
	ck_assert_int_eq(fat_read_file(&fat, "EFI/BOOT/bootx64.efi", 1 << 20, &file, &e), 0);
	ck_assert_mem_eq(file.data, "MZ", 2);
	free((void *)file.data);
	disk_free(d);
	golden_done(&g);
}

#define FAT32_CLUSTERS_MIN 65525u /* below, edk2's FatOpenDevice() refuses it */

TEST(fat32_of_few_clusters_is_not_mounted)
{
	struct golden g = golden_read("disk/fat32.qcow2");
	struct disk *d = open_ok(&g), *fewer;
	struct gpt gpt;
	struct fat fat;
	struct err e;
	uint8_t *sectors;
	uint32_t least;

	ck_assert_int_eq(gpt_read(d, &gpt, &e), 0);
	const uint64_t start = gpt.partition[1].start, size = gpt.partition[1].size;
	const size_t end = (size_t)disk_size(d);
	uint8_t *whole = read_whole(d, end);
	ck_assert_int_eq(fat_open(d, start, size, &fat, &e), 0);
	sectors = whole + start + 32;
	memcpy(&least, sectors, sizeof(least)); /* little-endian, as here */
	least -= (fat.clusters - FAT32_CLUSTERS_MIN) * whole[start + 13];
	for (uint32_t i = 0; i < 2; i++) {
		const uint32_t total = least - i * whole[start + 13];

		memcpy(sectors, &total, sizeof(total));
		ck_assert_int_eq(disk_open_memory((struct bytes){whole, end}, &fewer, &e), 0);
		ck_assert_int_eq(fat_open(fewer, start, size, &fat, &e), i ? -EBADMSG : 0);
		ck_assert_uint_eq(fat.clusters, FAT32_CLUSTERS_MIN);
		disk_free(fewer);
	}
	free(whole);
	disk_free(d);
	golden_done(&g);
}

TESTS("disk", .timeout = 60)
