/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "measure/grub/internal.h"

/* ---- text to tokens ---- */

/* Drops lines that begin with '#', as GRUB does before it looks at anything else: a mark is left in
 * their place, so that lines can be counted. */
int grub_cursor_init(struct grub_cursor *c, struct bytes text, unsigned first, struct err *e)
{
	size_t out = 0;

	*c = (struct grub_cursor){.text = malloc(text.size + 2), .line = first};
	if (!c->text)
		return err_sys(e, -ENOMEM, "GRUB script");
	for (size_t at = 0; at < text.size;) {
		const uint8_t *end = memchr(text.data + at, '\n', text.size - at);
		size_t length = end ? (size_t)(end - text.data) - at : text.size - at;

		for (size_t i = 0; text.data[at] != '#' && i < length; i++) {
			if (text.data[at + i] != '\r' && text.data[at + i] != '\0')
				c->text[out++] = (char)text.data[at + i];
		}
		c->text[out++] = text.data[at] == '#' ? GRUB_DROPPED : '\n';
		at += length + 1;
	}
	c->text[out] = '\0';
	c->size = out;
	return 0;
}

void grub_cursor_done(struct grub_cursor *c)
{
	free(c->text);
	*c = (struct grub_cursor){0};
}

unsigned grub_cursor_line(struct grub_cursor *c)
{
	for (; c->counted < c->at; c->counted++)
		c->line += c->text[c->counted] == '\n' || c->text[c->counted] == GRUB_DROPPED;
	return c->line;
}

static bool ends_word(char c)
{
	return strchr(" \t\n;{}|&<>", c) != NULL; /* NUL, too */
}

/* Behind a quoted part or a variable that begins at `at`, or 0 when it does not end. */
static size_t skip_part(const struct grub_cursor *c, size_t at)
{
	char quote = c->text[at++];
	const char *end;

	if (quote == '\\')
		return at < c->size ? at + 1 : 0;
	if (quote == '\'' || quote == '"') {
		while (at < c->size && c->text[at] != quote)
			at += quote == '"' && c->text[at] == '\\' ? 2 : 1;
		return at < c->size ? at + 1 : 0;
	}
	if (quote == '$' && c->text[at] == '{') {
		end = memchr(c->text + at, '}', c->size - at);
		return end ? (size_t)(end - c->text) + 1 : 0;
	}
	return at;
}

static struct grub_token word_at(const struct grub_cursor *c, size_t at)
{
	struct grub_token t = {.kind = TOKEN_WORD, .text = {(const uint8_t *)c->text + at, 0}};
	size_t end = at;

	while (end < c->size && !ends_word(c->text[end])) {
		end = skip_part(c, end);
		if (end == 0) {
			t.kind = TOKEN_BAD;
			t.end = c->size;
			return t;
		}
	}
	t.text.size = end - at;
	t.end = end;
	return t;
}

struct grub_token grub_cursor_peek(const struct grub_cursor *c)
{
	struct grub_token t = {0};
	size_t at = c->at;

	while (at < c->size &&
	       (c->text[at] == ' ' || c->text[at] == '\t' || c->text[at] == GRUB_DROPPED))
		at++;
	if (at < c->size && c->text[at] == '#') {
		while (at < c->size && c->text[at] != '\n')
			at++;
	}
	t.text = (struct bytes){(const uint8_t *)c->text + at, at < c->size};
	t.end = at + t.text.size;
	if (at >= c->size)
		t.kind = TOKEN_END;
	else if (c->text[at] == '\n' || c->text[at] == ';')
		t.kind = TOKEN_END_OF_COMMAND;
	else if (c->text[at] == '{')
		t.kind = TOKEN_OPEN;
	else if (c->text[at] == '}')
		t.kind = TOKEN_CLOSE;
	else if (strchr("|&<>", c->text[at]))
		t.kind = TOKEN_BAD;
	else
		return word_at(c, at);
	return t;
}

void grub_cursor_next(struct grub_cursor *c)
{
	c->at = grub_cursor_peek(c).end;
}

struct bytes grub_cursor_block(struct grub_script *s, struct grub_cursor *c)
{
	struct grub_token t = grub_cursor_peek(c);
	const uint8_t *begin = t.text.data;
	unsigned depth = 0;

	do {
		t = grub_cursor_peek(c);
		depth += t.kind == TOKEN_OPEN;
		depth -= t.kind == TOKEN_CLOSE;
		c->at = t.end;
		if (t.kind == TOKEN_END || t.kind == TOKEN_BAD) {
			grub_script_stop(s, "a block that does not end, or cannot be read");
			return (struct bytes){begin, 0};
		}
	} while (depth > 0);
	return (struct bytes){begin, (size_t)(c->text + c->at - (const char *)begin)};
}

/* ---- words ---- */

struct builder {
	struct grub_script *s;
	struct grub_words *w;
	char *text;
	size_t size;
	bool begun; /* there is a word, maybe an empty one */
};

