/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/grub/grub.h"

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

#define IMAGE_FOLDER "/EFI/BOOT" /* where GRUB itself is */

/* ---- the menu ---- */

static void entry_done(struct grub_entry *entry)
{
	for (size_t i = 0; i < entry->words; i++)
		free(entry->word[i]);
	free(entry->id);
	free(entry->body);
}

static void menu_leave(struct grub_run *g)
{
	struct grub_menu *menu = g->menu;

	for (unsigned i = 0; i < menu->entries; i++)
		entry_done(&menu->entry[i]);
	g->menu = menu->outer;
	free(menu);
}

static int menu_enter(struct grub_run *g, struct err *e)
{
	struct grub_menu *menu = calloc(1, sizeof(*menu));

	if (!menu)
		return err_sys(e, -ENOMEM, "GRUB's menu");
	menu->outer = g->menu;
	g->menu = menu;
	return 0;
}

static void add_word(struct grub_run *g, struct grub_entry *entry, const char *word)
{
	char *copy = strdup(word);

	if (!copy || entry->words == COUNT_OF(entry->word)) {
		grub_script_stop(g->script, "an entry with more words than are read here");
		free(copy);
	} else {
		entry->word[entry->words++] = copy;
	}
}

/* Its title and other words become the parameters of its body. */
static void take_words(struct grub_run *g, const struct grub_words *w, struct grub_entry *entry)
{
	add_word(g, entry, "setparams");
	for (size_t i = 1; i + 1 < w->count; i++) {
		const char *word = w->word[i];

		if (strcmp(word, "--class") == 0 || strcmp(word, "--hotkey") == 0) {
			i++;
		} else if ((strcmp(word, "--id") == 0 && i + 2 < w->count) ||
		           strncmp(word, "--id=", 5) == 0) {
			free(entry->id);
			entry->id = strdup(word[4] ? word + 5 : w->word[++i]);
		} else if (word[0] != '-') {
			add_word(g, entry, word);
		} else if (strncmp(word, "--class=", 8) != 0 &&
		           strcmp(word, "--unrestricted") != 0) {
			grub_script_stop(g->script, "an entry with '%.40s'", word);
		}
	}
}

void grub_add_entry(struct grub_run *g, const struct grub_words *w)
{
	struct grub_menu *menu = g->menu;
	struct grub_entry *entry;

	if (menu->entries == GRUB_MENU_MAX) {
		grub_script_stop(g->script, "more than %u entries", GRUB_MENU_MAX);
		return;
	}
	entry = &menu->entry[menu->entries++];
	take_words(g, w, entry);
	entry->body = strndup(w->block + 1, strlen(w->block) - 2);
	entry->file = grub_script_file(g->script);
	entry->line = grub_script_line(g->script);
	entry->submenu = strcmp(w->word[0], "submenu") == 0;
	if (entry->words < 2 || !entry->body)
		grub_script_stop(g->script, "an entry without a title, or no memory for it");
}

/* $default is a number, a title or an id; what is none of them means the first entry. */
static const struct grub_entry *choose(struct grub_run *g)
{
	const char *wanted = grub_script_get(g->script, "default");
	const struct grub_menu *menu = g->menu;
	size_t digits = wanted ? strspn(wanted, "0123456789") : 0;
	unsigned long number = wanted ? strtoul(wanted, NULL, 10) : 0;

	if (wanted && (strchr(wanted, '>') || (digits > 0 && wanted[digits]) ||
	               (digits > 1 && wanted[0] == '0'))) {
		grub_script_stop(g->script, "the default entry '%.60s' is not understood here",
		                 wanted);
		return NULL;
	}
	for (unsigned i = 0; wanted && digits == 0 && i < menu->entries; i++) {
		const struct grub_entry *entry = &menu->entry[i];

		if (strcmp(entry->word[1], wanted) == 0 ||
		    (entry->id && strcmp(entry->id, wanted) == 0))
			number = i;
		else
			continue;
		break;
	}
	return &menu->entry[number < menu->entries ? number : 0];
}

