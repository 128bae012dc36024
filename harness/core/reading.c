/* SPDX-License-Identifier: Apache-2.0 */
#include "core/reading.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/enum.h"

int reading_bad_at(const struct reading *r, const yaml_mark_t *at, const char *found,
                   const char *value, const char *expected)
{
	return err_set(r->e, -EINVAL, "%s:%zu:%zu: %s%s%.60s%s; expected %s", r->path, at->line + 1,
	               at->column + 1, found, value ? " '" : "", value ? value : "",
	               value ? "'" : "", expected);
}

int reading_bad(const struct reading *r, const yaml_node_t *n, const char *found,
                const char *expected)
{
	const char *value = NULL;

	if (n->type == YAML_SCALAR_NODE)
		value = (const char *)n->data.scalar.value;
	return reading_bad_at(r, &n->start_mark, found, value, expected);
}

const char *reading_text(const struct reading *r, const yaml_node_t *n, const char *expected)
{
	const char *text = (const char *)n->data.scalar.value;

	if (n->type != YAML_SCALAR_NODE) {
		reading_bad(r, n, "not a single value", expected);
		return NULL;
	}
	if (strlen(text) != n->data.scalar.length || strpbrk(text, "\n\r\t\033")) {
		reading_bad_at(r, &n->start_mark, "a control character", NULL, expected);
		return NULL;
	}
	return text;
}

int reading_mapping(const struct reading *r, const yaml_node_t *map, const struct member *list,
                    size_t count, const char *expected, void *into)
{
	unsigned seen = 0;

	if (map->type != YAML_MAPPING_NODE)
		return reading_bad(r, map, "not a mapping", expected);
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
	     p++) {
		const yaml_node_t *key = yaml_document_get_node(r->doc, p->key);
		const yaml_node_t *value = yaml_document_get_node(r->doc, p->value);
		const char *name = reading_text(r, key, expected);
		size_t i = 0;
		int rc;

		if (!name)
			return -EINVAL;
		while (i < count && strcmp(list[i].name, name) != 0)
			i++;
		if (i == count)
			return reading_bad(r, key, "unknown key", expected);
		if (seen & 1u << i)
			return reading_bad(r, key, "repeated key", "each key once");
		seen |= 1u << i;
		rc = list[i].read(r, value, into);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int reading_name(const struct reading *r, const yaml_node_t *n, const char *const names[],
                 size_t count, int *ret)
{
	char known[160] = "one of";
	size_t used = strlen(known);
	const char *text;
	int value;

	for (size_t i = 0; i < count && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, " %s", names[i]);
	text = reading_text(r, n, known);
	if (!text)
		return -EINVAL;
	value = enum_find(names, count, text);
	if (value < 0)
		return reading_bad(r, n, "unknown value", known);
	*ret = value;
	return 0;
}

int reading_bool(const struct reading *r, const yaml_node_t *n, int *ret)
{
	static const char *const names[] = {"false", "true"};

	return reading_name(r, n, names, 2, ret);
}

int reading_copy(const struct reading *r, const yaml_node_t *n, char **ret)
{
	const char *text = reading_text(r, n, "a text on one line");
	char *copy;

	if (!text)
		return -EINVAL;
	if (!*text)
		return reading_bad(r, n, "an empty text", "a text on one line");
	copy = strdup(text);
	if (!copy)
		return err_nomem(r->e);
	free(*ret);
	*ret = copy;
	return 0;
}

static int bad_yaml(const struct reading *r, const yaml_parser_t *p)
{
	return reading_bad_at(r, &p->problem_mark, p->problem ? p->problem : "bad YAML", NULL,
	                      "YAML");
}

/* After the first document. */
static int check_end(const struct reading *r, yaml_parser_t *parser)
{
	yaml_document_t doc;
	int rc = 0;

	if (!yaml_parser_load(parser, &doc))
		return bad_yaml(r, parser);
	if (yaml_document_get_root_node(&doc))
		rc = reading_bad_at(r, &doc.start_mark, "a second document", NULL, "the end");
	yaml_document_delete(&doc);
	return rc;
}

static int read_document(const struct reading *r, reading_function *read, const char *expected,
                         void *into)
{
	const yaml_node_t *root = yaml_document_get_root_node(r->doc);

	if (!root)
		return err_set(r->e, -EINVAL, "%s:1:1: an empty file; expected %s", r->path,
		               expected);
	return read(r, root, into);
}

int reading_load(const char *path, struct bytes text, reading_function *read, const char *expected,
                 void *into, struct err *e)
{
	yaml_document_t doc;
	yaml_parser_t parser;
	struct reading r = {.path = path, .doc = &doc, .e = e};
	int rc;

	if (!yaml_parser_initialize(&parser))
		return err_nomem(e);
	yaml_parser_set_input_string(&parser, text.data, text.size);
	if (yaml_parser_load(&parser, &doc)) {
		rc = read_document(&r, read, expected, into);
		yaml_document_delete(&doc);
		if (rc == 0)
			rc = check_end(&r, &parser);
	} else {
		rc = bad_yaml(&r, &parser);
	}
	yaml_parser_delete(&parser);
	return rc;
}
