/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sdboot/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/cleanup.h"

#define MANGLES_BOTH_ENDS 257 /* from this version on white space goes at the front, too */

char *sd_text(struct bytes b)
{
	return b.size ? strndup((const char *)b.data, b.size) : strdup("");
}

bool sd_is_ascii(const char *text)
{
	while (*text && (unsigned char)*text < 0x80)
		text++;
	return *text == '\0';
}

/* ---- lines ---- */

/* Without white space at both ends. */
static char *trimmed(char *line)
{
	size_t length;

	line += strspn(line, " \t");
	length = strlen(line);
	while (length > 0 && strchr(" \t", line[length - 1]))
		line[--length] = '\0';
	return line;
}

static char *unquoted(char *value)
{
	size_t length = strlen(value);

	if (length >= 1 && (value[0] == '"' || value[0] == '\'') && value[length - 1] == value[0]) {
		value[length - 1] = '\0';
		return length > 1 ? value + 1 : value;
	}
	return value;
}

bool sd_next_line(char **at, const char *separators, struct sd_line *ret)
{
	while (**at) {
		char *line = *at, *end = line + strcspn(line, "\r\n"), *value;

		*at = *end ? end + 1 : end;
		*end = '\0';
		line = trimmed(line);
		if (*line == '#')
			continue;
		value = line + strcspn(line, separators);
		if (*value == '\0')
			continue;
		*value++ = '\0';
		value += strspn(value, separators);
		*ret = (struct sd_line){line, unquoted(value)};
		return true;
	}
	return false;
}

/* ---- command lines ---- */

static bool is_blank(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f;
}

/* Up to 254: control characters into spaces, and those at the end go; the first one stays. */
static void mangle_old(char *cmdline)
{
	size_t length = strlen(cmdline);

	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)cmdline[i] < ' ')
			cmdline[i] = ' ';
	}
	while (length > 0 && cmdline[length - 1] == ' ')
		cmdline[--length] = '\0';
}

void sd_mangle(char *cmdline, const struct sd_program *p)
{
	size_t from = 0, to = strlen(cmdline);

	if (p->version < MANGLES_BOTH_ENDS) {
		mangle_old(cmdline);
		return;
	}
	while (from < to && is_blank(cmdline[from]))
		from++;
	while (to > from && is_blank(cmdline[to - 1]))
		to--;
	for (size_t i = from; i < to; i++)
		cmdline[i - from] = is_blank(cmdline[i]) ? ' ' : cmdline[i];
	cmdline[to - from] = '\0';
}

int sd_measure_text(struct event_list *l, uint32_t type, const char *text, const char *what,
                    struct err *e)
{
	const struct event_tag tag = {2, type, INPUT_DISK};
	size_t units = strlen(text) + 1;
	_cleanup_(freep) uint8_t *wide = calloc(units, 2);

	if (!wide)
		return err_sys(e, -ENOMEM, "command line");
	if (!sd_is_ascii(text)) {
		event_open(l, 2, "a command line is not ASCII");
		return 0;
	}
	for (size_t i = 0; i < units; i++)
		wide[2 * i] = (uint8_t)text[i];
	event_hash(l, tag, wide, 2 * units, "%s", what);
	return 0;
}

char *sd_join(char *a, const char *b)
{
	char *joined = NULL;

	if (asprintf(&joined, "%s%s%s", a ? a : "", a && *a && *b ? " " : "", b) < 0)
		joined = NULL;
	free(a);
	return joined;
}

char *sd_path(const char *text)
{
	char *path = malloc(strlen(text) + 1), *out = path;

	if (!path)
		return NULL;
	for (; *text; text++) {
		char c = *text == '/' ? '\\' : *text;

		if (c != '\\' || out == path || out[-1] != '\\')
			*out++ = c;
	}
	*out = '\0';
	return path;
}

char *sd_fat_path(const char *path)
{
	char *copy = strdup(path + strspn(path, "\\"));

	for (char *at = copy; at && *at; at++) {
		if (*at == '\\')
			*at = '/';
	}
	return copy;
}

bool sd_starts(const char *text, const char *part)
{
	return strncasecmp(text, part, strlen(part)) == 0;
}

bool sd_ends(const char *text, const char *part)
{
	size_t length = strlen(text), size = strlen(part);

	return length >= size && strcasecmp(text + length - size, part) == 0;
}
