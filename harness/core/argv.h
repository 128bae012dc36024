/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A growing argument vector. After a failed allocation it stays failed; look once, at the end. */
struct argv {
	char **item; /* NULL-terminated once anything was added; each is owned */
	size_t count;
	bool failed;
};

void argv_add(struct argv *a, const char *text);
void argv_addf(struct argv *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void argv_done(struct argv *a);
/* A copy of a NULL-terminated vector, or NULL. */
char **argv_copy(char *const *items);
void argv_free(char **items);
