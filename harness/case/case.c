/* SPDX-License-Identifier: Apache-2.0 */
#include "case/case.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/cleanup.h"
#include "core/enum.h"
#include "core/file.h"
#include "core/reading.h"

#define CASE_FILE_MAX  (4l << 20) /* bytes */
#define DEADLINE_MAX_S 3600
#define ERRNO_END      134 /* one past Linux's last */

/* ---- expect ---- */
static int read_entered(const struct reading *r, const yaml_node_t *n, void *into)
{
	return reading_bool(r, n, &((struct expectation *)into)->entered);
}

static int read_grade(const struct reading *r, const yaml_node_t *n, void *into)
{
	return reading_name(r, n, grade_names, 5, &((struct expectation *)into)->grade);
}

static int read_kvm(const struct reading *r, const yaml_node_t *n, void *into)
{
	struct expectation *x = into;
	int rc = reading_name(r, n, kvm_state_names + 1, 7, &x->kvm); /* nobody sees KVM_UNKNOWN */

	x->kvm += rc == 0;
	return rc;
}

static int read_rung(const struct reading *r, const yaml_node_t *n, void *into)
{
	return reading_name(r, n, rung_names, RUNG_COUNT, &((struct expectation *)into)->rung);
}

/* Those of this machine, as everything else here names them: EAGAIN is never EWOULDBLOCK. */
static bool is_errno(const char *name)
{
	for (int i = 1; i < ERRNO_END; i++) {
		const char *known = strerrorname_np(i);

		if (known && strcmp(known, name) == 0)
			return true;
	}
	return false;
}

/* An errno by name, or the given other word, if there is one. */
static int read_errno_or(const struct reading *r, const yaml_node_t *n, const char *word,
                         char ret[LAYER_WORD_MAX])
{
	const char *expected = "the name of an errno, like EACCES";
	const char *text = reading_text(r, n, expected);

	if (!text)
		return -EINVAL;
	if ((!word || strcmp(text, word) != 0) && !is_errno(text))
		return reading_bad(r, n, "not an errno", expected);
	snprintf(ret, LAYER_WORD_MAX, "%s", text);
	return 0;
}

static int read_errno(const struct reading *r, const yaml_node_t *n, void *into)
{
	return read_errno_or(r, n, NULL, ((struct expectation *)into)->error);
}

static int read_extend(const struct reading *r, const yaml_node_t *n, void *into)
{
	return read_errno_or(r, n, "ok", ((struct expectation *)into)->extend);
}

static int read_covers(const struct reading *r, const yaml_node_t *n, void *into)
{
	const char *expected = "a SHA-384 digest: 96 hexadecimal digits in lower case";
	const char *text = reading_text(r, n, expected);

	if (!text)
		return -EINVAL;
	if (strlen(text) != 96 || strspn(text, "0123456789abcdef") != 96)
		return reading_bad(r, n, "not a digest", expected);
	memcpy(((struct expectation *)into)->covers, text, 97);
	return 0;
}

static int read_secret(const struct reading *r, const yaml_node_t *n, void *into)
{
	struct expectation *x = into;
	int rc = reading_name(r, n, secret_state_names + SECRET_RELEASED, 2, &x->secret);

	x->secret += rc == 0 ? SECRET_RELEASED : 0;
	return rc;
}

#define RUNG(name)  (1u << RUNG_##name)
#define OF_QUOTE    (RUNG(QUOTE) | RUNG(PARSED) | RUNG(BOUND))
#define OF_VERIFIED (OF_QUOTE | RUNG(REGISTERS) | RUNG(CHAIN) | RUNG(EVENTLOG) | RUNG(PREDICTED))

/* What no layer of the grade can have false first: grade_of() in judge/ladder.c. */
static const unsigned impossible[] = {
        [GRADE_NONE] = RUNG(REGISTERS) | RUNG(CHAIN),
        [GRADE_REPORT] = RUNG(TDREPORT) | RUNG(REGISTERS) | RUNG(CHAIN),
        [GRADE_QUOTE] = OF_QUOTE,
        [GRADE_VERIFIED] = OF_VERIFIED,
        [GRADE_COVERED] = OF_VERIFIED | RUNG(COVERS),
};

