/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "format/bytes.h"
#include "format/eventlog.h"
#include "measure/boot.h"
#include "measure/grub/run.h"

/* ---- files ---- */

int grub_locate(struct grub_run *g, const char *path, unsigned *ret_partition,
                const char **ret_rest)
{
	const char *root = grub_script_get(g->script, "root");
	const char *device = path[0] == '(' ? path + 1 : root ? root : "";
	char end = path[0] == '(' ? ')' : '\0';
	unsigned number;
	int length = 0;

	if (sscanf(device, "hd0,gpt%3u%n", &number, &length) != 1 || device[length] != end ||
	    device[7] < '1' || device[7] > '9') {
		grub_script_stop(g->script, "the device of '%.60s' is not understood here", path);
		return 0;
	}
	*ret_partition = number;
	*ret_rest = end ? device + length + 1 : path;
	if ((*ret_rest)[0] != '/') {
		grub_script_stop(g->script, "the file '%.60s' is not understood here", path);
		return 0;
	}
	return 1;
}

/* What came of reading a file: 1, or 0 where there is none or after a stop. */
static int opened(struct grub_run *g, int r, const struct err *why, struct err *e)
{
	if (r == -ENOENT)
		return 0;
	if (r == -ENOTSUP || r == -EFBIG || r == -ENOPKG) {
		g->blind = r == -ENOTSUP;
		grub_script_stop(g->script, "%.100s", why->text);
		return 0;
	}
	return r < 0 ? err_set(e, r, "%.400s", why->text) : 1;
}

int grub_open(struct grub_run *g, const char *path, size_t max, struct bytes *ret, struct err *e)
{
	const struct event_tag tag = {2, EV_IPL, INPUT_DISK};
	const char *rest;
	unsigned partition;
	struct err why;
	int r;

	if (grub_locate(g, path, &partition, &rest) == 0)
		return 0;
	r = bootfs_read(g->fs, partition, rest, max, ret, &why);
	r = opened(g, r, &why, e);
	if (r > 0 && g->image->measures)
		event_hash(g->l, tag, ret->data, ret->size, "%s", path);
	return r;
}

struct hashing {
	struct hash384 own, *also;
	uint64_t size;
};

static int take_piece(void *userdata, const void *data, size_t size, struct err *e)
{
	struct hashing *h = userdata;

	(void)e;
	hash384_update(&h->own, data, size);
	if (h->also)
		hash384_update(h->also, data, size);
	h->size += size;
	return 0;
}

int grub_open_hashed(struct grub_run *g, const char *path, struct hash384 *also,
                     struct grub_initrd *ret, struct err *e)
{
	const struct event_tag tag = {2, EV_IPL, INPUT_DISK};
	struct hashing h = {.also = also};
	const char *rest;
	unsigned partition;
	struct err why;
	int r;

	if (grub_locate(g, path, &partition, &rest) == 0)
		return 0;
	hash384_init(&h.own);
	r = bootfs_stream(g->fs, partition, rest, GRUB_FILE_MAX, take_piece, &h, &why);
	hash384_final(&h.own, ret->digest);
	ret->size = h.size;
	r = opened(g, r, &why, e);
	if (r > 0 && g->image->measures)
		event_add(g->l, tag, ret->digest, "%s", path);
	return r;
}

int grub_read_lists(struct grub_run *g, const char *prefix, struct err *e)
{
	static const char *const lists[] = {"command", "fs", "crypto", "terminal"};
	char path[300];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < COUNT_OF(lists); i++) {
		struct bytes file = {NULL, 0};

		snprintf(path, sizeof(path), "%s/x86_64-efi/%s.lst", prefix, lists[i]);
		r = grub_open(g, path, GRUB_CONFIG_MAX, &file, e);
		if (r > 0 && i == 0) {
			bytes_free(&g->autoload);
			g->autoload = TAKE(file, ((struct bytes){NULL, 0}));
		}
		g->has_fs_list |= r > 0 && i == 1;
		bytes_free(&file);
	}
	return r < 0 ? r : 0;
}

