/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "measure/grub/internal.h"

static void variable_done(struct grub_variable *v)
{
	free(v->name);
	free(v->value);
}

static struct grub_variable *find(const struct grub_script *s, const char *name)
{
	for (size_t i = 0; i < s->context->count; i++) {
		if (strcmp(s->context->item[i].name, name) == 0)
			return &s->context->item[i];
	}
	return NULL;
}

const char *grub_script_get(const struct grub_script *s, const char *name)
{
	const struct grub_variable *v = find(s, name);

	return v ? v->value : NULL;
}

static void put(struct grub_script *s, const char *name, const char *value, bool exported)
{
	struct grub_variable *v = find(s, name);
	char *copy = strdup(value);

	if (!copy) {
		s->failed = true;
		return;
	}
	if (v) {
		free(v->value);
		v->value = copy;
		v->exported |= exported;
		return;
	}
	if (s->context->count == VARIABLES_MAX) {
		grub_script_stop(s, "more than %u variables", VARIABLES_MAX);
		free(copy);
		return;
	}
	v = &s->context->item[s->context->count];
	*v = (struct grub_variable){strdup(name), copy, exported};
	if (v->name)
		s->context->count++;
	else
		free(copy);
	s->failed |= !v->name;
}

int grub_script_set(struct grub_script *s, const char *name, const char *value, struct err *e)
{
	put(s, name, value, false);
	if (s->failed)
		return err_sys(e, -ENOMEM, "GRUB script");
	return s->ended ? 0 : s->host.changed(s->host.userdata, s, name, e);
}

void grub_script_export(struct grub_script *s, const char *name)
{
	const char *value = grub_script_get(s, name);

	if (value)
		find(s, name)->exported = true;
	else
		put(s, name, "", true);
}

void grub_script_unset(struct grub_script *s, const char *name)
{
	struct grub_variable *v = find(s, name);

	if (!v)
		return;
	variable_done(v);
	*v = s->context->item[--s->context->count];
}

void grub_script_enter(struct grub_script *s)
{
	struct grub_context *inner;

	if (s->contexts == CONTEXTS_MAX) {
		grub_script_stop(s, "nested more than %u deep", CONTEXTS_MAX);
		return;
	}
	inner = calloc(1, sizeof(*inner));
	if (!inner) {
		s->failed = true;
		return;
	}
	inner->outer = s->context;
	s->context = inner;
	s->contexts++;
	for (size_t i = 0; inner->outer && i < inner->outer->count; i++) {
		const struct grub_variable *v = &inner->outer->item[i];

		if (v->exported)
			put(s, v->name, v->value, true);
	}
}

void grub_script_leave(struct grub_script *s)
{
	struct grub_context *inner = s->context;

	if (!inner)
		return;
	for (size_t i = 0; i < inner->count; i++)
		variable_done(&inner->item[i]);
	s->context = inner->outer;
	s->contexts--;
	free(inner);
}

void grub_params_done(struct grub_params *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->value[i]);
	*p = (struct grub_params){0};
}

void grub_script_params(struct grub_script *s, const struct grub_words *words)
{
	size_t count = words->count < PARAMS_MAX + 1 ? words->count : PARAMS_MAX + 1;

	grub_params_done(&s->params);
	for (size_t i = 1; i < count; i++) {
		char *copy = strdup(words->word[i]);

		if (!copy) {
			s->failed = true;
			return;
		}
		s->params.value[s->params.count++] = copy;
	}
}

/* A later definition of the same name comes first, and so counts. */
int grub_function_add(struct grub_script *s, struct bytes name, struct bytes block, struct err *e)
{
	struct grub_function *f = calloc(1, sizeof(*f));
	uint8_t *body = malloc(block.size);

	if (f) {
		f->name = strndup((const char *)name.data, name.size);
		f->file = strdup(s->file);
	}
	if (!f || !body || !f->name || !f->file) {
		if (f) {
			free(f->name);
			free(f->file);
		}
		free(f);
		free(body);
		return err_sys(e, -ENOMEM, "GRUB script");
	}
	memcpy(body, block.data + 1, block.size - 2);
	f->line = s->line;
	f->body = (struct bytes){body, block.size - 2};
	f->next = s->function;
	s->function = f;
	return 0;
}

int grub_script_new(const struct grub_host *host, struct grub_script **ret, struct err *e)
{
	struct grub_script *s = calloc(1, sizeof(*s));

	if (!s)
		return err_sys(e, -ENOMEM, "GRUB script");
	s->host = *host;
	s->file = "";
	grub_script_enter(s);
	if (s->failed) {
		free(s);
		return err_sys(e, -ENOMEM, "GRUB script");
	}
	*ret = s;
	return 0;
}

void grub_script_free(struct grub_script *s)
{
	if (!s)
		return;
	while (s->context)
		grub_script_leave(s);
	while (s->function) {
		struct grub_function *f = s->function;

		s->function = f->next;
		free(f->name);
		free(f->file);
		free((void *)f->body.data);
		free(f);
	}
	grub_params_done(&s->params);
	free(s);
}