/* Nobody touches the keyboard: the default entry is taken when the time is out. */
static int show_menu(struct grub_run *g, struct err *e)
{
	const char *timeout = grub_script_get(g->script, "timeout");
	const struct grub_entry *entry;
	struct grub_words begin;
	struct bytes body;
	int r;

	if (grub_script_ended(g->script) || g->menu->entries == 0)
		return 0;
	if (!timeout || timeout[0] < '0' || timeout[0] > '9') {
		grub_script_stop(g->script, "without a timeout the menu waits for somebody");
		return 0;
	}
	entry = choose(g);
	if (!entry)
		return 0;
	r = grub_script_set(g->script, "chosen", entry->id ? entry->id : entry->word[1], e);
	if (r < 0)
		return r;
	grub_script_export(g->script, "chosen");
	grub_script_unset(g->script, "default"); /* as long as the entry runs */
	if (entry->submenu) {
		grub_script_stop(g->script, "the default entry '%.60s' is a submenu",
		                 entry->word[1]);
		return 0;
	}
	begin = (struct grub_words){.word = (char **)entry->word, .count = entry->words};
	r = grub_script_command(g->script, &begin, e);
	if (r < 0)
		return r;
	body = (struct bytes){(const uint8_t *)entry->body, strlen(entry->body)};
	r = grub_script_run(g->script, entry->file, entry->line, body, e);
	if (r == 0 && !grub_script_ended(g->script))
		r = grub_boot(g, e);
	return r;
}

/* ---- configurations ---- */

/* What GRUB takes note of while a configuration is read. */
static int set_place(struct grub_run *g, const char *path, struct err *e)
{
	const char *root = grub_script_get(g->script, "root");
	char whole[300], *slash;
	int r;

	snprintf(whole, sizeof(whole), "%s%s%s%.200s", path[0] == '(' ? "" : "(",
	         path[0] == '(' ? "" : root, path[0] == '(' ? "" : ")", path);
	r = grub_script_set(g->script, "config_file", whole, e);
	slash = strrchr(whole, '/');
	if (slash)
		*slash = '\0';
	if (r == 0)
		r = grub_script_set(g->script, "config_directory", whole, e);
	grub_script_export(g->script, "config_file");
	grub_script_export(g->script, "config_directory");
	return r;
}

static void put_back(struct grub_run *g, const char *name, const char *old, int *r, struct err *e)
{
	if (*r < 0)
		return;
	if (old)
		*r = grub_script_set(g->script, name, old, e);
	else
		grub_script_unset(g->script, name);
}

static char *copy_of(struct grub_run *g, const char *name)
{
	const char *value = grub_script_get(g->script, name);

	return value ? strdup(value) : NULL;
}

static int read_config(struct grub_run *g, const char *path, struct bytes text, struct err *e)
{
	_cleanup_(freep) char *file = copy_of(g, "config_file"),
	                      *directory = copy_of(g, "config_directory");
	int r;

	if (memchr(text.data, GRUB_DROPPED, text.size)) {
		grub_script_stop(g->script, "%.60s has control characters in it", path);
		return 0;
	}
	r = set_place(g, path, e);

	if (g->names == COUNT_OF(g->name)) {
		grub_script_stop(g->script, "more configurations than are read here");
		return 0;
	}
	g->name[g->names] = strdup(path);
	if (!g->name[g->names])
		return err_sys(e, -ENOMEM, "%s", path);
	if (r == 0)
		r = grub_script_run(g->script, g->name[g->names++], 1, text, e);
	put_back(g, "config_file", file, &r, e);
	put_back(g, "config_directory", directory, &r, e);
	return r;
}

