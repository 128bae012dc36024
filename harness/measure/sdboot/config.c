/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sdboot/config.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/cleanup.h"
#include "format/bytes.h"
#include "measure/sdboot/text.h"

/* What systemd-boot adds by itself, behind the others. */
static const char *const own_ids[] = {
        "auto-osx",
        "auto-windows",
        "auto-efi-shell",
        "auto-efi-default",
        "auto-reboot-to-firmware-setup",
        "auto-poweroff",
        "auto-reboot",
};

/* "@saved" is kept, though nothing was; other names with '@' are none. */
static int take_pattern(char **to, const char *value, struct err *e)
{
	char *copy;

	if (value[0] == '@' && strcasecmp(value, "@saved") != 0)
		return 0;
	copy = strdup(value);
	if (!copy)
		return err_sys(e, -ENOMEM, "loader.conf");
	for (char *at = copy; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	free(*to);
	*to = copy;
	return 0;
}

int sd_config_read(char *text, const struct sd_program *p, struct sd_config *ret, struct err *e)
{
	struct sd_line line;
	int r = 0;

	while (r == 0 && sd_next_line(&text, " \t", &line)) {
		if (strcmp(line.key, "default") == 0)
			r = take_pattern(&ret->chosen, line.value, e);
		else if (p->version >= 262 && strcmp(line.key, "preferred") == 0)
			r = take_pattern(&ret->preferred, line.value, e);
		else if (strcmp(line.key, "timeout") == 0 && strcmp(line.value, "menu-force") == 0)
			ret->waits = true;
		else if (strcmp(line.key, "timeout") == 0)
			ret->waits = false;
	}
	return r;
}

void sd_config_done(struct sd_config *c)
{
	free(c->chosen);
	free(c->preferred);
	*c = (struct sd_config){0};
}

static const struct sd_entry *find(const char *pattern, const struct sd_entries *list,
                                   bool with_tries)
{
	if (!pattern || strcmp(pattern, "@saved") == 0)
		return NULL;
	for (size_t i = 0; i < list->count; i++) {
		if (fnmatch(pattern, list->entry[i].id, 0) == 0 &&
		    !(with_tries && list->entry[i].tries_left == 0))
			return &list->entry[i];
	}
	return NULL;
}

/* Whether it may mean an entry that systemd-boot adds, or something that is not understood. */
static bool is_beyond(const char *pattern)
{
	if (!pattern || strcmp(pattern, "@saved") == 0)
		return false;
	if (strpbrk(pattern, "[\\") || !sd_is_ascii(pattern))
		return true;
	for (size_t i = 0; i < COUNT_OF(own_ids); i++) {
		if (fnmatch(pattern, own_ids[i], 0) == 0)
			return true;
	}
	return strncmp(pattern, "auto-", 5) == 0 || strncmp(pattern, "secure-boot-", 12) == 0;
}

const struct sd_entry *sd_config_select(const struct sd_config *c, const struct sd_program *p,
                                        const struct sd_entries *list, const char **ret_reason)
{
	const struct sd_entry *found = find(c->preferred, list, true);

	*ret_reason = list->reason;
	if (list->reason[0])
		return NULL;
	*ret_reason = "systemd-boot's menu waits for a key";
	if (c->waits)
		return NULL;
	*ret_reason = "what loader.conf has for default is not understood here";
	if (!found && is_beyond(c->preferred))
		return NULL;
	if (!found)
		found = find(c->chosen, list, false);
	if (!found && is_beyond(c->chosen))
		return NULL;
	if ((c->chosen && strpbrk(c->chosen, "[\\")) ||
	    (c->preferred && strpbrk(c->preferred, "[\\")))
		return NULL;
	*ret_reason = "systemd-boot finds no entry to boot";
	for (size_t i = 0; !found && i < list->count; i++) {
		if (p->version < 262 || list->entry[i].profile == 0)
			found = &list->entry[i];
	}
	return found;
}
