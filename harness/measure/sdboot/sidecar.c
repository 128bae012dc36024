/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sdboot/sidecar.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "format/bytes.h"
#include "format/eventlog.h"
#include "measure/sdboot/text.h"

#define FILE_MAX   (512u << 20)
#define NAME_LIMIT 255 /* longer names are passed over */
#define COUNTERS   253 /* from this version on a boot counter is no part of the folder's name */

/* The place of a boot counter in a name, "+3-1" before its end or a dot: where it begins and ends.
 */
static bool find_counter(const char *path, size_t *ret_from, size_t *ret_to)
{
	const char *plus = strchr(path, '+'), *at;
	size_t digits;

	if (!plus)
		return false;
	at = plus + 1;
	digits = strspn(at, "0123456789");
	if (digits == 0)
		return false;
	at += digits;
	if (*at == '-') {
		digits = strspn(++at, "0123456789");
		if (digits == 0)
			return false;
		at += digits;
	}
	if (*at != '\0' && *at != '.')
		return false;
	*ret_from = (size_t)(plus - path);
	*ret_to = (size_t)(at - path);
	return true;
}

char *sidecar_folder(const char *path, const struct sd_program *p)
{
	size_t from = strlen(path), to = from;
	char *folder = NULL;

	if (p->version >= COUNTERS)
		find_counter(path, &from, &to);
	if (asprintf(&folder, "%.*s%s.extra.d", (int)from, path, path + to) < 0)
		return NULL;
	return folder;
}

/* ---- files of a folder ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct fat_entry *)a)->name, ((const struct fat_entry *)b)->name);
}

/* The names with one ending and without another, sorted; none where there is no such folder. */
static int list_files(const struct fat *fat, const char *folder, const char *ending,
                      const char *but, struct fat_entry **ret, size_t *ret_count, struct err *e)
{
	struct fat_entry *list = NULL;
	size_t count = 0, kept = 0;
	int r = fat_list(fat, folder, &list, &count, e);

	if (r < 0 && r != -ENOENT)
		return r;
	for (size_t i = 0; i < count; i++) {
		const char *name = list[i].name;

		if (name[0] == '.' || list[i].folder || !list[i].ascii ||
		    strlen(name) > NAME_LIMIT || !sd_ends(name, ending) ||
		    (but && sd_ends(name, but)))
			continue;
		list[kept++] = list[i];
	}
	if (kept > 0)
		qsort(list, kept, sizeof(*list), by_name);
	*ret = list;
	*ret_count = kept;
	return 0;
}

static int view_in(const struct fat *fat, const char *folder, const char *name, struct view *ret,
                   struct err *e)
{
	_cleanup_(freep) char *path = NULL;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return err_sys(e, -ENOMEM, "files beside the image");
	return fat_view_file(fat, path, FILE_MAX, ret, e);
}

/* ---- archives ---- */

struct archive {
	const char *folder;       /* NULL: the image's own */
	const char *ending, *but; /* of the files' names */
	const char *target;       /* the folder in the archive */
	unsigned folder_mode, file_mode;
	const char *what;
	bool global_extension;
};

static const struct archive archives[] = {
        {NULL, ".cred", NULL, ".extra/credentials", 0500, 0400, "credentials", false},
        {"loader/credentials", ".cred", NULL, ".extra/global_credentials", 0500, 0400,
         "global credentials", false},
        {NULL, ".raw", ".confext.raw", ".extra/sysext", 0555, 0444, "system extensions", false},
        {"loader/extensions", ".raw", ".confext.raw", ".extra/global_sysext", 0555, 0444,
         "global system extensions", true},
        {NULL, ".confext.raw", NULL, ".extra/confext", 0555, 0444, "configuration extensions",
         false},
        {"loader/extensions", ".confext.raw", NULL, ".extra/global_confext", 0555, 0444,
         "global configuration extensions", true},
};

