/* SPDX-License-Identifier: Apache-2.0 */
#include "case/expectation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "case/case.h"

#define ERRNO_END 134 /* one past Linux's last */

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

int expectation_read(const struct reading *r, const yaml_node_t *n, void *into)
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
