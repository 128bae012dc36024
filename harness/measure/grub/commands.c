/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "format/bytes.h"
#include "format/eventlog.h"
#include "measure/grub/run.h"

/* ---- variables ---- */

static int run_set(struct grub_run *g, const struct grub_words *w, int *ret_status, struct err *e)
{
	const char *equals = w->count == 2 ? strchr(w->word[1], '=') : NULL;
	_cleanup_(freep) char *name = NULL;

	if (!equals) {
		grub_script_stop(g->script, "'set' that sets no variable");
		return 0;
	}
	name = strndup(w->word[1], (size_t)(equals - w->word[1]));
	*ret_status = 0;
	return name ? grub_script_set(g->script, name, equals + 1, e)
	            : err_sys(e, -ENOMEM, "GRUB script");
}

static int run_unset(struct grub_run *g, const struct grub_words *w, int *ret_status, struct err *e)
{
	(void)ret_status, (void)e;
	for (size_t i = 1; i < w->count; i++)
		grub_script_unset(g->script, w->word[i]);
	return 0;
}

static int run_export(struct grub_run *g, const struct grub_words *w, int *ret_status,
                      struct err *e)
{
	(void)ret_status, (void)e;
	for (size_t i = 1; i < w->count; i++)
		grub_script_export(g->script, w->word[i]);
	return 0;
}

static int run_setparams(struct grub_run *g, const struct grub_words *w, int *ret_status,
                         struct err *e)
{
	(void)ret_status, (void)e;
	grub_script_params(g->script, w);
	return 0;
}

/* ---- nothing to see ---- */

static int run_true(struct grub_run *g, const struct grub_words *w, int *ret_status, struct err *e)
{
	(void)g, (void)w, (void)ret_status, (void)e;
	return 0;
}

static int run_false(struct grub_run *g, const struct grub_words *w, int *ret_status, struct err *e)
{
	(void)g, (void)w, (void)e;
	*ret_status = 1;
	return 0;
}

/* A graphical terminal is there only if the TD has a display; it reads nothing by itself. */
static int run_terminal(struct grub_run *g, const struct grub_words *w, int *ret_status,
                        struct err *e)
{
	(void)e;
	for (size_t i = 1; i < w->count; i++) {
		if (strcmp(w->word[i], "gfxterm") == 0)
			*ret_status = GRUB_UNKNOWN;
		else if (strcmp(w->word[i], "console") != 0 && strcmp(w->word[i], "serial") != 0)
			grub_script_stop(g->script, "the terminal '%.40s' is not understood here",
			                 w->word[i]);
	}
	return 0;
}

/* Out of what GRUB brings along, which it does not measure. */
static int run_loadfont(struct grub_run *g, const struct grub_words *w, int *ret_status,
                        struct err *e)
{
	(void)ret_status, (void)e;
	if (w->count != 2 || strcmp(w->word[1], "unicode") != 0 || !g->image->memdisk)
		grub_script_stop(g->script, "a font of another place is not understood here");
	return 0;
}

/* OVMF always offers its menu to whoever asks for it. */
static int run_fwsetup(struct grub_run *g, const struct grub_words *w, int *ret_status,
                       struct err *e)
{
	(void)ret_status, (void)e;
	if (w->count != 2 || strcmp(w->word[1], "--is-supported") != 0)
		grub_script_stop(g->script, "'fwsetup' leaves GRUB");
	return 0;
}

/* ---- the menu and Linux ---- */

static int run_menuentry(struct grub_run *g, const struct grub_words *w, int *ret_status,
                         struct err *e)
{
	(void)ret_status, (void)e;
	grub_add_entry(g, w);
	return 0;
}