/* Nothing where there are no such files. */
static int write_archive(void *initrd, const struct archive *a, const struct fat *fat,
                         const char *folder, struct err *e)
{
	_cleanup_(freep) struct fat_entry *list = NULL;
	struct cpio c = {initrd, 1, a->target, a->folder_mode, a->file_mode};
	size_t count = 0;
	int r = list_files(fat, folder, a->ending, a->but, &list, &count, e);

	if (r < 0 || count == 0)
		return r;
	initrd_pad4(initrd);
	cpio_folder(&c);
	for (size_t i = 0; i < count && r == 0; i++) {
		_cleanup_(view_done) struct view file = {0};

		r = view_in(fat, folder, list[i].name, &file, e);
		if (r == 0)
			cpio_file(&c, list[i].name, &file, file.bytes);
	}
	cpio_end(&c);
	return r;
}

/* The next kind that this program knows from *at on, which moves behind it. */
static bool next_archive(const struct sd_program *p, size_t *at, struct archive *ret)
{
	while (*at < COUNT_OF(archives)) {
		*ret = archives[(*at)++];
		if (ret->global_extension && !p->global_extensions)
			continue;
		if (p->version >= 255)
			return true;
		/* Up to 254 there are no configuration extensions: all are of the system. */
		ret->but = NULL;
		if (strcmp(ret->ending, ".confext.raw") != 0)
			return true;
	}
	return false;
}

typedef int (*archive_use)(void *userdata, const struct archive *a, const struct fat *fat,
                           const char *folder, struct err *e);

/* Of each kind, in their order; none without a file system. */
static int each_archive(const struct sd_program *p, const struct stub_start *s, archive_use use,
                        void *userdata, struct err *e)
{
	_cleanup_(freep) char *own = s->fat ? sidecar_folder(s->path, p) : NULL;
	struct archive a;
	size_t at = 0;
	int r = 0;

	if (!s->fat)
		return 0;
	if (!own)
		return err_sys(e, -ENOMEM, "files beside the image");
	while (r == 0 && next_archive(p, &at, &a))
		r = use(userdata, &a, s->fat, a.folder ? a.folder : own, e);
	return r;
}

static int measure_archive(void *list, const struct archive *a, const struct fat *fat,
                           const char *folder, struct err *e)
{
	struct initrd alone;
	uint8_t digest[48];
	int r;

	initrd_init(&alone);
	r = write_archive(&alone, a, fat, folder, e);
	initrd_final(&alone, digest);
	if (r == 0 && alone.size > 0)
		event_add(list, (struct event_tag){2, EV_IPL, INPUT_DISK}, digest, "%s initrd",
		          a->what);
	return r;
}

int sidecar_measure(struct event_list *l, const struct sd_program *p, const struct stub_start *s,
                    struct err *e)
{
	return p->measures ? each_archive(p, s, measure_archive, l, e) : 0;
}

int sidecar_append(const struct sd_program *p, const struct stub_start *s, struct initrd *initrd,
                   struct err *e)
{
	return each_archive(p, s, write_archive, initrd, e);
}

/* ---- add-ons ---- */

void addons_done(struct addons *a)
{
	for (size_t i = 0; i < a->files; i++) {
		view_done(a->file[i]);
		free(a->file[i]);
	}
	free(a->file);
	free(a->initrd);
	free(a->ucode);
	free(a->dtb);
	free(a->cmdline);
	*a = (struct addons){0};
}

static int keep_part(struct addon_part **list, size_t *count, const struct pe *pe,
                     const char *section, struct err *e)
{
	const struct pe_section *s = pe_find(pe, section);
	struct addon_part *grown;

	if (!s)
		return 0;
	grown = reallocarray(*list, *count + 1, sizeof(**list));
	if (!grown)
		return err_sys(e, -ENOMEM, "add-on");
	*list = grown;
	grown[(*count)++] = (struct addon_part){pe->view, pe_bytes(pe, s)};
	return 0;
}

/* Whether its .uname, where it has one, is the image's: as far as the shorter of them goes. */
static bool is_for(const struct pe *pe, const char *uname)
{
	const struct pe_section *s = pe_find(pe, ".uname");
	struct bytes b;

	if (!uname || !s)
		return true;
	b = pe_bytes(pe, s);
	return strncmp(uname, (const char *)b.data, b.size) == 0;
}

