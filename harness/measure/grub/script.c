/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/grub/script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "measure/grub/internal.h"

/* ---- ends ---- */

void grub_script_stop(struct grub_script *s, const char *fmt, ...)
{
	char text[120];
	va_list ap;

	if (s->ended)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s->ended = true;
	if (s->file[0])
		snprintf(s->reason, sizeof(s->reason), "%.60s:%u: %s", s->file, s->line, text);
	else
		snprintf(s->reason, sizeof(s->reason), "%s", text);
}

void grub_script_finish(struct grub_script *s)
{
	s->ended = true;
}

const char *grub_script_reason(const struct grub_script *s)
{
	return s->reason;
}

void grub_script_at(struct grub_script *s, const char *file, unsigned line)
{
	s->file = file;
	s->line = line;
}

unsigned grub_script_line(const struct grub_script *s)
{
	return s->line;
}

const char *grub_script_file(const struct grub_script *s)
{
	return s->file;
}

bool grub_script_ended(const struct grub_script *s)
{
	return s->ended;
}

/* ---- one command ---- */

static char *join(const struct grub_words *w)
{
	size_t size = 1, at = 0;
	char *text;

	for (size_t i = 0; i < w->count; i++)
		size += strlen(w->word[i]) + 1;
	text = malloc(size);
	if (!text)
		return NULL;
	for (size_t i = 0; i < w->count; i++)
		at += (size_t)sprintf(text + at, "%s%s", i ? " " : "", w->word[i]);
	text[at] = '\0';
	return text;
}

static int call_function(struct grub_script *s, const struct grub_function *f,
                         const struct grub_words *w, int *ret_status, struct err *e)
{
	struct grub_params outer = s->params;
	const char *file = s->file;
	int r;

	s->params = (struct grub_params){0};
	grub_script_params(s, w);
	r = grub_script_run(s, f->file, f->line, f->body, e);
	grub_params_done(&s->params);
	s->params = outer;
	s->file = file;
	*ret_status = s->status;
	return r;
}

static const struct grub_function *find_function(const struct grub_script *s, const char *name)
{
	for (const struct grub_function *f = s->function; f; f = f->next) {
		if (strcmp(f->name, name) == 0)
			return f;
	}
	return NULL;
}

/* A word that is no command and no function but has a '=' sets a variable. */
static int assign(struct grub_script *s, const char *word, struct err *e)
{
	const char *equals = strchr(word, '=');
	_cleanup_(freep) char *name = equals ? strndup(word, (size_t)(equals - word)) : NULL;

	if (name)
		return grub_script_set(s, name, equals + 1, e);
	grub_script_stop(s, "command '%.40s' is not known here", word);
	return 0;
}

int grub_script_command(struct grub_script *s, const struct grub_words *w, struct err *e)
{
	_cleanup_(freep) char *text = join(w);
	struct grub_words inner = *w;
	const struct grub_function *f;
	int r = 0, status = 0;

	if (!text)
		return err_sys(e, -ENOMEM, "GRUB script");
	if (++s->commands > COMMANDS_MAX) {
		grub_script_stop(s, "more than %u commands", COMMANDS_MAX);
		return 0;
	}
	s->host.executing(s->host.userdata, text);
	if (strcmp(w->word[0], "!") == 0) {
		inner.word++;
		inner.count--;
	}
	if (inner.count == 0) {
		grub_script_stop(s, "'!' without a command");
		return 0;
	}
	f = find_function(s, inner.word[0]);
	if (s->host.knows(s->host.userdata, inner.word[0]))
		r = s->host.command(s->host.userdata, s, &inner, &status, e);
	else if (f)
		r = call_function(s, f, &inner, &status, e);
	else
		r = assign(s, inner.word[0], e);
	/* An error is none after '!', and the script goes on. */
	s->status = inner.word == w->word || status == GRUB_UNKNOWN ? status : status == 0;
	return r;
}

static int simple_command(struct grub_script *s, struct grub_cursor *c, bool run, struct err *e)
{
	struct grub_words w = {0};
	struct grub_token t;
	int r = 0;

	s->line = grub_cursor_line(c);
	while (r == 0 && !s->ended) {
		t = grub_cursor_peek(c);
		if (t.kind == TOKEN_WORD) {
			grub_cursor_next(c);
			if (run)
				r = grub_expand(s, t.text, &w, e);
		} else if (t.kind == TOKEN_OPEN && !w.block) {
			struct bytes block = grub_cursor_block(s, c);

			if (run && !s->ended)
				r = grub_words_add_block(&w, block, e);
			else if (!run)
				continue;
		} else {
			break;
		}
	}
	if (r == 0 && !s->ended && t.kind == TOKEN_BAD)
		grub_script_stop(s, "syntax that is not understood here");
	if (r == 0 && run && !s->ended && w.count > 0)
		r = grub_script_command(s, &w, e);
	grub_words_done(&w);
	return r;
}

