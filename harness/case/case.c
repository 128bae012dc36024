/* SPDX-License-Identifier: Apache-2.0 */
#include "case/case.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "case/expectation.h"
#include "case/matrix.h"
#include "core/cleanup.h"
#include "core/enum.h"
#include "core/file.h"
#include "core/reading.h"

#define CASE_FILE_MAX  (4l << 20) /* bytes */
#define DEADLINE_MAX_S 3600

static void case_done(struct test_case *c)
{
	free(c->why);
	free(c->xfail);
	free(c->xfail_until);
	free(c->tags);
	free(c->excluded);
}

/* ---- one case ---- */
/* One as it stands in the file: of a matrix many. */
struct entry {
	struct test_case c; /* first: what its members are read into */
	const yaml_node_t *node, *cell, *matrix;
};

/* A cell's own complaint, with its place. */
static int parse_cell(const struct reading *r, const yaml_node_t *n, const char *id,
                      struct cell *ret)
{
	if (cell_parse(id, ret, r->e) < 0)
		return err_prefix(r->e, "%s:%zu:%zu", r->path, n->start_mark.line + 1,
		                  n->start_mark.column + 1);
	return 0;
}

static int read_cell(const struct reading *r, const yaml_node_t *n, void *into)
{
	((struct entry *)into)->cell = n;
	return reading_text(r, n, "a cell's ID, like td/docker+dev") ? 0 : -EINVAL;
}

static int read_matrix(const struct reading *r, const yaml_node_t *n, void *into)
{
	(void)r;
	((struct entry *)into)->matrix = n;
	return 0;
}