/* A loader's command line: words with a space in them get quotes, and some characters a '\'. */
static char *loader_cmdline(const struct grub_words *w)
{
	size_t size = 1, at = 0;
	char *text;

	for (size_t i = 1; i < w->count; i++)
		size += 2 * strlen(w->word[i]) + 3;
	text = malloc(size);
	for (size_t i = 1; text && i < w->count; i++) {
		const char *quote = strchr(w->word[i], ' ') ? "\"" : "";

		at += (size_t)sprintf(text + at, "%s%s", i > 1 ? " " : "", quote);
		for (const char *c = w->word[i]; *c; c++) {
			if (strchr("\\'\"", *c))
				text[at++] = '\\';
			text[at++] = *c;
		}
		at += (size_t)sprintf(text + at, "%s", quote);
	}
	if (text)
		text[at] = '\0';
	return text;
}

static int run_linux(struct grub_run *g, const struct grub_words *w, int *ret_status, struct err *e)
{
	const struct event_tag tag = {2, EV_IPL, INPUT_DISK};
	struct bytes kernel = {NULL, 0};
	char *cmdline;
	int r;

	(void)ret_status;
	r = w->count < 2 ? 0 : grub_open(g, w->word[1], GRUB_FILE_MAX, &kernel, e);
	if (r < 0)
		return r;
	if (r == 0) {
		grub_script_stop(g->script, "the kernel is not there");
		return 0;
	}
	cmdline = loader_cmdline(w);
	if (!cmdline) {
		bytes_free(&kernel);
		return err_sys(e, -ENOMEM, "GRUB's command line");
	}
	if (g->image->measures)
		event_hash(g->l, tag, cmdline, strlen(cmdline), "kernel_cmdline: %s", cmdline);
	bytes_free(&g->kernel);
	free(g->cmdline);
	g->kernel = kernel;
	g->initrd = (struct grub_initrd){0};
	g->cmdline = cmdline;
	return 0;
}

/* One file, or one of several: then the whole so far is in `all`. */
static int add_initrd(struct grub_run *g, const char *path, struct hash384 *all,
                      struct grub_initrd *initrd, struct err *e)
{
	static const uint8_t zeros[4];
	size_t pad = -initrd->size & 3;
	struct grub_initrd file = {0};
	int r;

	if (strncmp(path, "newc:", 5) == 0)
		grub_script_stop(g->script, "an initrd with 'newc:' is not understood here");
	if (all)
		hash384_update(all, zeros, pad);
	r = grub_open_hashed(g, path, all, &file, e);
	if (r == 0)
		grub_script_stop(g->script, "the initrd is not there");
	initrd->size += pad + file.size;
	memcpy(initrd->digest, file.digest, sizeof(file.digest));
	return r;
}

/* Several files become one. */
static int run_initrd(struct grub_run *g, const struct grub_words *w, int *ret_status,
                      struct err *e)
{
	struct grub_initrd initrd = {0};
	uint8_t unused[48];
	struct hash384 all;
	int r = 1;

	(void)ret_status;
	if (!g->kernel.data || w->count < 2)
		grub_script_stop(g->script, "an initrd without a kernel");
	hash384_init(&all);
	for (size_t i = 1; r > 0 && i < w->count && !grub_script_ended(g->script); i++)
		r = add_initrd(g, w->word[i], w->count > 2 ? &all : NULL, &initrd, e);
	hash384_final(&all, w->count > 2 ? initrd.digest : unused);
	g->initrd = initrd;
	return r < 0 ? r : 0;
}

static int run_boot(struct grub_run *g, const struct grub_words *w, int *ret_status, struct err *e)
{
	(void)w, (void)ret_status;
	return grub_boot(g, e);
}

/* ---- all of them ---- */

