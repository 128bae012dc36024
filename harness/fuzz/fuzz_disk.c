/* SPDX-License-Identifier: Apache-2.0 */
#include "disk/fat.h"
#include "disk/gpt.h"
#include "fuzz/fuzz.h"

static void look_inside(struct disk *d, uint64_t start, uint64_t size)
{
	struct bytes file = {NULL, 0};
	struct view_plan plan = {0};
	struct fat fat;

	if (fat_open(d, start, size, &fat, NULL) < 0)
		return;
	if (fat_read_file(&fat, "EFI/BOOT/BOOTX64.EFI", 1 << 20, &file, NULL) == 0)
		free((void *)file.data);
	disk_plan(d, start, size < 1 << 20 ? size : 1 << 20, &plan);
	view_plan_done(&plan);
	fat_exists(&fat, "loader/addons", NULL);
}

/* Disk images: qcow2 or raw, the partition table, FAT. The file system is also tried by itself,
 * because the table's checksums are hard to guess. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct disk *d;
	struct gpt gpt;

	if (disk_open_memory((struct bytes){data, size}, &d, NULL) < 0)
		return 0;
	if (gpt_read(d, &gpt, NULL) == 0) {
		for (unsigned i = 0; i < gpt.partitions; i++)
			look_inside(d, gpt.partition[i].start, gpt.partition[i].size);
	}
	look_inside(d, 0, disk_size(d));
	if (disk_size(d) > 64 * DISK_SECTOR)
		look_inside(d, 64 * DISK_SECTOR, disk_size(d) - 64 * DISK_SECTOR);
	disk_free(d);
	return 0;
}
