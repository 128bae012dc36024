/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/qemu_line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"

/* ---- options ---- */

static bool takes_value(const char *name)
{
	static const char *const none[] = {
	        "-h",           "-help",        "-version",    "-mem-prealloc",
	        "-audio-help",  "-snapshot",    "-usb",        "-nographic",
	        "-portrait",    "-full-screen", "-win2k-hack", "-no-fd-bootchk",
	        "-no-acpi",     "-no-hpet",     "-singlestep", "-preconfig",
	        "-S",           "-s",           "-enable-kvm", "-xen-attach",
	        "-no-reboot",   "-no-shutdown", "-daemonize",  "-only-migratable",
	        "-nodefaults",  "-perfmap",     "-jitdump",    "-no-user-config",
	        "-enable-fips", "-no-kvm",      "-curses",     "-xen-domid-restrict",
	        "-sdl",         "-no-quit",     "-alt-grab",   "-enable-sync-profile",
	        "-ctrl-grab",
	};

	for (size_t i = 0; i < COUNT_OF(none); i++) {
		if (strcmp(name, none[i]) == 0)
			return false;
	}
	return true;
}

int qemu_option_next(char *const **at, struct qemu_option *ret, struct err *e)
{
	const char *name = **at;

	if (!name)
		return 0;
	(*at)++;
	if (name[0] != '-') {
		*ret = (struct qemu_option){"-hda", name};
		return 1;
	}
	name += name[1] == '-';
	*ret = (struct qemu_option){name, NULL};
	if (!takes_value(name))
		return 1;
	if (!**at)
		return err_set(e, -EINVAL, "%.60s: its value is missing", name);
	ret->value = *(*at)++;
	return 1;
}

/* ---- values ---- */

/* One part of "a=b,c=d", with ",," for a comma; *at moves behind it. */
static void take_part(const char **at, char *part)
{
	size_t n = 0;

	for (; **at; (*at)++) {
		if (**at == ',' && (*at)[1] != ',')
			break;
		*at += **at == ',';
		part[n++] = **at;
	}
	part[n] = '\0';
	*at += **at == ',';
}

json_t *qemu_value_read(const char *value, const char *first)
{
	json_t *object = value[0] == '{' ? json_loads(value, 0, NULL) : json_object();
	char *part, *equals;

	if (!object || value[0] == '{')
		return object;
	part = malloc(strlen(value) + 1);
	for (bool begin = true; part && *value; begin = false) {
		take_part(&value, part);
		equals = strchr(part, '=');
		if (equals)
			*equals = '\0';
		if (begin && !equals)
			json_object_set_new(object, first, json_string(part));
		else
			json_object_set_new(object, part, json_string(equals ? equals + 1 : "on"));
	}
	if (!part) {
		json_decref(object);
		return NULL;
	}
	free(part);
	return object;
}

static void write_text(FILE *f, const char *text)
{
	for (; *text; text++)
		fprintf(f, "%s%c", *text == ',' ? "," : "", *text);
}

char *qemu_value_write(const json_t *object, const char *first, const char *like)
{
	const char *key, *comma = "";
	char *text = NULL, buffer[24];
	size_t size;
	json_t *member;
	FILE *f;

	if (like[0] == '{')
		return json_dumps(object, JSON_COMPACT);
	f = open_memstream(&text, &size);
	if (!f)
		return NULL;
	json_object_foreach((json_t *)object, key, member)
	{
		fputs(comma, f);
		if (*comma || strcmp(key, first) != 0)
			fprintf(f, "%s=", key);
		write_text(f, qemu_value_text(object, key, buffer));
		comma = ",";
	}
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

const char *qemu_value_text(const json_t *object, const char *key, char buffer[24])
{
	const json_t *member = json_object_get(object, key);

	if (json_is_boolean(member))
		return json_is_true(member) ? "on" : "off";
	if (!json_is_integer(member))
		return json_is_string(member) ? json_string_value(member) : "";
	snprintf(buffer, 24, "%lld", (long long)json_integer_value(member));
	return buffer;
}

const char *qemu_value_name(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

bool qemu_value_is_on(const json_t *object, const char *key)
{
	char buffer[24];

	return strcmp(qemu_value_text(object, key, buffer), "on") == 0;
}