static const struct {
	const char *name, *module; /* that has it */
	int (*run)(struct grub_run *g, const struct grub_words *w, int *ret_status, struct err *e);
} commands[] = {
        {"set", "kernel", run_set},
        {"unset", "kernel", run_unset},
        {"export", "normal", run_export},
        {"setparams", "normal", run_setparams},
        {"[", "test", grub_test},
        {"test", "test", grub_test},
        {"true", "true", run_true},
        {"false", "true", run_false},
        {"echo", "echo", run_true},
        {"serial", "serial", run_true},
        {"terminal_input", "terminal", run_terminal},
        {"terminal_output", "terminal", run_terminal},
        {"loadfont", "font", run_loadfont},
        {"fwsetup", "efifwsetup", run_fwsetup},
        {"search", "search", grub_run_search},
        {"search.fs_uuid", "search_fs_uuid", grub_run_search},
        {"configfile", "configfile", grub_run_config_file},
        {"source", "configfile", grub_run_config_file},
        {".", "configfile", grub_run_config_file},
        {"insmod", "kernel", grub_run_insmod},
        {"load_env", "loadenv", grub_run_load_env},
        {"save_env", "loadenv", grub_run_save_env},
        {"menuentry", "normal", run_menuentry},
        {"submenu", "normal", run_menuentry},
        {"linux", "linux", run_linux},
        {"initrd", "linux", run_initrd},
        {"boot", "boot", run_boot},
};

static int find_command(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

/* Whether a module would be loaded for this word: a line "NAME: MODULE" of the list, maybe with a
 * star before it. */
static bool is_listed(const struct grub_run *g, const char *name)
{
	size_t length = strlen(name);

	for (size_t at = 0; at < g->autoload.size;) {
		const uint8_t *line = g->autoload.data + at;
		size_t left = g->autoload.size - at;
		const uint8_t *end = memchr(line, '\n', left);

		at += end ? (size_t)(end - line) + 1 : left;
		if (*line == '*') {
			line++;
			left--;
		}
		if (left > length && memcmp(line, name, length) == 0 && line[length] == ':')
			return true;
	}
	return false;
}

static bool knows(void *userdata, const char *name)
{
	return find_command(name) >= 0 || is_listed(userdata, name);
}

static int command(void *userdata, struct grub_script *s, const struct grub_words *w,
                   int *ret_status, struct err *e)
{
	struct grub_run *g = userdata;
	int i = find_command(w->word[0]);
	bool takes_block =
	        strcmp(w->word[0], "menuentry") == 0 || strcmp(w->word[0], "submenu") == 0;

	if (i < 0) {
		grub_script_stop(s, "command '%.40s' is not known here", w->word[0]);
		return 0;
	}
	if (strcmp(commands[i].module, "kernel") != 0 &&
	    !grub_image_has(g->image, commands[i].module))
		grub_script_stop(s, "this GRUB has no command '%s' built in", w->word[0]);
	else if ((w->block != NULL) != takes_block)
		grub_script_stop(s, "'%s' with or without a block", w->word[0]);
	if (grub_script_ended(s))
		return 0;
	*ret_status = 0;
	return commands[i].run(g, w, ret_status, e);
}

static void executing(void *userdata, const char *text)
{
	const struct event_tag tag = {2, EV_IPL, INPUT_DISK};
	struct grub_run *g = userdata;

	if (g->image->measures)
		event_hash(g->l, tag, text, strlen(text), "grub_cmd: %s", text);
}

/* Some variables do something when they are set. */
static int changed(void *userdata, struct grub_script *s, const char *name, struct err *e)
{
	static const char *const others[] = {
	        "superusers", "theme",    "check_signatures",    "debug",
	        "biosnum",    "fallback", "secondary_locale_dir"};
	struct grub_run *g = userdata;

	if (!grub_script_file(s)[0])
		return 0; /* as GRUB starts: by itself */
	if (strcmp(name, "lang") == 0 || strcmp(name, "locale_dir") == 0)
		return grub_look_for_language(g, e);
	if (strcmp(name, "prefix") == 0) {
		int r = grub_read_lists(g, grub_script_get(s, "prefix"), e);

		return r < 0 ? r : grub_look_for_language(g, e);
	}
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		if (strcmp(name, others[i]) == 0)
			grub_script_stop(s, "what setting '%s' does is not understood here", name);
	}
	return 0;
}

const struct grub_host grub_host_template = {
        .command = command,
        .knows = knows,
        .executing = executing,
        .changed = changed,
};