int grub_run_search(struct grub_run *g, const struct grub_words *w, int *ret_status, struct err *e)
{
	const char *uuid = NULL, *variable = NULL;
	bool by_uuid_only = strcmp(w->word[0], "search.fs_uuid") == 0, by_uuid = by_uuid_only;
	char text[32];
	unsigned number;
	int r;

	if (by_uuid && w->count >= 3) { /* search.fs_uuid UUID VARIABLE, and hints where to begin */
		uuid = w->word[1];
		variable = w->word[2];
	}
	for (size_t i = 1; !by_uuid_only && i < w->count; i++) {
		const char *word = w->word[i];

		if (strcmp(word, "--fs-uuid") == 0 || strcmp(word, "-u") == 0)
			by_uuid = true;
		else if (strncmp(word, "--set=", 6) == 0)
			variable = word + 6;
		else if (strcmp(word, "--set") == 0)
			variable = "root";
		else if (word[0] != '-' && !uuid)
			uuid = word;
		else if (strcmp(word, "--no-floppy") != 0 && strncmp(word, "--hint", 6) != 0)
			grub_script_stop(g->script, "'search' with '%.40s' is not understood here",
			                 word);
	}
	if (!by_uuid || !uuid || !variable)
		grub_script_stop(g->script, "'search' for anything but a UUID");
	if (grub_script_ended(g->script))
		return 0;
	r = bootfs_find_uuid(g->fs, uuid, &number, e);
	/* On its way GRUB then loads every module that might read a file system. */
	if (r == 0 && g->has_fs_list && (number == 0 || bootfs_has_unknown(g->fs)))
		r = -ENOTSUP;
	g->blind |= r == -ENOTSUP && bootfs_has_unknown(g->fs);
	if (r == -ENOTSUP)
		grub_script_stop(g->script,
		                 "'search': whether a file system has the UUID %.40s "
		                 "cannot be told",
		                 uuid);
	*ret_status = r == 0 && number == 0 ? -1 : 0;
	if (r < 0 || number == 0)
		return r == -ENOTSUP ? 0 : r;
	snprintf(text, sizeof(text), "hd0,gpt%u", number);
	return grub_script_set(g->script, variable, text, e);
}

int grub_run_config_file(struct grub_run *g, const struct grub_words *w, int *ret_status,
                         struct err *e)
{
	int r;

	if (w->count != 2) {
		grub_script_stop(g->script, "'%.40s' without one file", w->word[0]);
		return 0;
	}
	r = grub_run_config(g, w->word[1], strcmp(w->word[0], "configfile") == 0, e);
	if (r < 0)
		return r;
	*ret_status = r > 0 ? 0 : -1;
	return 0;
}

/* Each module once, then what it needs, as GRUB loads them. */
static int load_module(struct grub_run *g, char (*loaded)[32], unsigned *count, const char *name,
                       unsigned depth, struct err *e)
{
	_cleanup_(bytes_free) struct bytes file = {NULL, 0};
	const char *prefix = grub_script_get(g->script, "prefix");
	char needs[GRUB_DEPENDENCIES_MAX][32], path[300];
	int r, found;

	for (unsigned i = 0; i < *count; i++) {
		if (strcmp(loaded[i], name) == 0)
			return 1;
	}
	if (grub_image_has(g->image, name))
		return 1;
	if (*count == GRUB_DEPENDENCIES_MAX || depth > 8) {
		grub_script_stop(g->script, "more modules than are read here");
		return 0;
	}
	snprintf(path, sizeof(path), "%s/x86_64-efi/%s.mod", prefix ? prefix : "", name);
	r = grub_open(g, path, GRUB_CONFIG_MAX, &file, e);
	if (r <= 0)
		return r;
	snprintf(loaded[(*count)++], 32, "%s", name);
	found = grub_module_dependencies(file, needs, NULL);
	if (found < 0) {
		grub_script_stop(g->script, "'%.60s' is no module", name);
		return 0;
	}
	for (int i = 0; r > 0 && i < found; i++)
		r = load_module(g, loaded, count, needs[i], depth + 1, e);
	return r;
}

int grub_run_insmod(struct grub_run *g, const struct grub_words *w, int *ret_status, struct err *e)
{
	int r;

	if (w->count < 2 || strlen(w->word[1]) > 31 || strchr(w->word[1], '/')) {
		grub_script_stop(g->script, "'insmod' of anything but a module's name");
		return 0;
	}
	r = load_module(g, g->loaded, &g->loaded_count, w->word[1], 0, e);
	if (r < 0)
		return r;
	*ret_status = r > 0 ? 0 : -1;
	return 0;
}

