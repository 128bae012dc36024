/* SPDX-License-Identifier: Apache-2.0 */
#include "disk/ext.h"
#include "fuzz/fuzz.h"

/* An ext4 file system, the whole way through the confined process that has libext2fs read it: each
 * input starts one.
 * Seeds: cases/golden/ext4
 * Runs: 500000 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes file = {NULL, 0};
	enum ext_kind kind;
	struct disk *d;
	struct ext *x;

	if (disk_open_memory((struct bytes){data, size}, &d, NULL) < 0)
		return 0;
	if (ext_open(d, 0, disk_size(d), &x, NULL) == 0) {
		if (ext_read_file(x, "/boot/grub/grub.cfg", 1 << 20, &file, NULL) == 0)
			free((void *)file.data);
		ext_kind(x, "/link/grub.cfg", &kind, NULL);
		ext_kind(x, "/boot/nothing", &kind, NULL);
		ext_free(x);
	}
	disk_free(d);
	return 0;
}