static int read_tag(const struct reading *r, const yaml_node_t *n, char **tags)
{
	const char *expected = "a list of tags: small letters, digits and '-'";
	const char *tag = reading_text(r, n, expected);
	char *more;

	if (!tag)
		return -EINVAL;
	if (!*tag || strlen(tag) >= TAG_MAX || tag[strspn(tag, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		return reading_bad(r, n, "not a tag", expected);
	if (asprintf(&more, "%s%s ", *tags ? *tags : " ", tag) < 0)
		return err_nomem(r->e);
	free(*tags);
	*tags = more;
	return 0;
}

static int read_tags(const struct reading *r, const yaml_node_t *n, void *into)
{
	struct test_case *c = into;
	int rc = 0;

	if (n->type != YAML_SEQUENCE_NODE)
		return reading_bad(r, n, "not a list", "a list of tags");
	for (yaml_node_item_t *i = n->data.sequence.items.start;
	     rc == 0 && i < n->data.sequence.items.top; i++)
		rc = read_tag(r, yaml_document_get_node(r->doc, *i), &c->tags);
	return rc;
}

bool case_has_tag(const struct test_case *c, const char *tag)
{
	char one[TAG_MAX];
	int used;

	for (const char *p = c->tags; p && sscanf(p, " %39s%n", one, &used) == 1; p += used) {
		if (fnmatch(tag, one, 0) == 0)
			return true;
	}
	return false;
}

static int read_why(const struct reading *r, const yaml_node_t *n, void *into)
{
	return reading_copy(r, n, &((struct test_case *)into)->why);
}

static int read_isolate(const struct reading *r, const yaml_node_t *n, void *into)
{
	int value = 0;
	int rc = reading_bool(r, n, &value);

	((struct test_case *)into)->isolate = value;
	return rc;
}

static int read_deadline(const struct reading *r, const yaml_node_t *n, void *into)
{
	const char *expected = "seconds, from 1 to 3600";
	const char *text = reading_text(r, n, expected);
	unsigned long seconds;
	char *end;

	if (!text)
		return -EINVAL;
	seconds = strtoul(text, &end, 10);
	if (*end || text[0] < '1' || text[0] > '9' || seconds > DEADLINE_MAX_S)
		return reading_bad(r, n, "not a deadline", expected);
	((struct test_case *)into)->deadline_s = (int)seconds;
	return 0;
}

static int read_xfail(const struct reading *r, const yaml_node_t *n, void *into)
{
	return reading_copy(r, n, &((struct test_case *)into)->xfail);
}

static int read_until(const struct reading *r, const yaml_node_t *n, void *into)
{
	struct test_case *c = into;
	int rc = reading_copy(r, n, &c->xfail_until);
	struct tm day = {0};
	char again[16];

	if (rc < 0)
		return rc;
	/* A day that no month has becomes one of the next month. */
	if (!strptime(c->xfail_until, "%Y-%m-%d", &day) || timegm(&day) < 0 ||
	    !strftime(again, sizeof(again), "%Y-%m-%d", &day) || strcmp(again, c->xfail_until) != 0)
		return reading_bad(r, n, "not a date", "a day of the calendar, YYYY-MM-DD");
	return 0;
}

static int read_entry(const struct reading *r, const yaml_node_t *n, struct entry *entry)
{
	static const struct member members[] = {
	        {"cell", read_cell},         {"expect", expectation_read}, {"why", read_why},
	        {"isolate", read_isolate},   {"xfail", read_xfail},   {"xfail-until", read_until},
	        {"deadline", read_deadline}, {"tags", read_tags},     {"matrix", read_matrix},
	};
	struct test_case *c = &entry->c;
	int rc;

	c->expect = (struct expectation){
	        .entered = 1, .grade = -1, .kvm = -1, .rung = -1, .secret = -1};
	c->line = (int)n->start_mark.line + 1;
	c->column = (int)n->start_mark.column + 1;
	rc = reading_mapping(
	        r, n, members, 9,
	        "a case: cell, expect, why, isolate, deadline, xfail, xfail-until, tags, matrix",
	        entry);
	if (rc < 0)
		return rc;
	entry->node = n;
	if (!entry->cell)
		return reading_bad(r, n, "a case without a cell", "cell: ID");
	if (!entry->matrix &&
	    parse_cell(r, entry->cell, (const char *)entry->cell->data.scalar.value, &c->cell) < 0)
		return -EINVAL;
	if (!c->why)
		return reading_bad(r, n, "a case without a reason", "why: TEXT");
	if (c->expect.entered && c->expect.grade < 0)
		return reading_bad(r, n, "a case without an expected grade",
		                   "expect: {grade: ...} or {entered: false}");
	if (!c->xfail != !c->xfail_until)
		return reading_bad(r, n, "a known failure needs its reason and its expiry",
		                   "both xfail and xfail-until");
	return 0;
}

/* ---- its cells ---- */
struct adding {
	const struct reading *r;
	const struct entry *entry;
	struct case_file *f;
};

static int copy_text(char **text, struct err *e)
{
	*text = *text ? strdup(*text) : NULL;
	return *text ? 0 : err_nomem(e);
}

static int copy_texts(struct test_case *c, const char *excluded, struct err *e)
{
	char **all[] = {&c->why, &c->xfail, &c->xfail_until, &c->tags, &c->excluded};
	int rc = 0;

	c->excluded = (char *)excluded;
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		if (*all[i] && copy_text(all[i], e) < 0)
			rc = -ENOMEM;
	}
	return rc;
}

static int add_cell(const char *id, const char *excluded, void *userdata)
{
	const struct adding *a = userdata;
	struct test_case *all = reallocarray(a->f->item, a->f->count + 1, sizeof(*all)), *c;
	const struct layer *last;

	if (!all)
		return err_nomem(a->r->e);
	a->f->item = all;
	c = &all[a->f->count++];
	*c = a->entry->c;
	if (copy_texts(c, excluded, a->r->e) < 0)
		return -ENOMEM;
	if (parse_cell(a->r, a->entry->cell, id, &c->cell) < 0)
		return -EINVAL;
	cell_print(&c->cell, c->cell.layers, c->id);
	last = &c->cell.layer[c->cell.layers - 1];
	if (c->expect.secret >= 0 && layer_mode_in(last, last->kind->tiny))
		return reading_bad(a->r, a->entry->node,
		                   "a secret for the tiny nested guest, which can't open one",
		                   "a layer with the whole agent in it");
	return 0;
}

static int read_case(const struct reading *r, const yaml_node_t *n, struct case_file *f)
{
	struct entry entry = {0};
	struct adding adding = {.r = r, .entry = &entry, .f = f};
	int rc = read_entry(r, n, &entry);

	if (rc == 0 && entry.matrix)
		rc = matrix_read(r, entry.matrix, entry.cell, add_cell, &adding);
	else if (rc == 0)
		rc = add_cell((const char *)entry.cell->data.scalar.value, NULL, &adding);
	case_done(&entry.c);
	return rc;
}

/* ---- the file ---- */
static int by_cell(const void *left, const void *right)
{
	const struct test_case *const *a = left, *const *b = right;
	int order = cell_compare(&(*a)->cell, &(*b)->cell);

	return order ? order : (*a > *b) - (*a < *b); /* as they stand in the file */
}

/* An order, or what is usual, makes no other cell. The first that is there again is told. */
static int check_repeated(const struct reading *r, const struct case_file *f)
{
	_cleanup_(freep) const struct test_case **all = calloc(f->count, sizeof(*all));
	const struct test_case *first = NULL, *again = NULL;
	char expected[CELL_ID_MAX + 60];

	if (!all)
		return err_nomem(r->e);
	for (size_t i = 0; i < f->count; i++)
		all[i] = &f->item[i];
	qsort(all, f->count, sizeof(*all), by_cell);
	for (size_t i = 1; i < f->count; i++) {
		if (cell_same(&all[i - 1]->cell, &all[i]->cell) && (!again || all[i] < again)) {
			first = all[i - 1];
			again = all[i];
		}
	}
	if (!again)
		return 0;
	snprintf(expected, sizeof(expected), "each cell once, and line %d has '%s'", first->line,
	         first->id);
	return reading_bad_at(r,
	                      &(yaml_mark_t){.line = (size_t)again->line - 1,
	                                     .column = (size_t)again->column - 1},
	                      "repeated cell", again->id, expected);
}

static int read_cases(const struct reading *r, const yaml_node_t *n, void *into)
{
	struct case_file *f = into;
	size_t count;

	if (n->type != YAML_SEQUENCE_NODE)
		return reading_bad(r, n, "not a list", "a list of cases");
	count = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
	if (count == 0)
		return reading_bad(r, n, "no cases", "a list of cases");
	for (size_t i = 0; i < count; i++) {
		int rc = read_case(
		        r, yaml_document_get_node(r->doc, n->data.sequence.items.start[i]), f);

		if (rc < 0)
			return rc;
	}
	return check_repeated(r, f);
}

static int read_version(const struct reading *r, const yaml_node_t *n, void *into)
{
	const char *text = reading_text(r, n, "1");

	if (!text)
		return -EINVAL;
	((struct case_file *)into)->version = 1;
	return strcmp(text, "1") == 0 ? 0 : reading_bad(r, n, "unknown version", "1");
}

static int read_root(const struct reading *r, const yaml_node_t *root, void *into)
{
	static const struct member members[] = {{"version", read_version}, {"cases", read_cases}};
	struct case_file *f = into;
	int rc = reading_mapping(r, root, members, 2, "version and cases", f);

	if (rc == 0 && !f->version)
		return reading_bad(r, root, "no version", "version: 1");
	if (rc == 0 && f->count == 0)
		return reading_bad(r, root, "no cases", "version and cases");
	return rc;
}

int case_file_load(const char *path, struct case_file *ret, struct err *e)
{
	_cleanup_(bytes_free) struct bytes text = {0};
	struct case_file f = {0};
	int rc = file_read(path, CASE_FILE_MAX, &text, e);

	if (rc < 0)
		return err_prefix(e, "case file");
	f.path = strdup(path);
	rc = f.path ? reading_load(path, text, read_root, "version and cases", &f, e)
	            : err_nomem(e);
	if (rc < 0) {
		case_file_done(&f);
		return rc;
	}
	*ret = f;
	return 0;
}

void case_file_done(struct case_file *f)
{
	for (size_t i = 0; i < f->count; i++)
		case_done(&f->item[i]);
	free(f->item);
	free(f->path);
	*f = (struct case_file){0};
}