/* ---- lists and conditions ---- */

static bool is_word(const struct grub_token *t, const char *word)
{
	return t->kind == TOKEN_WORD && t->text.size == strlen(word) &&
	       memcmp(t->text.data, word, t->text.size) == 0;
}

static bool is_one_of(const struct grub_token *t, const char *const *words)
{
	for (; *words; words++) {
		if (is_word(t, *words))
			return true;
	}
	return false;
}

static int run_list(struct grub_script *s, struct grub_cursor *c, bool run, struct err *e);

static void expect(struct grub_script *s, struct grub_cursor *c, const char *word)
{
	struct grub_token t = grub_cursor_peek(c);

	s->line = grub_cursor_line(c);
	if (is_word(&t, word))
		grub_cursor_next(c);
	else
		grub_script_stop(s, "expected '%s'", word);
}

static int run_if(struct grub_script *s, struct grub_cursor *c, bool run, struct err *e)
{
	bool taken = false;
	struct grub_token t;
	int r;

	do { /* "if" and each "elif" */
		bool here;

		grub_cursor_next(c);
		r = run_list(s, c, run && !taken, e);
		if (run && !taken && s->status == GRUB_UNKNOWN)
			grub_script_stop(s, "whether a command succeeds is not known here");
		here = run && !taken && s->status == 0;
		if (r == 0 && !s->ended)
			expect(s, c, "then");
		if (r == 0 && !s->ended)
			r = run_list(s, c, here, e);
		if (r < 0 || s->ended)
			return r;
		taken |= here;
		t = grub_cursor_peek(c);
	} while (is_word(&t, "elif"));
	if (is_word(&t, "else")) {
		grub_cursor_next(c);
		r = run_list(s, c, run && !taken, e);
	} else if (run && !taken) {
		s->status = 0;
	}
	if (r == 0 && !s->ended)
		expect(s, c, "fi");
	return r;
}

static int define_function(struct grub_script *s, struct grub_cursor *c, bool run, struct err *e)
{
	struct grub_token name;
	struct bytes block;

	grub_cursor_next(c);
	name = grub_cursor_peek(c);
	grub_cursor_next(c);
	while (grub_cursor_peek(c).kind == TOKEN_END_OF_COMMAND)
		grub_cursor_next(c);
	if (name.kind != TOKEN_WORD || grub_cursor_peek(c).kind != TOKEN_OPEN) {
		grub_script_stop(s, "a function without a name or a body");
		return 0;
	}
	block = grub_cursor_block(s, c);
	if (!run || s->ended)
		return 0;
	return grub_function_add(s, name.text, block, e);
}

static int run_list(struct grub_script *s, struct grub_cursor *c, bool run, struct err *e)
{
	static const char *const ends[] = {"then", "elif", "else", "fi", NULL};
	static const char *const others[] = {"for",  "while", "until", "case", "select", "do",
	                                     "done", "esac",  "in",    "[[",   "]]",     NULL};
	int r = 0;

	if (++s->depth > DEPTH_MAX)
		grub_script_stop(s, "nested more than %u deep", DEPTH_MAX);
	while (r == 0 && !s->ended) {
		struct grub_token t = grub_cursor_peek(c);

		s->line = grub_cursor_line(c);
		if (t.kind == TOKEN_END_OF_COMMAND)
			grub_cursor_next(c);
		else if (t.kind != TOKEN_WORD || is_one_of(&t, ends))
			break;
		else if (is_word(&t, "if"))
			r = run_if(s, c, run, e);
		else if (is_word(&t, "function"))
			r = define_function(s, c, run, e);
		else if (is_one_of(&t, others))
			grub_script_stop(s, "'%.*s' is not understood here", (int)t.text.size,
			                 (const char *)t.text.data);
		else
			r = simple_command(s, c, run, e);
	}
	s->depth--;
	return r;
}

int grub_script_run(struct grub_script *s, const char *name, unsigned line, struct bytes text,
                    struct err *e)
{
	struct grub_cursor c;
	int r;

	if (s->ended)
		return 0;
	s->file = name;
	r = grub_cursor_init(&c, text, line, e);
	if (r < 0)
		return r;
	r = run_list(s, &c, true, e);
	if (r == 0 && !s->ended && grub_cursor_peek(&c).kind != TOKEN_END)
		grub_script_stop(s, "syntax that is not understood here");
	grub_cursor_done(&c);
	return r;
}