/* What no layer can meet. */
static int check_possible(const struct reading *r, const yaml_node_t *n,
                          const struct expectation *x)
{
	char found[80];

	if (x->error[0] && x->rung < 0)
		return reading_bad(r, n, "an errno without the rung that gives it",
		                   "rung, the first one that is false");
	if (x->error[0] && x->rung > RUNG_QUOTE && x->rung != RUNG_EVENTLOG)
		return reading_bad(
		        r, n, "an errno of a rung that gives none",
		        "errno beside rung: device, tdreport, provider, quote or eventlog");
	if (!x->entered && (x->grade > GRADE_NONE || x->rung >= 0 || x->extend[0] || x->secret >= 0))
		return reading_bad(r, n,
		                   "a layer that is not entered can have no grade, rung, extend or secret",
		                   "entered: false alone, or with kvm");
	if (x->grade >= 0 && x->rung >= 0 && impossible[x->grade] & 1u << x->rung) {
		snprintf(found, sizeof(found), "grade: %s with a false rung %s",
		         grade_names[x->grade], rung_names[x->rung]);
		return reading_bad(r, n, found,
		                   "a grade that a layer with that rung false can have");
	}
	if (x->secret == SECRET_RELEASED && (x->grade < GRADE_VERIFIED || x->rung == RUNG_SECRET))
		return reading_bad(r, n, "a secret for a layer that is not to be verified",
		                   "grade: verified or covered beside secret: released");
	if (x->covers[0] && x->grade != GRADE_COVERED && x->rung != RUNG_COVERS)
		return reading_bad(r, n, "a digest that nothing is held against",
		                   "grade: covered or rung: covers beside it");
	return 0;
}

static int read_expect(const struct reading *r, const yaml_node_t *n, void *into)
{
	static const struct member members[] = {
	        {"entered", read_entered}, {"grade", read_grade}, {"kvm", read_kvm},
	        {"rung", read_rung},       {"errno", read_errno}, {"extend", read_extend},
	        {"covers", read_covers},   {"secret", read_secret},
	};
	struct test_case *c = into;
	int rc = reading_mapping(
	        r, n, members, 8,
	        "a mapping of entered, grade, kvm, rung, errno, extend, covers, secret", &c->expect);

	return rc < 0 ? rc : check_possible(r, n, &c->expect);
}

/* ---- one case ---- */
static int read_cell(const struct reading *r, const yaml_node_t *n, void *into)
{
	struct test_case *c = into;
	const char *text = reading_text(r, n, "a cell's ID, like td/docker+dev");

	if (!text)
		return -EINVAL;
	if (cell_parse(text, &c->cell, r->e) < 0)
		return err_prefix(r->e, "%s:%zu:%zu", r->path, n->start_mark.line + 1,
		                  n->start_mark.column + 1);
	cell_print(&c->cell, c->cell.layers, c->id);
	return 0;
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

static int read_case(const struct reading *r, const yaml_node_t *n, struct test_case *c)
{
	static const struct member members[] = {
	        {"cell", read_cell},         {"expect", read_expect}, {"why", read_why},
	        {"isolate", read_isolate},   {"xfail", read_xfail},   {"xfail-until", read_until},
	        {"deadline", read_deadline},
	};
	int rc;

	c->expect = (struct expectation){
	        .entered = 1, .grade = -1, .kvm = -1, .rung = -1, .secret = -1};
	c->line = (int)n->start_mark.line + 1;
	rc = reading_mapping(r, n, members, 7,
	                     "a case: cell, expect, why, isolate, deadline, xfail, xfail-until", c);
	if (rc < 0)
		return rc;
	if (!c->id[0])
		return reading_bad(r, n, "a case without a cell", "cell: ID");
	if (!c->why)
		return reading_bad(r, n, "a case without a reason", "why: TEXT");
	if (c->expect.entered && c->expect.grade < 0)
		return reading_bad(r, n, "a case without an expected grade",
		                   "expect: {grade: ...} or {entered: false}");
	if (c->expect.secret >= 0 && layer_mode_in(&c->cell.layer[c->cell.layers - 1],
	                                           c->cell.layer[c->cell.layers - 1].kind->tiny))
		return reading_bad(r, n, "a secret for the tiny nested guest, which can't open one",
		                   "a layer with the whole agent in it");
	if (!c->xfail != !c->xfail_until)
		return reading_bad(r, n, "a known failure needs its reason and its expiry",
		                   "both xfail and xfail-until");
	return 0;
}

/* ---- the file ---- */
static int by_cell(const void *left, const void *right)
{
	const struct test_case *const *a = left, *const *b = right;
	int order = cell_compare(&(*a)->cell, &(*b)->cell);

	return order ? order : (*a > *b) - (*a < *b); /* as they stand in the file */
}

/* An order, or what is usual, makes no other cell. The first that is there again is told. */
static int check_repeated(const struct reading *r, const yaml_node_t *list,
                          const struct case_file *f)
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
	list = yaml_document_get_node(r->doc, list->data.sequence.items.start[again - f->item]);
	return reading_bad_at(r, &list->start_mark, "repeated cell", again->id, expected);
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
	f->item = calloc(count, sizeof(*f->item));
	if (!f->item)
		return err_nomem(r->e);
	for (size_t i = 0; i < count; i++) {
		const yaml_node_t *item =
		        yaml_document_get_node(r->doc, n->data.sequence.items.start[i]);
		int rc;

		f->count = i + 1;
		rc = read_case(r, item, &f->item[i]);
		if (rc < 0)
			return rc;
	}
	return check_repeated(r, n, f);
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
	for (size_t i = 0; i < f->count; i++) {
		free(f->item[i].why);
		free(f->item[i].xfail);
		free(f->item[i].xfail_until);
	}
	free(f->item);
	free(f->path);
	*f = (struct case_file){0};
}
