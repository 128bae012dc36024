/* SPDX-License-Identifier: Apache-2.0 */
#include "case/matrix.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "case/cell.h"

#define AXES_EXPECTED "a mapping of up to 8 axes, each a list of words"
#define CELL_EXPECTED "a cell's ID with each axis in it, like $machine/docker$grant"

struct matrix {
	const struct reading *r;
	const char *axis[MATRIX_AXES_MAX];
	const yaml_node_t *values[MATRIX_AXES_MAX]; /* a list */
	size_t axes;
	const yaml_node_t *include, *exclude; /* lists, or NULL */
	const char *template;
	const yaml_node_t *cell;
	matrix_fn each;
	void *userdata;
	size_t cells;
};

/* One word for each axis. */
struct combination {
	const char *word[MATRIX_AXES_MAX];
};

static size_t length(const yaml_node_t *list)
{
	return list ? (size_t)(list->data.sequence.items.top - list->data.sequence.items.start) : 0;
}

static const yaml_node_t *item(const struct reading *r, const yaml_node_t *list, size_t index)
{
	return yaml_document_get_node(r->doc, list->data.sequence.items.start[index]);
}

static bool is_name(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789");

	return n && !text[n] && !isdigit((unsigned char)*text);
}

static int find_axis(const struct matrix *m, const char *name, size_t size)
{
	for (size_t i = 0; i < m->axes; i++) {
		if (strlen(m->axis[i]) == size && memcmp(m->axis[i], name, size) == 0)
			return (int)i;
	}
	return -1;
}

/* ---- what the file says ---- */

static int read_axis(struct matrix *m, const yaml_node_t *key, const yaml_node_t *values)
{
	const char *name = reading_text(m->r, key, AXES_EXPECTED);

	if (!name)
		return -EINVAL;
	if (!is_name(name) || m->axes == MATRIX_AXES_MAX)
		return reading_bad(m->r, key, is_name(name) ? "one axis more" : "not an axis's name",
		                   AXES_EXPECTED);
	if (find_axis(m, name, strlen(name)) >= 0)
		return reading_bad(m->r, key, "repeated axis", "each axis once");
	if (values->type != YAML_SEQUENCE_NODE || length(values) == 0)
		return reading_bad(m->r, values, "no words", AXES_EXPECTED);
	for (size_t i = 0; i < length(values); i++) {
		if (!reading_text(m->r, item(m->r, values, i), AXES_EXPECTED))
			return -EINVAL;
	}
	m->axis[m->axes] = name;
	m->values[m->axes++] = values;
	return 0;
}

static int read_axes(const struct reading *r, const yaml_node_t *n, void *into)
{
	int rc = 0;

	if (n->type != YAML_MAPPING_NODE ||
	    n->data.mapping.pairs.start == n->data.mapping.pairs.top)
		return reading_bad(r, n, "no axes", AXES_EXPECTED);
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start;
	     rc == 0 && p < n->data.mapping.pairs.top; p++)
		rc = read_axis(into, yaml_document_get_node(r->doc, p->key),
		               yaml_document_get_node(r->doc, p->value));
	return rc;
}

static int read_list(const struct reading *r, const yaml_node_t *n, const char *expected,
                     const yaml_node_t **ret)
{
	if (n->type != YAML_SEQUENCE_NODE)
		return reading_bad(r, n, "not a list", expected);
	*ret = n;
	return 0;
}

static int read_include(const struct reading *r, const yaml_node_t *n, void *into)
{
	return read_list(r, n, "a list of combinations", &((struct matrix *)into)->include);
}

static int read_exclude(const struct reading *r, const yaml_node_t *n, void *into)
{
	return read_list(r, n, "a list of when and why", &((struct matrix *)into)->exclude);
}

/* Some axes' words; of the rest NULL. */
static int read_words(const struct matrix *m, const yaml_node_t *n, struct combination *ret)
{
	const char *expected = "a mapping of axes, a word for each";

	if (n->type != YAML_MAPPING_NODE)
		return reading_bad(m->r, n, "not a mapping", expected);
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top;
	     p++) {
		const yaml_node_t *key = yaml_document_get_node(m->r->doc, p->key);
		const char *name = reading_text(m->r, key, expected);
		int axis = name ? find_axis(m, name, strlen(name)) : 0;

		if (!name)
			return -EINVAL;
		if (axis < 0)
			return reading_bad(m->r, key, "unknown axis", expected);
		ret->word[axis] = reading_text(
		        m->r, yaml_document_get_node(m->r->doc, p->value), expected);
		if (!ret->word[axis])
			return -EINVAL;
	}
	return 0;
}

struct exclusion {
	const struct matrix *m;
	struct combination when;
	const char *why;
};

static int read_when(const struct reading *r, const yaml_node_t *n, void *into)
{
	struct exclusion *x = into;

	(void)r;
	return read_words(x->m, n, &x->when);
}

static int read_why(const struct reading *r, const yaml_node_t *n, void *into)
{
	struct exclusion *x = into;

	x->why = reading_text(r, n, "the reason, on one line");
	return x->why ? 0 : -EINVAL;
}