int grub_run_config(struct grub_run *g, const char *path, bool menu, struct err *e)
{
	_cleanup_(bytes_free) struct bytes text = {NULL, 0};
	const char *file = grub_script_file(g->script);
	unsigned line = grub_script_line(g->script);
	int r = grub_open(g, path, GRUB_CONFIG_MAX, &text, e);

	if (r <= 0)
		return r;
	if (!menu) {
		r = read_config(g, path, text, e);
		grub_script_at(g->script, file, line);
		return r < 0 ? r : 1;
	}
	r = menu_enter(g, e);
	if (r < 0)
		return r;
	grub_script_enter(g->script);
	r = read_config(g, path, text, e);
	if (r == 0)
		r = show_menu(g, e);
	grub_script_leave(g->script);
	menu_leave(g);
	grub_script_at(g->script, file, line);
	return r < 0 ? r : 1;
}

/* ---- Linux ---- */


/* By its module "peimage", and then nobody measures what it starts. */
static bool loads_by_itself(const struct grub_image *g)
{
	return !g->by_shim && grub_image_has(g, "peimage") && g->stub;
}

/* Who loads the kernel: shim where GRUB knows how to ask it, and measures it; or GRUB itself. */
static int measure_kernel(struct grub_run *g, struct err *e)
{
	const struct event_tag tag = {1, EV_EFI_BOOT_SERVICES_APPLICATION, INPUT_DISK};
	uint8_t digest[48];
	struct pe pe;

	if (pe_parse(g->kernel, &pe, e) < 0) {
		grub_script_stop(g->script, "the kernel is no EFI program");
		return 0;
	}
	if (g->image->by_shim && g->shim->has_loader) {
		pe_authenticode(&pe, digest);
		event_add(g->l, tag, digest, "kernel, loaded by shim");
	} else if (!loads_by_itself(g->image)) {
		grub_script_stop(g->script, "how this GRUB starts a kernel is not known here");
	}
	return 0;
}

int grub_boot(struct grub_run *g, struct err *e)
{
	static const char head[] = "BOOT_IMAGE=";
	const struct event_tag tag = {2, EV_EVENT_TAG, INPUT_DISK};
	_cleanup_(freep) uint8_t *wide = NULL;
	/* 2.12 hands it on without the NUL at its end. */
	size_t nul = strcmp(g->image->version, "2.12") == 0 ? 0 : 1, length;
	bool measures;
	int r;

	if (!g->kernel.data) {
		grub_script_stop(g->script, "nothing is there to be booted");
		return 0;
	}
	r = measure_kernel(g, e);
	if (r < 0 || grub_script_ended(g->script))
		return r;
	length = strlen(head) + strlen(g->cmdline);
	wide = calloc(length + 1, 2);
	if (!wide)
		return err_sys(e, -ENOMEM, "GRUB's command line");
	for (size_t i = 0; i < length; i++) {
		char c = i < strlen(head) ? head[i] : g->cmdline[i - strlen(head)];

		if ((unsigned char)c >= 0x80) {
			grub_script_stop(g->script, "the command line is not ASCII");
			return 0;
		}
		wide[2 * i] = (uint8_t)c;
	}
	measures = boot_stub_measures(g->l, NULL, g->kernel);
	if (measures)
		event_hash(g->l, tag, wide, 2 * (length + nul), "LOADED_IMAGE::LoadOptions");
	if (measures && g->initrd.size > 0)
		event_add(g->l, tag, g->initrd.digest, "Linux initrd");
	boot_measure_exit(g->l);
	grub_script_finish(g->script);
	return 0;
}

/* ---- from its start on ---- */

