/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <yaml.h>

#include "core/err.h"
#include "format/bytes.h"

/*
 * Values of a YAML file, each read in one way: what is refused is an error with file, line and
 * column, what was found and what was expected. 0, -EINVAL or -ENOMEM.
 */

/* A file being read: where we are, for messages. */
struct reading {
	const char *path;
	yaml_document_t *doc;
	struct err *e;
};

/* Reads one value into what it is given. */
typedef int reading_function(const struct reading *r, const yaml_node_t *value, void *into);

/* Reads a text of exactly one document, whose root `read` gets. `expected` is what is missing from an
 * empty one. */
int reading_load(const char *path, struct bytes text, reading_function *read, const char *expected,
                 void *into, struct err *e);

int reading_bad_at(const struct reading *r, const yaml_mark_t *at, const char *found,
                   const char *value, const char *expected);
int reading_bad(const struct reading *r, const yaml_node_t *n, const char *found,
                const char *expected);

/* The text of a scalar on one line, or NULL with the error set. */
const char *reading_text(const struct reading *r, const yaml_node_t *n, const char *expected);

/* One member of a mapping: its name and how it is read. */
struct member {
	const char *name;
	reading_function *read;
};

/* Reads a mapping whose members are those of the list; each at most once. */
int reading_mapping(const struct reading *r, const yaml_node_t *map, const struct member *list,
                    size_t count, const char *expected, void *into);

/* The index of one of `names`; "true" or "false"; a text that is not empty, a heap copy in place of
 * *ret. */
int reading_name(const struct reading *r, const yaml_node_t *n, const char *const names[],
                 size_t count, int *ret);
int reading_bool(const struct reading *r, const yaml_node_t *n, int *ret);
int reading_copy(const struct reading *r, const yaml_node_t *n, char **ret);
