/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "format/eventlog.h"
#include "measure/boot.h"
#include "measure/fat.h"
#include "measure/gpt.h"
#include "measure/pe.h"
#include "measure/uki.h"

#define LOADER_MAX (512u << 20)           /* bytes of an image in the ESP */
#define FALLBACK   "EFI/BOOT/BOOTX64.EFI" /* what is started when no boot option names a file */

/* The first partition with a file system and that file in it. */
static int find_loader(struct disk *d, const struct gpt *gpt, struct fat *ret_fat,
                       struct bytes *ret, struct err *e)
{
	for (unsigned i = 0; i < gpt->partitions; i++) {
		const struct gpt_partition *p = &gpt->partition[i];
		int r;

		if (!p->esp)
			continue;
		r = fat_open(d, p->start, p->size, ret_fat, e);
		if (r == 0)
			r = fat_read_file(ret_fat, FALLBACK, LOADER_MAX, ret, e);
		if (r != -ENOENT)
			return r;
	}
	return err_set(e, -ENOENT, "disk: no EFI system partition with " FALLBACK);
}

static void measure_image(struct event_list *l, const struct pe *pe, const char *what)
{
	const struct event_tag tag = {1, EV_EFI_BOOT_SERVICES_APPLICATION, INPUT_DISK};
	uint8_t digest[48];

	pe_authenticode(pe, digest);
	event_add(l, tag, digest, "%s", what);
}

/* What the stub picks up beside the image, measured too. */
static int look_for_addons(struct event_list *l, const struct fat *fat, struct err *e)
{
	static const char *const places[] = {FALLBACK ".extra.d", "loader/addons",
	                                     "loader/credentials", "loader/extensions"};
	char reason[160];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int r = fat_exists(fat, places[i], e);

		if (r < 0)
			return r;
		if (r == 0)
			continue;
		snprintf(reason, sizeof(reason), "the disk has %s, which systemd-stub reads",
		         places[i]);
		event_open(l, 2, reason);
	}
	return 0;
}

/* An image in the ESP by its path, if it is there. */
static int measure_file(struct event_list *l, const struct fat *fat, const char *path,
                        const char *what, struct err *e)
{
	_cleanup_(bytes_free) struct bytes file = {NULL, 0};
	char text[96];
	struct pe pe;
	int r = fat_read_file(fat, path, LOADER_MAX, &file, e);

	if (r < 0)
		return r;
	r = pe_parse(file, &pe, e);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%s %s", what, path);
	measure_image(l, &pe, text);
	return 0;
}

static int measure_unknown_loader(struct event_list *l, const struct fat *fat, struct err *e)
{
	/* shim as the removable-media loader starts the fallback program beside it, which starts
	 * what the distribution's BOOTX64.CSV names: a chain that leaves this disk's ESP. */
	int r = fat_exists(fat, "EFI/BOOT/fbx64.efi", e);

	if (r > 0)
		r = measure_file(l, fat, "EFI/BOOT/fbx64.efi", "shim's fallback", e);
	if (r < 0)
		return r;
	event_open(l, 1,
	           "the disk's loader is no unified kernel image: what it starts is not foreseen");
	event_open(l, 2,
	           "the disk's loader is no unified kernel image: what it does is not foreseen");
	return 0;
}

static int measure_loader(struct event_list *l, const struct fat *fat, struct bytes file,
                          struct err *e)
{
	struct pe pe;
	int r = pe_parse(file, &pe, e);

	if (r < 0) {
		err_prefix(e, FALLBACK);
		return r;
	}
	measure_image(l, &pe, FALLBACK);
	if (!uki_is(&pe))
		return measure_unknown_loader(l, fat, e);
	r = look_for_addons(l, fat, e);
	return r < 0 ? r : uki_measure(l, &pe, e);
}

int boot_measure_disk(struct event_list *l, const struct firmware *f,
                      const struct measure_inputs *in, struct err *e)
{
	const struct event_tag tag = {1, EV_EFI_GPT_EVENT, INPUT_DISK};
	_cleanup_(bytes_free) struct bytes file = {NULL, 0};
	struct gpt gpt;
	struct fat fat;
	int r;

	r = boot_measure_ready(l, f, in, e);
	if (r < 0)
		return r;
	if (!in->disk) {
		event_open(l, 1, "neither a kernel nor a disk was given");
		event_open(l, 2, "neither a kernel nor a disk was given");
		return 0;
	}
	r = gpt_read(in->disk, &gpt, e);
	if (r < 0)
		return r;
	event_hash(l, tag, gpt.event, gpt.event_size, "partition table");
	r = find_loader(in->disk, &gpt, &fat, &file, e);
	return r < 0 ? r : measure_loader(l, &fat, file, e);
}
