/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "format/quote.h"

/*
 * The part of GRUB's script language that generated configurations use (GRUB manual, "Writing full
 * configuration files directly"): commands, assignments, if/elif/else/fi, function, blocks as
 * arguments, single and double quotes, $name, ${name}, $1 ... $9, $?. Anything else stops the
 * script with a reason that names file and line. Time and memory are bounded.
 */
#define GRUB_UNKNOWN (-2)
#define GRUB_DROPPED '\1'
struct grub_words { /* one command, expanded */
	char **word;
	size_t count;
	char *block; /* a block argument to be run, with its braces, or NULL; word[count - 1] is how
	              * GRUB shows it. It has GRUB_DROPPED where a line of comment was. */
};

/* What knows the commands. `words` is borrowed; returns 0 or -errno, the command's own outcome in
 * *ret_status: 0 success, 1 a test failed, -1 an error, GRUB_UNKNOWN one of these. */
struct grub_script;
struct grub_host {
	int (*command)(void *userdata, struct grub_script *s, const struct grub_words *words,
	               int *ret_status, struct err *e);
	/* Whether a word names a command: else it is a function's name or an assignment. */
	bool (*knows)(void *userdata, const char *name);
	/* Each command as it is executed, its words joined by spaces. */
	void (*executing)(void *userdata, const char *text);
	/* After a variable was set. */
	int (*changed)(void *userdata, struct grub_script *s, const char *name, struct err *e);
	void *userdata;
};

int grub_script_new(const struct grub_host *host, struct grub_script **ret, struct err *e);
void grub_script_free(struct grub_script *s);

/* Runs a text; `name` and the number of its first line are for reasons. 0 also when it was stopped;
 * -ENOMEM. `name` must outlive the script. */
int grub_script_run(struct grub_script *s, const char *name, unsigned line, struct bytes text,
                    struct err *e);
/* One command as if it stood there. */
int grub_script_command(struct grub_script *s, const struct grub_words *w, struct err *e);
/* Where it is; it is back in `file` when a text that another one ran is over. */
void grub_script_at(struct grub_script *s, const char *file, unsigned line);
const char *grub_script_file(const struct grub_script *s);
unsigned grub_script_line(const struct grub_script *s);

/* Ends the script: outside of what is understood ("file:line: reason"), or because it is done. */
void grub_script_stop(struct grub_script *s, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));
void grub_script_finish(struct grub_script *s);
/* The reason, "" while there is none. */
const char *grub_script_reason(const struct grub_script *s);
bool grub_script_ended(const struct grub_script *s);

/* Variables; NULL when unset. A context keeps only what was exported, as `configfile` does. */
const char *grub_script_get(const struct grub_script *s, const char *name);
int grub_script_set(struct grub_script *s, const char *name, const char *value, struct err *e);
void grub_script_unset(struct grub_script *s, const char *name);
void grub_script_export(struct grub_script *s, const char *name);
void grub_script_enter(struct grub_script *s);
void grub_script_leave(struct grub_script *s);
/* $1 and so on, from words[1] on. */
void grub_script_params(struct grub_script *s, const struct grub_words *words);
