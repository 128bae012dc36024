/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Small helpers that the unit tests share: golden files (cases/golden) and hexadecimal. */

struct golden {
	uint8_t *data; /* malloc'ed with exactly `size` bytes, so that ASan sees an overrun */
	size_t size;
};

static inline void golden_done(struct golden *g)
{
	free(g->data);
	*g = (struct golden){0};
}

static inline struct golden golden_open(const char *path)
{
	struct golden g = {0};
	FILE *f;
	long size;

	f = fopen(path, "rb");
	ck_assert_msg(f != NULL, "cannot open %s (start tests from the top of the tree)", path);
	ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	ck_assert_int_gt(size, 0);
	rewind(f);
	g.size = (size_t)size;
	g.data = malloc(g.size);
	ck_assert_ptr_nonnull(g.data);
	ck_assert_uint_eq(fread(g.data, 1, g.size, f), g.size);
	fclose(f);
	return g;
}

/* Reads cases/golden/<name>; tests are started from the top of the tree. */
static inline struct golden golden_read(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "cases/golden/%s", name);
	return golden_open(path);
}

/* Compares bytes with their hexadecimal text; `hex` may be a prefix of the whole. */
static inline void assert_hex(const char *what, const void *data, size_t size, const char *hex)
{
	size_t n = strlen(hex) / 2;
	char text[2 * 1024 + 1];

	ck_assert_uint_le(n, size);
	ck_assert_uint_lt(2 * n, sizeof(text));
	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", ((const uint8_t *)data)[i]);
	text[2 * n] = 0;
	ck_assert_msg(strcmp(text, hex) == 0, "%s: %s, expected %s", what, text, hex);
}
