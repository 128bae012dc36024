/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "measure/sdboot/entries.h"

/* What loader.conf says that decides what is booted: loader.conf(5). */
struct sd_config {
	char *chosen;    /* pattern for an entry's ID, in small letters; NULL: none */
	char *preferred; /* the same, for entries with tries left (262) */
	bool waits;      /* the menu stays until a key is pressed */
};

/* `text` is cut into pieces. */
int sd_config_read(char *text, const struct sd_program *p, struct sd_config *ret, struct err *e);
void sd_config_done(struct sd_config *c);

/* The entry that is booted, of a sorted list; NULL with *ret_reason where that cannot be told. */
const struct sd_entry *sd_config_select(const struct sd_config *c, const struct sd_program *p,
                                        const struct sd_entries *list, const char **ret_reason);
