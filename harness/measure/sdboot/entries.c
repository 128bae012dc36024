/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sdboot/entries.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "format/bytes.h"
#include "measure/sdboot/text.h"

#define TYPE1_FOLDER "loader/entries"
#define TYPE2_FOLDER "EFI/Linux"
#define TEXT_MAX     (1u << 20)
#define IMAGE_MAX    (512u << 20)
#define PROFILES_MAX 256u

static int no_memory(struct err *e)
{
	return err_sys(e, -ENOMEM, "boot entries");
}

static void entry_done(struct sd_entry *n)
{
	char *text[] = {n->id,      n->id_base, n->sort_key, n->machine_id,
	                n->version, n->loader,  n->options,  n->devicetree};

	for (size_t i = 0; i < COUNT_OF(text); i++)
		free(text[i]);
	for (size_t i = 0; i < n->initrds; i++)
		free(n->initrd[i]);
}

void sd_entries_done(struct sd_entries *list)
{
	for (size_t i = 0; i < list->count; i++)
		entry_done(&list->entry[i]);
	list->count = 0;
}

static void give_up(struct sd_entries *list, const char *why, const char *file)
{
	if (!list->reason[0])
		snprintf(list->reason, sizeof(list->reason), "%.60s: %.80s", file, why);
}

static char *lowered(const char *text)
{
	char *copy = strdup(text);

	for (char *at = copy; at && *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return copy;
}

static void replace(char **old, char *text)
{
	free(*old);
	*old = text;
}

/* ---- boot counters: "name+LEFT-DONE.conf" ---- */

/* Digits at *at; false where there are none or too many. */
static bool take_number(const char **at, long *ret)
{
	size_t digits = strspn(*at, "0123456789");
	unsigned long long n = strtoull(*at, NULL, 10);

	if (digits == 0 || digits > 18 || n > INT32_MAX)
		return false;
	*ret = (long)n;
	*at += digits;
	return true;
}

/* The length of the name before the counter, or 0 when it has none. */
static size_t parse_counter(const char *file, const char *ending, long *ret_left, long *ret_done)
{
	const char *plus = strrchr(file, '+'), *at = plus ? plus + 1 : NULL;
	long left, done = 0;

	if (!plus || !take_number(&at, &left))
		return 0;
	if (*at == '-' && (at++, !take_number(&at, &done)))
		return 0;
	if (strcasecmp(at, ending) != 0)
		return 0;
	*ret_left = left;
	*ret_done = done;
	return (size_t)(plus - file);
}

/* How the entry is called: by its file, in small letters; since 257 without the counter, and then
 * as it is written (of type 2) or was (of type 1, 257). */
static char *make_id(struct sd_entry *n, const struct sd_program *p, const char *file,
                     const char *ending)
{
	long left = -1, done = -1;
	size_t stem = parse_counter(file, ending, &left, &done);
	char *id = NULL;

	n->tries_left = left;
	n->tries_done = done;
	if (left < 0 || p->version < 257)
		return lowered(file);
	if (asprintf(&id, "%.*s%s", (int)stem, file, ending) < 0)
		return NULL;
	if (p->version >= 262 && n->kind != SD_TYPE2)
		replace(&id, lowered(id));
	return id;
}

/* ---- type 1 ---- */

/* "linux", "efi" and so on name the program; since 262 two kinds in one file are one too many. */
static void take_program(struct sd_entry *n, const struct sd_program *p, enum sd_kind kind,
                         const char *value)
{
	if (p->version >= 262 && n->kind != 0 && n->kind != kind) {
		n->kind = SD_IGNORED;
		return;
	}
	n->kind = kind;
	replace(&n->loader, sd_path(value));
}

static void take_efi(struct sd_entry *n, const struct sd_program *p, const char *value,
                     const char *own)
{
	take_program(n, p, SD_EFI, value);
	if (own && n->loader && strcasecmp(n->loader, own) == 0)
		n->kind = SD_IGNORED;
}

static void take_line(struct sd_entry *n, const struct sd_program *p, const struct sd_line *line,
                      const char *own)
{
	const char *key = line->key, *value = line->value;
	bool new = p->version >= 262;

	if (strcmp(key, "sort-key") == 0)
		replace(&n->sort_key, strdup(value));
	else if (strcmp(key, "version") == 0)
		replace(&n->version, strdup(value));
	else if (strcmp(key, "machine-id") == 0)
		replace(&n->machine_id, strdup(value));
	else if (strcmp(key, "linux") == 0)
		take_program(n, p, SD_LINUX, value);
	else if (strcmp(key, "efi") == 0)
		take_efi(n, p, value, own);
	else if (new &&strcmp(key, "uki") == 0)
		take_program(n, p, SD_UKI, value);
	else if (new &&strcmp(key, "uki-url") == 0)
		take_program(n, p, SD_URL, value);
	else if (new &&strcmp(key, "extra") == 0)
		n->extras = true;
	else if (new &&strcmp(key, "profile") == 0 && isdigit((unsigned char)*value))
		n->profile = (unsigned)strtoul(value, NULL, 10);
	else if (strcmp(key, "architecture") == 0 && strcasecmp(value, "x64") != 0)
		n->kind = SD_IGNORED;
	else if (strcmp(key, "devicetree") == 0)
		replace(&n->devicetree, sd_path(value));
	else if (strcmp(key, "initrd") == 0 && n->initrds < SD_INITRDS_MAX)
		n->initrd[n->initrds++] = sd_path(value);
	else if (strcmp(key, "options") == 0)
		n->options = n->options ? sd_join(n->options, value) : strdup(value);
}

/* Whether the program is there; else the entry is not shown. */
static int program_exists(const struct fat *fat, const char *loader, struct err *e)
{
	_cleanup_(freep) char *path = sd_fat_path(loader);

	return path ? fat_exists(fat, path, e) : no_memory(e);
}

static void check_type1(struct sd_entries *list, const struct sd_entry *n, const char *file)
{
	bool ascii = !n->loader || sd_is_ascii(n->loader);

	for (size_t i = 0; i < n->initrds; i++)
		ascii = ascii && n->initrd[i] && sd_is_ascii(n->initrd[i]);
	if (!ascii)
		give_up(list, "a path that is not ASCII", file);
	if (n->initrds == SD_INITRDS_MAX)
		give_up(list, "too many initrds", file);
}

static int add_type1(struct sd_entries *list, const struct sd_program *p, const struct fat *fat,
                     const char *file, char *text, const char *own, struct err *e)
{
	struct sd_entry n = {.tries_left = -1, .tries_done = -1, .fat = fat};
	struct sd_line line;
	int r = 0;

	while (n.kind != SD_IGNORED && sd_next_line(&text, " \t", &line))
		take_line(&n, p, &line, own);
	check_type1(list, &n, file);
	if (n.kind != 0 && n.kind != SD_IGNORED) {
		n.id = make_id(&n, p, file, ".conf");
		if (!n.id || !n.loader)
			r = no_memory(e);
		else
			r = n.kind == SD_URL ? 1 : program_exists(fat, n.loader, e);
	}
	if (r > 0)
		list->entry[list->count++] = n;
	else
		entry_done(&n);
	return r < 0 ? r : 0;
}

/* ---- type 2 ---- */

/* The sections of one profile, or those before the first one: their range in the table. */
struct range {
	unsigned from, to;
};

static bool find_profile(const struct pe *pe, unsigned profile, struct range *ret)
{
	unsigned number = 0;
	bool found = false;

	for (unsigned i = 0; i < pe->sections; i++) {
		if (strcmp(pe->section[i].name, ".profile") != 0)
			continue;
		if (found) {
			ret->to = i;
			return true;
		}
		if (number++ == profile) {
			*ret = (struct range){i, pe->sections};
			found = true;
		}
	}
	return found;
}

static struct range base_sections(const struct pe *pe)
{
	struct range r = {0, 0};

	while (r.to < pe->sections && strcmp(pe->section[r.to].name, ".profile") != 0)
		r.to++;
	return r;
}

static const struct pe_section *find_in(const struct pe *pe, struct range r, const char *name)
{
	for (unsigned i = r.from; i < r.to; i++) {
		if (strcmp(pe->section[i].name, name) == 0)
			return &pe->section[i];
	}
	return NULL;
}

/* In the profile, or else in the sections of all. */
static char *section_text(const struct pe *pe, struct range own, struct range base,
                          const char *name)
{
	const struct pe_section *s = find_in(pe, own, name);

	if (!s)
		s = find_in(pe, base, name);
	return s ? sd_text(pe_bytes(pe, s)) : NULL;
}

/* os-release(5) */
struct release {
	char *pretty_name, *image_id, *name, *id, *image_version, *version, *version_id, *build_id;
};

static void read_release(char *text, struct release *ret)
{
	struct sd_line line;

	while (sd_next_line(&text, "=", &line)) {
		char **to = strcmp(line.key, "PRETTY_NAME") == 0     ? &ret->pretty_name
		            : strcmp(line.key, "IMAGE_ID") == 0      ? &ret->image_id
		            : strcmp(line.key, "NAME") == 0          ? &ret->name
		            : strcmp(line.key, "ID") == 0            ? &ret->id
		            : strcmp(line.key, "IMAGE_VERSION") == 0 ? &ret->image_version
		            : strcmp(line.key, "VERSION") == 0       ? &ret->version
		            : strcmp(line.key, "VERSION_ID") == 0    ? &ret->version_id
		            : strcmp(line.key, "BUILD_ID") == 0      ? &ret->build_id
		                                                     : NULL;

		if (to)
			*to = line.value;
	}
}

static char *either(char *a, char *b)
{
	return a ? a : b;
}

/* Key and version to sort by; false for an image whose release has no name: it is not shown. */
static bool take_release(struct sd_entry *n, char *text)
{
	struct release r = {0};
	char *key, *version;

	read_release(text, &r);
	if (!r.pretty_name && !r.image_id && !r.name && !r.id)
		return false;
	key = either(r.image_id, r.id);
	version = either(either(r.image_version, r.version), either(r.version_id, r.build_id));
	n->sort_key = key ? strdup(key) : NULL;
	n->version = version ? strdup(version) : NULL;
	return true;
}

/* ID= of the section .profile, or NULL; into the text. */
static char *profile_id(char *text)
{
	struct sd_line line;
	char *id = NULL;

	while (text && sd_next_line(&text, "=", &line)) {
		if (strcmp(line.key, "ID") == 0)
			id = line.value;
	}
	return id;
}

/* "name@profile" for all but the first. */
static int name_profile(struct sd_entry *n, const struct sd_program *p, const char *file,
                        const char *id, struct err *e)
{
	char *base = n->id, *named = NULL, number[16];

	if (n->profile == 0)
		return 0;
	snprintf(number, sizeof(number), "%u", n->profile);
	if (p->version < 262) {
		n->id_base = lowered(file);
		if (n->tries_left >= 0)
			return n->id_base ? 0 : no_memory(e); /* the name without the counter */
	} else
		n->id_base = strdup(base);
	if (asprintf(&named, "%s@%s", base, id ? id : number) < 0 || !n->id_base) {
		free(named);
		return no_memory(e);
	}
	if (p->version < 262)
		replace(&named, lowered(named));
	n->id = named;
	free(base);
	return n->id ? 0 : no_memory(e);
}

static int add_profile(struct sd_entries *list, const struct sd_program *p, const struct fat *fat,
                       const char *file, const struct pe *pe, unsigned profile, struct err *e)
{
	struct range base = base_sections(pe), own = {0, 0};
	_cleanup_(freep) char *release = NULL, *about = NULL;
	struct sd_entry n = {.kind = SD_TYPE2, .profile = profile, .fat = fat};
	int r;

	find_profile(pe, profile, &own);
	release = section_text(pe, own, base, ".osrel");
	about = section_text(pe, own, base, ".profile");
	if (!release || !take_release(&n, release)) {
		entry_done(&n);
		return 0;
	}
	n.id = make_id(&n, p, file, ".efi");
	if (!n.id || asprintf(&n.loader, "\\EFI\\Linux\\%s", file) < 0) {
		n.loader = NULL;
		entry_done(&n);
		return no_memory(e);
	}
	n.options = section_text(pe, own, base, ".cmdline");
	if (n.options)
		sd_mangle(n.options, p);
	n.options_own = p->version >= 257;
	r = name_profile(&n, p, file, profile_id(about), e);
	if (r < 0)
		entry_done(&n);
	else
		list->entry[list->count++] = n;
	return r;
}

/* An entry for each profile, at least one. */
static int add_type2(struct sd_entries *list, const struct sd_program *p, const struct fat *fat,
                     const char *file, const struct view *image, struct err *e)
{
	struct range own;
	struct pe pe;
	int r = 0;

	if (pe_parse_view(image, &pe, NULL) < 0)
		return 0; /* not shown */
	for (unsigned i = 0; r == 0 && i < PROFILES_MAX; i++) {
		if (i > 0 && (!p->profiles || !find_profile(&pe, i, &own)))
			break;
		if (list->count == SD_ENTRIES_MAX) {
			give_up(list, "too many boot entries", file);
			break;
		}
		r = add_profile(list, p, fat, file, &pe, i, e);
	}
	return r;
}

/* ---- folders ---- */

static bool is_candidate(const struct fat_entry *f, const char *ending, bool auto_in_small)
{
	if (f->folder || f->name[0] == '.' || !sd_ends(f->name, ending))
		return false;
	return auto_in_small ? strncmp(f->name, "auto-", 5) != 0 : !sd_starts(f->name, "auto-");
}

static int load_file(struct sd_entries *list, const struct sd_program *p, const struct fat *fat,
                     const char *file, bool type2, const char *own, struct err *e)
{
	_cleanup_(view_done) struct view data = {0};
	_cleanup_(freep) char *path = NULL, *text = NULL;
	int r;

	if (asprintf(&path, "%s/%s", type2 ? TYPE2_FOLDER : TYPE1_FOLDER, file) < 0)
		return no_memory(e);
	r = fat_view_file(fat, path, type2 ? IMAGE_MAX : TEXT_MAX, &data, e);
	if (r < 0)
		return r;
	if (type2)
		return add_type2(list, p, fat, file, &data, e);
	text = sd_text(data.bytes);
	if (!text)
		return no_memory(e);
	return add_type1(list, p, fat, file, text, own, e);
}

static int load_folder(struct sd_entries *list, const struct sd_program *p, const struct fat *fat,
                       bool type2, const char *own, struct err *e)
{
	_cleanup_(freep) struct fat_entry *file = NULL;
	size_t count = 0;
	int r = fat_list(fat, type2 ? TYPE2_FOLDER : TYPE1_FOLDER, &file, &count, e);

	if (r == -ENOENT)
		return 0;
	for (size_t i = 0; i < count && r == 0; i++) {
		if (!is_candidate(&file[i], type2 ? ".efi" : ".conf", type2 && p->version < 257))
			continue;
		if (!file[i].ascii)
			give_up(list, "its name is not ASCII", file[i].name);
		else if (list->count == SD_ENTRIES_MAX)
			give_up(list, "too many boot entries", file[i].name);
		else
			r = load_file(list, p, fat, file[i].name, type2, own, e);
	}
	return r;
}

int sd_entries_load(struct sd_entries *list, const struct sd_program *p, const struct fat *fat,
                    const char *own, struct err *e)
{
	int r = load_folder(list, p, fat, true, own, e);

	return r < 0 ? r : load_folder(list, p, fat, false, own, e);
}
