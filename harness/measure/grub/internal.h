/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "format/bytes.h"
#include "measure/grub/script.h"

/* What grub_script.c, grub_words.c and grub_env.c share. */
#define COMMANDS_MAX  10000u
#define DEPTH_MAX     32u
#define WORD_MAX      (64u << 10) /* bytes of one word after expansion */
#define EXPANDED_MAX  (4u << 20)  /* bytes of all words of a boot */
#define WORDS_MAX     1000u
#define VARIABLES_MAX 1000u
#define CONTEXTS_MAX  16u
#define PARAMS_MAX    9u

/* ---- text to tokens */

enum grub_token_kind {
	TOKEN_WORD,
	TOKEN_OPEN,           /* { */
	TOKEN_CLOSE,          /* } */
	TOKEN_END_OF_COMMAND, /* newline or ; */
	TOKEN_END,
	TOKEN_BAD /* | & < > and quotes that do not end */
};
struct grub_token {
	enum grub_token_kind kind;
	struct bytes text; /* as written */
	size_t end;        /* offset behind it */
};
struct grub_cursor {
	char *text; /* with a mark for each line that begins with '#'; no carriage returns */
	size_t size;
	size_t at;
	unsigned line;  /* number of the line in its file, as far as was counted */
	size_t counted; /* bytes */
};

/* `first` is the number of the text's first line in its file. */
int grub_cursor_init(struct grub_cursor *c, struct bytes text, unsigned first, struct err *e);
void grub_cursor_done(struct grub_cursor *c);
struct grub_token grub_cursor_peek(const struct grub_cursor *c);
void grub_cursor_next(struct grub_cursor *c);
unsigned grub_cursor_line(struct grub_cursor *c);
/* The block that begins here, with its braces; the cursor is behind it. */
struct bytes grub_cursor_block(struct grub_script *s, struct grub_cursor *c);

/* ---- words */

/* Adds what a word as written becomes: none, one or more. */
int grub_expand(struct grub_script *s, struct bytes raw, struct grub_words *w, struct err *e);
int grub_words_add_block(struct grub_words *w, struct bytes block, struct err *e);
void grub_words_done(struct grub_words *w);

/* ---- variables and functions */

struct grub_variable {
	char *name, *value;
	bool exported;
};
struct grub_context {
	struct grub_variable item[VARIABLES_MAX];
	size_t count;
	struct grub_context *outer;
};
struct grub_function {
	char *name;
	char *file;
	unsigned line;     /* of its first line */
	struct bytes body; /* without the braces */
	struct grub_function *next;
};
struct grub_params {
	char *value[PARAMS_MAX];
	size_t count;
};

struct grub_script {
	struct grub_host host;
	struct grub_context *context;
	unsigned contexts;
	struct grub_function *function;
	struct grub_params params;
	int status; /* $? */
	bool ended;
	bool failed; /* memory ran out */
	char reason[200];
	const char *file;
	unsigned line;
	unsigned commands, depth, expanded;
};

int grub_function_add(struct grub_script *s, struct bytes name, struct bytes block, struct err *e);
void grub_params_done(struct grub_params *p);
