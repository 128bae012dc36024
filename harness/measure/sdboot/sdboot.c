/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sdboot/sdboot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "format/bytes.h"
#include "format/eventlog.h"
#include "measure/boot.h"
#include "measure/kernel.h"
#include "measure/sdboot/config.h"
#include "measure/sdboot/cpio.h"
#include "measure/sdboot/objects.h"
#include "measure/sdboot/order.h"
#include "measure/sdboot/stub.h"
#include "measure/sdboot/text.h"

#define CONFIG         "loader/loader.conf"
#define CONFIG_MAX     (1u << 20)
#define IMAGE_MAX      (512u << 20)
#define DRIVERS_FOLDER "EFI/systemd/drivers"
#define KEYS_FOLDER    "loader/keys"

struct sdboot { /* one that runs */
	struct event_list *l;
	struct sd_program program;
	const struct sdboot_start *start;
	struct sd_config config;
	struct sd_entries *list;
	struct fat extended; /* the extended boot loader partition */
};

bool sdboot_is(const struct pe *pe)
{
	struct sd_program p;

	return sd_program_read(pe, "boot", &p) > 0;
}

static void leave_open(struct event_list *l, const char *reason)
{
	event_open(l, 1, reason);
	event_open(l, 2, reason);
}

/* ---- before an entry is taken ---- */

static int check_folders(struct sdboot *b, struct err *e)
{
	_cleanup_(freep) struct fat_entry *file = NULL;
	size_t count = 0;
	int r = fat_list(b->start->fat, DRIVERS_FOLDER, &file, &count, e);

	if (r < 0 && r != -ENOENT)
		return r;
	for (size_t i = 0; i < count; i++) {
		if (!file[i].folder && file[i].name[0] != '.' && sd_ends(file[i].name, "x64.efi"))
			for (unsigned k = 0; k < 3; k++)
				event_open(b->l, k,
				           "the disk has drivers for systemd-boot to load");
	}
	r = b->start->setup_mode ? fat_exists(b->start->fat, KEYS_FOLDER, e) : 0;
	if (r > 0)
		leave_open(b->l, "the disk has keys for Secure Boot that systemd-boot may enroll");
	return r < 0 ? r : 0;
}

static int read_config(struct sdboot *b, struct err *e)
{
	const struct event_tag tag = {1, EV_IPL, INPUT_DISK};
	_cleanup_(bytes_free) struct bytes file = {NULL, 0};
	_cleanup_(freep) char *text = NULL;
	int r = fat_read_file(b->start->fat, CONFIG, CONFIG_MAX, &file, e);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (b->program.measures && b->program.tagged)
		event_hash(b->l, tag, file.data, file.size, "%s", CONFIG);
	text = sd_text(file);
	return text ? sd_config_read(text, &b->program, &b->config, e)
	            : err_sys(e, -ENOMEM, CONFIG);
}

/* What systemd-boot knows of its own place: "\EFI\BOOT\BOOTX64.EFI". */
static char *own_path(const char *path)
{
	char *rooted = NULL, *own;

	if (asprintf(&rooted, "/%s", path) < 0)
		return NULL;
	own = sd_path(rooted);
	free(rooted);
	return own;
}

static int load_entries(struct sdboot *b, struct err *e)
{
	const struct sdboot_start *s = b->start;
	_cleanup_(freep) char *own = own_path(s->path);
	int r = own ? sd_entries_load(b->list, &b->program, s->fat, own, e)
	            : err_sys(e, -ENOMEM, "boot entries");

	for (unsigned i = 0; r == 0 && i < s->gpt->partitions; i++) {
		const struct gpt_partition *p = &s->gpt->partition[i];

		if (!p->xbootldr)
			continue;
		r = fat_open(s->disk, p->start, p->size, &b->extended, e);
		if (r == 0)
			r = sd_entries_load(b->list, &b->program, &b->extended, NULL, e);
		else if (r == -EBADMSG)
			r = 0; /* no file system that firmware can read */
		break;
	}
	sd_entries_sort(b->list, &b->program);
	return r;
}

/* ---- starting an entry ---- */

static int view_path(const struct sd_entry *n, const char *path, struct view *ret, struct err *e)
{
	_cleanup_(freep) char *plain = sd_fat_path(path);

	return plain ? fat_view_file(n->fat, plain, IMAGE_MAX, ret, e)
	             : err_sys(e, -ENOMEM, "boot entry");
}

/* All initrds in one: up to 254 one directly after the other, later each at a multiple of 4. */
static int join_initrds(const struct sdboot *b, const struct sd_entry *n, struct initrd *out,
                        struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < n->initrds && r == 0; i++) {
		_cleanup_(view_done) struct view file = {0};

		r = view_path(n, n->initrd[i], &file, e);
		if (r == 0 && file.bytes.size == 0)
			event_open(b->l, 2, "a boot entry has an empty initrd");
		if (r < 0 || file.bytes.size == 0)
			continue;
		if (b->program.version >= 257)
			initrd_pad4(out);
		initrd_append_view(out, &file, file.bytes);
	}
	return r;
}

