/* SPDX-License-Identifier: Apache-2.0 */
#include "core/argv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes `text` over. */
static void push(struct argv *a, char *text)
{
	char **item = NULL;

	if (text && !a->failed)
		item = reallocarray(a->item, a->count + 2, sizeof(*item));
	if (!item) {
		a->failed = true;
		free(text);
		return;
	}
	a->item = item;
	a->item[a->count++] = text;
	a->item[a->count] = NULL;
}

void argv_add(struct argv *a, const char *text)
{
	push(a, strdup(text));
}

void argv_addf(struct argv *a, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	push(a, n < 0 ? NULL : text);
}

void argv_done(struct argv *a)
{
	argv_free(a->item);
	*a = (struct argv){0};
}

char **argv_copy(char *const *items)
{
	struct argv a = {0};

	for (; *items; items++)
		argv_add(&a, *items);
	if (a.failed)
		argv_done(&a);
	return a.item;
}

void argv_free(char **items)
{
	if (!items)
		return;
	for (char **p = items; *p; p++)
		free(*p);
	free(items);
}
