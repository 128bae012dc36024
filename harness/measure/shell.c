/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/shell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "format/eventlog.h"
#include "measure/boot.h"
#include "measure/kernel.h"
#include "measure/pe.h"

#define SCRIPT_MAX (64u << 10)
#define KERNEL_MAX (512u << 20)

/* What the shell gives no meaning of its own. */
#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 _.,=:/\\+-@"

/* Without the blanks at both ends. */
static char *trimmed(char *line)
{
	size_t length;

	line += strspn(line, " \t\r");
	length = strlen(line);
	while (length > 0 && strchr(" \t\r", line[length - 1]))
		line[--length] = '\0';
	return line;
}

static bool starts_nothing(const char *line)
{
	return line[0] == '\0' || line[0] == '#' || strcasecmp(line, "echo -off") == 0 ||
	       strcasecmp(line, "@echo -off") == 0;
}

/* The first word of a line as a path on fs0; false where it is none. */
static bool take_path(const char *line, bool there, char ret[SHELL_PATH_MAX])
{
	size_t length = strcspn(line, " ");
	const char *at = line;

	if (strncasecmp(at, "fs0:", 4) == 0)
		at += 4;
	else if (!there)
		return false;
	at += strspn(at, "\\/");
	length -= (size_t)(at - line);
	if (length == 0 || length >= SHELL_PATH_MAX || memchr(at, ':', length))
		return false;
	for (size_t i = 0; i < length; i++)
		ret[i] = at[i] == '\\' ? '/' : at[i];
	ret[length] = '\0';
	return true;
}

const char *shell_read_script(char *text, struct shell_command *ret)
{
	bool there = false; /* on fs0 */
	char *line;

	while ((line = strsep(&text, "\n"))) {
		line = trimmed(line);
		if (starts_nothing(line))
			continue;
		if (strcasecmp(line, "fs0:") == 0) {
			there = true;
			continue;
		}
		ret->line = line;
		if (line[strspn(line, PLAIN)] || !take_path(line, there, ret->path))
			return SHELL_SCRIPT " has a line that is not understood here";
		return NULL;
	}
	return SHELL_SCRIPT " starts nothing";
}

static void add_image(struct event_list *l, const uint8_t digest[48], enum measure_input input,
                      const char *what)
{
	event_add(l, (struct event_tag){1, EV_EFI_BOOT_SERVICES_APPLICATION, input}, digest, "%s",
	          what);
}

static int measure_line(struct event_list *l, const char *line, struct err *e)
{
	const struct event_tag tag = {2, EV_EVENT_TAG, INPUT_DISK};
	size_t units = strlen(line) + 1;
	_cleanup_(freep) uint8_t *wide = calloc(units, 2);

	if (!wide)
		return err_nomem(e);
	for (size_t i = 0; i < units; i++)
		wide[2 * i] = (uint8_t)line[i];
	event_hash(l, tag, wide, 2 * units, "LOADED_IMAGE::LoadOptions");
	return 0;
}

/* The kernel's stub measures no initrd that it reads itself, by "initrd=": only one that is
 * handed to it (Linux, efi_load_initrd()). */
static int start_kernel(struct event_list *l, const struct shell_command *c, const struct fat *fat,
                        struct err *e)
{
	_cleanup_(view_done) struct view file = {0};
	uint8_t digest[48];
	struct pe pe;
	int r = fat_view_file(fat, c->path, KERNEL_MAX, &file, e);

	if (r < 0)
		return r;
	if (!kernel_is_linux(file.bytes)) {
		boot_open(l, "what " SHELL_SCRIPT " starts is no Linux kernel");
		return 0;
	}
	r = pe_parse_view(&file, &pe, e);
	if (r < 0)
		return r;
	pe_authenticode(&pe, digest);
	add_image(l, digest, INPUT_DISK, c->path);
	if (boot_stub_measures(l, &file, file.bytes))
		r = measure_line(l, c->line, e);
	boot_measure_exit(l);
	return r;
}

int shell_measure(struct event_list *l, const struct shell_start *s, struct err *e)
{
	const struct event_tag tag = {1, EV_EFI_GPT_EVENT, INPUT_DISK};
	_cleanup_(bytes_free) struct bytes script = {NULL, 0};
	_cleanup_(freep) char *text = NULL;
	struct shell_command c = {NULL};
	const char *reason;
	int r = fat_read_file(s->fat, SHELL_SCRIPT, SCRIPT_MAX, &script, e);

	if (r < 0)
		return r;
	if (!s->firmware->shell_is_booted) {
		boot_open(l, "no " SHELL_SCRIPT
		             " is run by itself here: this firmware's shell is no boot option "
		             "that it tries, or not one that is known here");
		return 0;
	}
	boot_measure_next_option(l);
	add_image(l, s->firmware->shell_digest, INPUT_FIRMWARE, "the firmware's shell");
	text = strndup((const char *)script.data, script.size);
	if (!text)
		return err_nomem(e);
	reason = strlen(text) < script.size ? SHELL_SCRIPT " is not ASCII"
	                                    : shell_read_script(text, &c);
	if (reason) {
		boot_open(l, reason);
		return 0;
	}
	if (s->table.size > 0)
		event_hash(l, tag, s->table.data, s->table.size, "partition table");
	return start_kernel(l, &c, s->fat, e);
}