/* "initrd=" for each, then the options; NULL where nothing is handed over. */
static int make_options(const struct sd_entry *n, char **ret, struct err *e)
{
	char *options = NULL, number[24];

	snprintf(number, sizeof(number), "@%u", n->profile);
	if (n->profile > 0)
		options = strdup(number);
	for (size_t i = 0; n->kind == SD_LINUX && i < n->initrds; i++) {
		char *joined = sd_join(options, "initrd=");

		options = NULL;
		if (joined && asprintf(&options, "%s%s", joined, n->initrd[i]) < 0)
			options = NULL;
		free(joined);
		if (!options)
			return err_sys(e, -ENOMEM, "boot entry");
	}
	if (n->options && !n->options_own) {
		options = sd_join(options, n->options);
		if (!options)
			return err_sys(e, -ENOMEM, "boot entry");
	}
	*ret = options;
	return 0;
}

static int start_kernel(struct sdboot *b, const struct sd_entry *n, const struct view *kernel,
                        const char *options, struct err *e)
{
	struct initrd initrd;
	uint8_t digest[48];
	int r;

	initrd_init(&initrd);
	r = n->kind == SD_LINUX ? join_initrds(b, n, &initrd, e) : 0;
	initrd_final(&initrd, digest);

	if (r == 0 && boot_stub_measures(b->l, kernel, kernel->bytes)) {
		if (options && options[0])
			r = sd_measure_text(b->l, EV_EVENT_TAG, options,
			                    "LOADED_IMAGE::LoadOptions", e);
		if (initrd.size > 0)
			event_add(b->l, (struct event_tag){2, EV_EVENT_TAG, INPUT_DISK}, digest,
			          "Linux initrd");
	}
	if (r == 0)
		boot_measure_exit(b->l);
	return r;
}

static int start_uki(struct sdboot *b, const struct sd_entry *n, const struct pe *pe,
                     const char *options, struct err *e)
{
	_cleanup_(freep) char *path = sd_fat_path(n->loader);
	struct stub_start s = {
	        .fat = n->fat,
	        .path = path,
	        .options = options,
	        .smbios_done = b->program.smbios,
	        .read_only = b->start->read_only,
	        .smbios = b->start->smbios,
	        .admission = b->start->admission,
	};

	if (!path)
		return err_sys(e, -ENOMEM, "boot entry");
	if (n->kind == SD_LINUX && n->initrds > 0)
		event_open(b->l, 2, "an entry has an initrd for a unified kernel image");
	if (n->tries_left >= 0 && b->program.version < 253)
		event_open(b->l, 2, "the image is renamed before it looks for what is beside it");
	return stub_measure(b->l, pe, &s, e);
}

static int start_program(struct sdboot *b, const struct sd_entry *n, const struct view *image,
                         struct err *e)
{
	const struct event_tag tag = {1, EV_EFI_BOOT_SERVICES_APPLICATION, INPUT_DISK};
	_cleanup_(freep) char *options = NULL;
	uint8_t digest[48];
	struct pe pe;
	int r = pe_parse_view(image, &pe, e);

	if (r < 0)
		return r;
	if (admission_ask(b->start->admission, &pe, "a boot entry's program") == REFUSED) {
		admission_refused(b->start->admission, &pe, "a boot entry's program");
		return 0;
	}
	pe_authenticode(&pe, digest);
	event_add(b->l, tag, digest, "%s", n->loader);
	r = make_options(n, &options, e);
	if (r == 0 && options && b->program.measures)
		r = sd_measure_text(b->l, EV_IPL, options, "options of the boot entry", e);
	if (r < 0)
		return r;
	if (uki_is(&pe))
		return start_uki(b, n, &pe, options, e);
	if (kernel_is_linux(image->bytes))
		return start_kernel(b, n, image, options, e);
	leave_open(b->l, "what systemd-boot starts is no Linux: what it does is not foreseen");
	return 0;
}

static int start_entry(struct sdboot *b, const struct sd_entry *n, struct err *e)
{
	_cleanup_(view_done) struct view image = {0};
	int r;

	if (n->kind == SD_URL || n->extras) {
		leave_open(b->l, "a boot entry with uki-url or extra is not foreseen");
		return 0;
	}
	if (n->devicetree)
		leave_open(b->l, "a boot entry with a device tree is not foreseen");
	r = view_path(n, n->loader, &image, e);
	return r < 0 ? r : start_program(b, n, &image, e);
}

static int run_sdboot(struct sdboot *b, struct err *e)
{
	const struct sd_entry *n;
	const char *reason;
	int r;

	if (b->program.smbios)
		objects_measure(b->l, b->start->smbios);
	r = check_folders(b, e);
	if (r == 0)
		r = read_config(b, e);
	if (r == 0)
		r = load_entries(b, e);
	if (r < 0)
		return r;
	n = sd_config_select(&b->config, &b->program, b->list, &reason);
	if (n)
		return start_entry(b, n, e);
	leave_open(b->l, reason);
	return 0;
}

int sdboot_measure(struct event_list *l, const struct pe *pe, const struct sdboot_start *s,
                   struct err *e)
{
	struct sdboot b = {.l = l, .start = s, .list = calloc(1, sizeof(*b.list))};
	int r;

	if (!b.list)
		return err_sys(e, -ENOMEM, "boot entries");
	sd_program_read(pe, "boot", &b.program);
	sd_program_check(l, &b.program, "boot", 0, 2);
	r = run_sdboot(&b, e);
	sd_entries_done(b.list);
	free(b.list);
	sd_config_done(&b.config);
	return r;
}
