/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "measure/events.h"
#include "measure/sdboot/program.h"

/* Texts as systemd's boot programs read them. */

/* A section or a file up to its first NUL, as a string; NULL without memory. The caller frees. */
char *sd_text(struct bytes b);
bool sd_is_ascii(const char *text);

/*
 * The next line "key value" from *at on, which moves behind it: white space around both, '#'
 * comments and lines without a separator skipped, quotes around the value dropped. Cuts the text.
 */
struct sd_line {
	char *key, *value;
};
bool sd_next_line(char **at, const char *separators, struct sd_line *ret);

/* In place: what the stub makes of a command line's white space and control characters. */
void sd_mangle(char *cmdline, const struct sd_program *p);

/* Measures a text as UTF-16 with its NUL into RTMR2; opens that where the text is not ASCII. */
int sd_measure_text(struct event_list *l, uint32_t type, const char *text, const char *what,
                    struct err *e);

/* "a b", or the one of them that is not empty; takes *a over. NULL without memory. */
char *sd_join(char *a, const char *b);

/* A path in EFI notation: '\' between names, none doubled; a new string. */
char *sd_path(const char *text);
/* The same as the FAT reader wants it: '/', none at the beginning; a new string. */
char *sd_fat_path(const char *path);

/* Whether `text` begins or ends with a part, without case. */
bool sd_starts(const char *text, const char *part);
bool sd_ends(const char *text, const char *part);