static int keep_cmdline(const struct sd_program *p, const struct pe *pe, char **cmdline,
                        struct err *e)
{
	const struct pe_section *s = pe_find(pe, ".cmdline");
	_cleanup_(freep) char *text = NULL;

	if (!s)
		return 0;
	text = sd_text(pe_bytes(pe, s));
	if (!text)
		return err_sys(e, -ENOMEM, "add-on");
	if (p->version >= 255)
		sd_mangle(text, p);
	*cmdline = sd_join(*cmdline, text);
	return *cmdline ? 0 : err_sys(e, -ENOMEM, "add-on");
}

static int load_addon(struct event_list *l, const struct sd_program *p, const struct stub_start *s,
                      const struct pe *pe, const char *name, const char *uname, struct addons *a,
                      struct err *e)
{
	const struct event_tag tag = {1, EV_EFI_BOOT_SERVICES_APPLICATION, INPUT_DISK};
	uint8_t digest[48];
	int r;

	if (admission_ask(s->admission, pe, "an add-on") == REFUSED)
		return 0; /* the others may still be loaded */
	pe_authenticode(pe, digest);
	event_add(l, tag, digest, "add-on %s", name);
	if (pe_find(pe, ".linux") || !is_for(pe, uname))
		return 0;
	r = keep_cmdline(p, pe, &a->cmdline, e);
	if (r < 0 || p->version < 255)
		return r;
	if (pe_find(pe, ".dtbauto"))
		event_open(l, 2, "an add-on has a section .dtbauto");
	r = keep_part(&a->dtb, &a->dtbs, pe, ".dtb", e);
	if (r == 0)
		r = keep_part(&a->initrd, &a->initrds, pe, ".initrd", e);
	if (r == 0)
		r = keep_part(&a->ucode, &a->ucodes, pe, ".ucode", e);
	return r;
}

static int keep_file(struct addons *a, const struct fat *fat, const char *folder, const char *name,
                     const struct view **ret, struct err *e)
{
	struct view **grown = reallocarray(a->file, a->files + 1, sizeof(*grown));
	struct view *file;
	int r;

	if (!grown)
		return err_sys(e, -ENOMEM, "add-on");
	a->file = grown;
	file = calloc(1, sizeof(*file));
	if (!file)
		return err_sys(e, -ENOMEM, "add-on");
	grown[a->files++] = file;
	r = view_in(fat, folder, name, file, e);
	*ret = file;
	return r;
}

static int load_folder(struct event_list *l, const struct sd_program *p,
                       const struct stub_start *s, const char *folder, const char *uname, struct addons *a, struct err *e)
{
	_cleanup_(freep) struct fat_entry *list = NULL;
	size_t count = 0;
	int r = list_files(s->fat, folder, ".addon.efi", NULL, &list, &count, e);

	for (size_t i = 0; i < count && r == 0; i++) {
		const struct view *file = NULL;
		struct pe pe;

		r = keep_file(a, s->fat, folder, list[i].name, &file, e);
		if (r == 0)
			r = pe_parse_view(file, &pe, e);
		if (r == 0)
			r = load_addon(l, p, s, &pe, list[i].name, uname, a, e);
	}
	return r;
}

/* Up to 254 each folder's command lines are cleaned up together. */
static void mangle_folder(const struct sd_program *p, struct addons *a)
{
	if (a->cmdline && p->version < 255)
		sd_mangle(a->cmdline, p);
}

int addons_load(struct event_list *l, const struct sd_program *p, const struct stub_start *s,
                const char *uname, struct addons *ret, struct err *e)
{
	_cleanup_(freep) char *own = NULL;
	int r;

	if (!s->fat || !p->addons)
		return 0;
	own = sidecar_folder(s->path, p);
	if (!own)
		return err_sys(e, -ENOMEM, "add-on");
	r = load_folder(l, p, s, "loader/addons", uname, ret, e);
	mangle_folder(p, ret);
	if (r == 0)
		r = load_folder(l, p, s, own, uname, ret, e);
	mangle_folder(p, ret);
	return r;
}