/* An environment block: lines NAME=VALUE behind a first line that says what it is. */
static int take_environment(struct grub_run *g, const struct grub_words *w, struct bytes file,
                            struct err *e)
{
	_cleanup_(freep) char *text = strndup((const char *)file.data, file.size);
	char *line, *rest = text;
	int r = 0;

	if (!text)
		return err_sys(e, -ENOMEM, "GRUB's environment");
	while (r == 0 && (line = strsep(&rest, "\n"))) {
		char *equals = strchr(line, '=');
		bool wanted = w->count == 1;

		if (line[0] == '#' || !equals)
			continue;
		if (strchr(line, '\\')) {
			grub_script_stop(g->script, "an environment block with a '\\'");
			return 0;
		}
		*equals = '\0';
		for (size_t i = 1; i < w->count; i++)
			wanted |= strcmp(w->word[i], line) == 0;
		if (wanted)
			r = grub_script_set(g->script, line, equals + 1, e);
	}
	return r;
}

int grub_run_load_env(struct grub_run *g, const struct grub_words *w, int *ret_status,
                      struct err *e)
{
	_cleanup_(bytes_free) struct bytes file = {NULL, 0};
	const char *prefix = grub_script_get(g->script, "prefix");
	char path[300];
	int r;

	for (size_t i = 1; i < w->count; i++) {
		if (w->word[i][0] == '-')
			grub_script_stop(g->script, "'load_env' with '%.40s'", w->word[i]);
	}
	if (grub_script_ended(g->script))
		return 0;
	snprintf(path, sizeof(path), "%s/grubenv", prefix ? prefix : "");
	r = grub_open(g, path, GRUB_CONFIG_MAX, &file, e);
	if (r <= 0) {
		*ret_status = -1;
		return r;
	}
	return take_environment(g, w, file, e);
}

/* Writes into the file's own blocks, which this boot measures no more. */
int grub_run_save_env(struct grub_run *g, const struct grub_words *w, int *ret_status,
                      struct err *e)
{
	(void)ret_status, (void)e;
	if (w->count < 2 || w->word[1][0] == '-')
		grub_script_stop(g->script, "'save_env' that is not understood here");
	return 0;
}

/* Whether a folder has translations for a language, under one of the names they may have. */
static int has_language(struct grub_run *g, const char *folder, const char *language, struct err *e)
{
	static const char *const ends[] = {".mo", ".mo.gz", ".gmo", ".gmo.gz"};
	enum ext_kind kind = EXT_NOTHING;
	char path[300];
	const char *rest;
	unsigned partition;
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT_OF(ends); i++) {
		snprintf(path, sizeof(path), "%.200s/%.60s%s", folder, language, ends[i]);
		if (grub_locate(g, path, &partition, &rest) == 0)
			return 0;
		r = bootfs_kind(g->fs, partition, rest, &kind, e);
		if (r == 0 && kind != EXT_NOTHING)
			return 1;
	}
	return r == -ENOTSUP ? 1 : r; /* it cannot be told: as if there were */
}

/* "de_AT.UTF-8@euro" may be called so or be cut at any of these characters. */
int grub_look_for_language(struct grub_run *g, struct err *e)
{
	const char *language = grub_script_get(g->script, "lang");
	const char *folder = grub_script_get(g->script, "locale_dir");
	const char *prefix = grub_script_get(g->script, "prefix");
	char name[64], usual[300];
	int r = 0;

	if (!language || !language[0])
		return 0;
	snprintf(usual, sizeof(usual), "%.200s/locale", prefix ? prefix : "");
	snprintf(name, sizeof(name), "%.60s", language);
	while (r == 0 && name[0] && !grub_script_ended(g->script)) {
		size_t length = strlen(name);

		r = has_language(g, usual, name, e);
		if (r == 0 && folder && folder[0])
			r = has_language(g, folder, name, e);
		while (length > 0 && !strchr("_.@", name[length - 1]))
			length--;
		name[length > 0 ? length - 1 : 0] = '\0';
	}
	if (r > 0)
		grub_script_stop(g->script, "translations to '%.40s' are not understood here",
		                 language);
	return r < 0 ? r : 0;
}
