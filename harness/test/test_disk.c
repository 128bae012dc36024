/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>

#include "disk/disk.h"
#include "disk/fat.h"
#include "disk/gpt.h"
#include "format/bytes.h"
#include "format/sha2.h"
#include "measure/acpi.h"
#include "measure/predict.h"
#include "test/golden.h"
#include "test/kernel_image.h"

/* What make.py printed: the disk as the guest sees it, and its partition table. */
static const struct image {
	const char *name;
	size_t size;
	const char *disk, *gpt;
} images[] = {
        {"disk/fat12.qcow2", 327680, "9d4f63888666a4a4008ccee4", "dfbeb9ba75f76b27f6a89404"},
        {"disk/fat16.qcow2", 4259840, "6190dc445acff19dc785a4dd", "e56a303031c87d2e5bba0b4f"},
        {"disk/fat32.qcow2", 37814272, "5404a1c3fefc859d68b7bcbc", "385c7e8442d99c31bea445a6"},
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

START_TEST(reads_what_qemu_img_wrote)
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
END_TEST

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

START_TEST(predicts_a_unified_kernel_image)
{
	struct golden g = golden_read(images[_i].name), f = golden_read("measure/tiny.fd");
	const struct pci_place place = {.device = 2};
	struct measure_inputs in = {.firmware = {f.data, f.size}, .boot_device = &place};
	struct prediction p;
	struct err e;

	in.disk = open_ok(&g);
	ck_assert_msg(predict(&in, &p, &e) == 0, "%s", e.text);
	expect(&p, "EFI/BOOT/BOOTX64.EFI", 1, "273cd4dd425b3f48fecd87db");
	expect(&p, "kernel (section .linux)", 1, "4a5c189a52ac828c266f1929");
	/* A genuine log's, of a GKE node that boots a unified kernel image. */
	expect(&p, "name of section .linux", 2, "2fdc85315776");
	expect(&p, "name of section .cmdline", 2, "93c4536618d5");
	expect(&p, "section .linux", 2, "cf5b043bf741508791c3fca3");
	expect(&p, "section .initrd", 2, "7ff1e69dac09401927127b65");
	expect(&p, "LOADED_IMAGE::LoadOptions", 2, "99e08049b80074bf3035bef0");
	expect(&p, "Linux initrd, as systemd-stub puts it together", 2, "080439d5eb95e4efc9229f66");
	ck_assert(p.known[1]);
	if (_i == 0)
		ck_assert_str_eq(p.reason[2],
		                 "the disk has loader/addons, which systemd-stub reads");
	else
		ck_assert(p.known[2]);
	prediction_done(&p);
	disk_free(in.disk);
	golden_done(&g);
	golden_done(&f);
}
END_TEST

/* The data of Boot0001 and Boot0002 in logs of a TD with its disk at 1.0; see also BootOrder. */
START_TEST(describes_the_boot_device)
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
END_TEST

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

START_TEST(refuses_damaged_qcow2)
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
END_TEST

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

START_TEST(refuses_damaged_disks)
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
	ck_assert_int_eq(predict(&in, &p, &e), -EBADMSG);
	ck_assert_str_eq(e.text, raw_damages[_i].text);
	if (raw_damages[_i].at < ESP)
		ck_assert_int_eq(gpt_read(in.disk, &table, &e), -EBADMSG);
	ck_assert_uint_eq(table.partitions, 77); /* untouched */
	disk_free(in.disk);
	disk_free(d);
	free(whole);
	golden_done(&g);
	golden_done(&f);
}
END_TEST

START_TEST(finds_files_by_long_names)
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
END_TEST

int main(void)
{
	Suite *suite = suite_create("disk");
	TCase *t = tcase_create("disk");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, reads_what_qemu_img_wrote, 0, 3);
	tcase_add_loop_test(t, predicts_a_unified_kernel_image, 0, 3);
	tcase_add_test(t, describes_the_boot_device);
	tcase_add_loop_test(t, refuses_damaged_qcow2, 0, COUNT_OF(damages));
	tcase_add_loop_test(t, refuses_damaged_disks, 0, COUNT_OF(raw_damages));
	tcase_add_test(t, finds_files_by_long_names);
	suite_add_tcase(suite, t);
	return golden_run(suite);
}