static int read_exclusion(const struct matrix *m, const yaml_node_t *n, struct exclusion *ret)
{
	static const struct member members[] = {{"when", read_when}, {"why", read_why}};
	int rc;

	*ret = (struct exclusion){.m = m};
	rc = reading_mapping(m->r, n, members, 2, "when and why", ret);
	if (rc == 0 && (!ret->why || !*ret->why))
		return reading_bad(m->r, n, "an exclusion without a reason", "why: TEXT");
	return rc;
}

/* ---- the cells ---- */

static int excluded(const struct matrix *m, const struct combination *c, const char **ret_why)
{
	for (size_t i = 0; i < length(m->exclude); i++) {
		struct exclusion x;
		bool same = true;
		int rc = read_exclusion(m, item(m->r, m->exclude, i), &x);

		for (size_t k = 0; rc == 0 && k < m->axes; k++)
			same = same && (!x.when.word[k] || strcmp(x.when.word[k], c->word[k]) == 0);
		if (rc < 0 || same) {
			*ret_why = x.why;
			return rc;
		}
	}
	return 0;
}

static int print_cell(const struct matrix *m, const struct combination *c, char ret[CELL_ID_MAX])
{
	size_t used = 0;
	unsigned seen = 0;

	for (const char *p = m->template; *p;) {
		size_t n = strcspn(p, "$"), name;
		int axis;

		if (n == 0) {
			name = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz0123456789");
			axis = find_axis(m, p + 1, name);
			if (axis < 0)
				return reading_bad(m->r, m->cell, "an axis that is not there", CELL_EXPECTED);
			seen |= 1u << axis;
			used += (size_t)snprintf(ret + used, CELL_ID_MAX - used, "%s", c->word[axis]);
			p += 1 + name;
		} else {
			used += (size_t)snprintf(ret + used, CELL_ID_MAX - used, "%.*s", (int)n, p);
			p += n;
		}
		if (used >= CELL_ID_MAX)
			return reading_bad(m->r, m->cell, "a cell that is too long", CELL_EXPECTED);
	}
	return seen == (1u << m->axes) - 1
	               ? 0
	               : reading_bad(m->r, m->cell, "an axis that makes no difference",
	                             CELL_EXPECTED);
}

static int add(struct matrix *m, const struct combination *c, const char *why)
{
	char cell[CELL_ID_MAX];
	int rc = print_cell(m, c, cell);

	if (rc == 0 && ++m->cells > MATRIX_CELLS_MAX)
		return reading_bad(m->r, m->cell, "too many combinations", "10000 at most");
	return rc < 0 ? rc : m->each(cell, why, m->userdata);
}

/* All of them, the last axis first. */
static int add_product(struct matrix *m)
{
	size_t at[MATRIX_AXES_MAX] = {0};
	int rc = 0;

	while (rc == 0) {
		struct combination c = {0};
		const char *why = NULL;
		size_t k = m->axes;

		for (size_t i = 0; i < m->axes; i++)
			c.word[i] = (const char *)item(m->r, m->values[i], at[i])->data.scalar.value;
		rc = excluded(m, &c, &why);
		if (rc == 0)
			rc = add(m, &c, why);
		while (k > 0 && ++at[k - 1] == length(m->values[k - 1]))
			at[--k] = 0;
		if (k == 0)
			break;
	}
	return rc;
}

static int add_included(struct matrix *m)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < length(m->include); i++) {
		const yaml_node_t *n = item(m->r, m->include, i);
		struct combination c = {0};

		rc = read_words(m, n, &c);
		for (size_t k = 0; rc == 0 && k < m->axes; k++) {
			if (!c.word[k])
				rc = reading_bad(m->r, n, "a combination without all axes",
				                 "a word for each axis");
		}
		if (rc == 0)
			rc = add(m, &c, NULL);
	}
	return rc;
}

static bool has_word(const struct matrix *m, size_t axis, const char *word)
{
	for (size_t i = 0; i < length(m->values[axis]); i++) {
		if (strcmp((const char *)item(m->r, m->values[axis], i)->data.scalar.value, word) == 0)
			return true;
	}
	return false;
}

/* One with a typo would leave in what it should not. */
static int check_exclusions(const struct matrix *m)
{
	for (size_t i = 0; i < length(m->exclude); i++) {
		const yaml_node_t *n = item(m->r, m->exclude, i);
		struct exclusion x;
		int rc = read_exclusion(m, n, &x);

		for (size_t k = 0; rc == 0 && k < m->axes; k++) {
			if (x.when.word[k] && !has_word(m, k, x.when.word[k]))
				rc = reading_bad(m->r, n, "an exclusion of nothing",
				                 "words that the axes have");
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

int matrix_read(const struct reading *r, const yaml_node_t *matrix, const yaml_node_t *cell,
                matrix_fn each, void *userdata)
{
	static const struct member members[] = {
	        {"axes", read_axes}, {"include", read_include}, {"exclude", read_exclude}};
	struct matrix m = {.r = r, .cell = cell, .each = each, .userdata = userdata};
	int rc;

	m.template = reading_text(r, cell, CELL_EXPECTED);
	if (!m.template)
		return -EINVAL;
	rc = reading_mapping(r, matrix, members, 3, "axes, include and exclude", &m);
	if (rc == 0 && m.axes == 0)
		return reading_bad(r, matrix, "no axes", "axes: " AXES_EXPECTED);
	if (rc == 0)
		rc = check_exclusions(&m);
	if (rc == 0)
		rc = add_product(&m);
	return rc < 0 ? rc : add_included(&m);
}