static void put(struct builder *b, char c)
{
	char *grown;

	if (c == GRUB_DROPPED) /* inside quotes */
		return;
	b->begun = true;
	if (b->size % 256 == 0) {
		grown = realloc(b->text, b->size + 257);
		if (!grown) {
			b->s->failed = true;
			return;
		}
		b->text = grown;
	}
	b->text[b->size++] = c;
	b->text[b->size] = '\0';
	if (b->size > WORD_MAX || ++b->s->expanded > EXPANDED_MAX)
		grub_script_stop(b->s, "words of more bytes than are read here");
}

static void end_word(struct builder *b)
{
	struct grub_words *w = b->w;
	char **grown;

	if (!b->begun)
		return;
	if (w->count == WORDS_MAX) {
		grub_script_stop(b->s, "more than %u words", WORDS_MAX);
		return;
	}
	grown = reallocarray(w->word, w->count + 1, sizeof(*grown));
	if (grown)
		w->word = grown;
	if (!b->text)
		b->text = strdup("");
	if (!grown || !b->text) {
		b->s->failed = true;
		return;
	}
	w->word[w->count++] = TAKE_PTR(b->text);
	b->size = 0;
	b->begun = false;
}

static void put_plain(struct builder *b, char c)
{
	if (c == '*' || c == '?')
		grub_script_stop(b->s, "'%c' as a pattern is not understood here", c);
	else
		put(b, c);
}

static void put_value(struct builder *b, const char *value, bool quoted)
{
	for (; value && *value && !b->s->ended && !b->s->failed; value++) {
		if (quoted)
			put(b, *value);
		else if (isspace((unsigned char)*value))
			end_word(b);
		else
			put_plain(b, *value);
	}
}

/* A variable whose name begins at raw[at]; returns how many bytes it takes. */
static size_t put_variable(struct builder *b, struct bytes raw, size_t at, bool quoted)
{
	bool braces = at < raw.size && raw.data[at] == '{';
	size_t from = at + braces, end = from;
	char name[64], number[16];

	if (end < raw.size && (isdigit(raw.data[end]) || raw.data[end] == '?'))
		end++;
	else
		while (end < raw.size && (isalnum(raw.data[end]) || raw.data[end] == '_'))
			end++;
	if (end == from || end - from >= sizeof(name) ||
	    (braces && (end >= raw.size || raw.data[end] != '}'))) {
		grub_script_stop(b->s, "a '$' that is not understood here");
		return raw.size - at;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(end - from), (const char *)raw.data + from);
	if (name[0] == '?') {
		if (b->s->status < 0)
			grub_script_stop(b->s, "which error an earlier command gave is not known");
		snprintf(number, sizeof(number), "%d", b->s->status);
		put_value(b, number, quoted);
	} else if (isdigit((unsigned char)name[0])) {
		size_t i = (size_t)(name[0] - '0');

		if (i == 0)
			grub_script_stop(b->s, "'$0' is not understood here");
		else if (i <= b->s->params.count)
			put_value(b, b->s->params.value[i - 1], quoted);
	} else {
		put_value(b, grub_script_get(b->s, name), quoted);
	}
	return end + braces - at;
}

/* A quoted part that begins behind raw[at]; returns how many bytes it takes, the last quote too. */
static size_t put_quoted(struct builder *b, struct bytes raw, size_t at, char quote)
{
	size_t from = at;

	b->begun = true;
	while (at < raw.size && raw.data[at] != (uint8_t)quote && !b->s->ended) {
		char c = (char)raw.data[at++];

		if (quote == '"' && c == '$') {
			at += put_variable(b, raw, at, true);
		} else if (quote == '"' && c == '\\') {
			if (at < raw.size && strchr("\"\\$", raw.data[at]) && raw.data[at])
				put(b, (char)raw.data[at++]);
			else
				grub_script_stop(b->s, "a '\\' that is not understood here");
		} else {
			put(b, c);
		}
	}
	return at + 1 - from;
}

int grub_expand(struct grub_script *s, struct bytes raw, struct grub_words *w, struct err *e)
{
	struct builder b = {.s = s, .w = w};

	for (size_t at = 0; at < raw.size && !s->ended && !s->failed;) {
		char c = (char)raw.data[at++];

		if (c == '\'' || c == '"')
			at += put_quoted(&b, raw, at, c);
		else if (c == '$')
			at += put_variable(&b, raw, at, false);
		else if (c == '\\')
			grub_script_stop(s, "a '\\' that is not understood here");
		else
			put_plain(&b, c);
	}
	end_word(&b);
	free(b.text);
	return s->failed ? err_sys(e, -ENOMEM, "GRUB script") : 0;
}

int grub_words_add_block(struct grub_words *w, struct bytes block, struct err *e)
{
	char **grown = reallocarray(w->word, w->count + 1, sizeof(*grown));
	char *word = calloc(block.size + 1, 1);
	size_t used = 0;

	if (grown)
		w->word = grown;
	w->block = strndup((const char *)block.data, block.size);
	if (!grown || !word || !w->block) {
		free(word);
		return err_sys(e, -ENOMEM, "GRUB script");
	}
	for (size_t i = 0; i < block.size; i++) {
		if (block.data[i] != GRUB_DROPPED)
			word[used++] = (char)block.data[i];
	}
	w->word[w->count++] = word;
	return 0;
}

void grub_words_done(struct grub_words *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->word[i]);
	free(w->word);
	free(w->block);
	*w = (struct grub_words){0};
}