/* What is set before the first configuration is read. */
static int set_first_variables(struct grub_run *g, unsigned esp, struct err *e)
{
	static const char *const features[] = {
	        "chainloader_bpb",  "ntldr",         "platform_search_hint", "default_font_path",
	        "all_video_module", "menuentry_id",  "menuentry_options",    "200_final",
	        "nativedisk_cmd",   "timeout_style",
	};
	char root[32], prefix[200], folder[64], name[64];
	const char *const others[][2] = {
	        {"root", root},
	        {"prefix", prefix},
	        {"fw_path", folder},
	        {"color_normal", "light-gray/black"},
	        {"color_highlight", "black/light-gray"},
	        {"grub_cpu", "x86_64"},
	        {"grub_platform", "efi"},
	};
	int r = 0;

	snprintf(root, sizeof(root), "hd0,gpt%u", esp);
	snprintf(prefix, sizeof(prefix), "(%s)%s", root, g->image->prefix);
	snprintf(folder, sizeof(folder), "(%s)" IMAGE_FOLDER, root);
	for (size_t i = 0; r == 0 && i < COUNT_OF(others); i++) {
		r = grub_script_set(g->script, others[i][0], others[i][1], e);
		grub_script_export(g->script, others[i][0]);
	}
	for (size_t i = 0; r == 0 && i < COUNT_OF(features); i++) {
		snprintf(name, sizeof(name), "feature_%s", features[i]);
		r = grub_script_set(g->script, name, "y", e);
		grub_script_export(g->script, name);
	}
	if (r == 0 && grub_image_has(g->image, "pgp")) {
		r = grub_script_set(g->script, "check_signatures", "no", e);
		grub_script_export(g->script, "check_signatures");
	}
	return r;
}

/* Debian's looks for a configuration in its own folder, then below $prefix: it opens it to see
 * whether it is there, reads the lists of modules below $prefix, and then the configuration. */
static int run_first_config(struct grub_run *g, const char *folder, struct err *e)
{
	struct bytes file = {NULL, 0};
	char path[300];
	int r;

	snprintf(path, sizeof(path), "%s/grub.cfg", folder);
	r = grub_open(g, path, GRUB_CONFIG_MAX, &file, e);
	bytes_free(&file);
	if (r <= 0)
		return r;
	r = grub_read_lists(g, grub_script_get(g->script, "prefix"), e);
	return r < 0 ? r : grub_run_config(g, path, false, e);
}

static int start(struct grub_run *g, unsigned esp, struct err *e)
{
	int r = set_first_variables(g, esp, e);

	if (r < 0)
		return r;
	r = run_first_config(g, grub_script_get(g->script, "fw_path"), e);
	if (r == 0 && !grub_script_ended(g->script))
		r = run_first_config(g, grub_script_get(g->script, "prefix"), e);
	if (r == 0)
		grub_script_stop(g->script, "GRUB has no configuration");
	if (r > 0)
		r = show_menu(g, e);
	if (r >= 0)
		grub_script_stop(g->script, "no entry boots anything");
	return r;
}

static bool is_tried(const struct grub_image *g, char *reason, size_t size)
{
	if (g->debian && (strcmp(g->version, "2.12") == 0 || strcmp(g->version, "2.14") == 0))
		return true;
	snprintf(reason, size, "GRUB %s%s is not known here, only Debian's 2.12 and 2.14",
	         g->version[0] ? g->version : "of no version",
	         g->debian ? "" : " of another maker");
	return false;
}

static void done(struct grub_run *g)
{
	while (g->menu)
		menu_leave(g);
	for (unsigned i = 0; i < g->names; i++)
		free(g->name[i]);
	bytes_free(&g->autoload);
	bytes_free(&g->kernel);
	free(g->cmdline);
	grub_script_free(g->script);
}

int grub_measure(struct event_list *l, const struct grub_image *image, const struct shim *shim,
                 struct bootfs *fs, unsigned esp, struct err *e)
{
	_cleanup_(done) struct grub_run g = {.l = l, .image = image, .shim = shim, .fs = fs};
	struct grub_host host = grub_host_template;
	char reason[160];
	int r;

	if (!is_tried(image, reason, sizeof(reason))) {
		boot_open(l, reason);
		return 0;
	}
	host.userdata = &g;
	r = grub_script_new(&host, &g.script, e);
	if (r == 0)
		r = menu_enter(&g, e);
	if (r == 0)
		r = start(&g, esp, e);
	if (r < 0)
		return r;
	if (g.blind && !image->measures && loads_by_itself(image)) {
		/* Whatever Linux it finds there, RTMR1 is the same. */
		boot_measure_exit(l);
		event_open(l, 2, grub_script_reason(g.script));
	} else if (grub_script_reason(g.script)[0]) {
		boot_open(l, grub_script_reason(g.script));
	}
	return 0;
}
