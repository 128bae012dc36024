/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/since.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/environment.h"
#include "cli/judged.h"
#include "core/cleanup.h"
#include "core/json.h"

#define WHY_MAX 200

/* RUN, and what guests are made of now. */
struct since {
	struct judged then;
	json_t *now;
	struct made_of made_of;
	const struct case_file *cases;
	const struct host_facts *host;
};

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_case(const struct test_case *a, const struct test_case *b)
{
	const struct expectation *x = &a->expect, *y = &b->expect;

	return x->entered == y->entered && x->grade == y->grade && x->kvm == y->kvm &&
	       x->rung == y->rung && x->secret == y->secret && same_text(x->error, y->error) &&
	       same_text(x->extend, y->extend) && same_text(x->covers, y->covers) &&
	       a->isolate == b->isolate && a->deadline_s == b->deadline_s &&
	       same_text(a->xfail, b->xfail) && same_text(a->xfail_until, b->xfail_until) &&
	       same_text(a->excluded, b->excluded);
}

/* ---- why ---- */

static bool host_changed(const struct host_facts *a, const struct host_facts *b, char why[WHY_MAX])
{
	const char *const fact[][3] = {{"QEMU", a->qemu_version, b->qemu_version},
	                               {"the host's kernel", a->kernel, b->kernel},
	                               {"the CPU", a->cpu, b->cpu},
	                               {"KVM here", a->kvm_usable ? "y" : "", b->kvm_usable ? "y" : ""},
	                               {"TDX here", a->tdx_usable ? "y" : "", b->tdx_usable ? "y" : ""}};

	for (size_t i = 0; i < sizeof(fact) / sizeof(fact[0]); i++) {
		if (same_text(fact[i][1], fact[i][2]))
			continue;
		snprintf(why, WHY_MAX, "%s is another", fact[i][0]);
		return true;
	}
	return false;
}

struct looking {
	const struct since *s;
	char *why;
};

static bool same_part(const json_t *a, const json_t *b)
{
	static const char *const member[] = {"size", "sha256", "modified"};
	bool known = json_object_get(a, "sha256") || json_object_get(a, "modified");

	for (size_t i = 0; known && i < 3; i++) {
		const json_t *x = json_object_get(a, member[i]), *y = json_object_get(b, member[i]);

		known = (!x && !y) || json_equal(x, y);
	}
	return known;
}

/* Of each of RUN's hosts. */
static void look_at_part(void *userdata, const char *name, const char *path)
{
	struct looking *l = userdata;
	const json_t *now = json_object_get(json_object_get(l->s->now, "parts"), name);
	size_t i;
	json_t *doc;

	(void)path;
	json_array_foreach(l->s->then.parts, i, doc)
	{
		const json_t *then = json_object_get(json_object_get(doc, "parts"), name);

		if (!l->why[0] && !same_part(then, now))
			snprintf(l->why, WHY_MAX, "%s is %s", name,
			         then ? "another" : "not known of that run");
	}
}

static bool parts_changed(const struct since *s, const struct boot *b, char why[WHY_MAX])
{
	struct looking l = {.s = s, .why = why};
	json_t *doc;
	size_t i;

	if (json_array_size(s->then.parts) == 0) {
		snprintf(why, WHY_MAX, "it is not known what that run's guests were made of");
		return true;
	}
	made_of_each(&s->made_of, b, look_at_part, &l);
	json_array_foreach(s->then.parts, i, doc)
	{
		if (!why[0] && !same_text(member_text(doc, "append"), member_text(s->now, "append")))
			snprintf(why, WHY_MAX, "--append is another");
	}
	return why[0];
}

/* `b`: the boot that it would have; NULL: it would be skipped. */
static bool case_changed(const struct since *s, size_t index, const struct boot *b,
                         char why[WHY_MAX])
{
	const struct test_case *c = &s->cases->item[index];
	const struct cell_verdict *then = run_find_cell(&s->then.verdict, c->id);

	why[0] = '\0';
	if (!then)
		snprintf(why, WHY_MAX, "that run has no such cell");
	else if (!same_case(c, &s->then.cases.item[then->case_index]))
		snprintf(why, WHY_MAX, "its case is another");
	else if (then->outcome == OUTCOME_BROKEN)
		snprintf(why, WHY_MAX, "that run came to no verdict on it");
	else if ((then->outcome == OUTCOME_SKIP) != !b)
		snprintf(why, WHY_MAX, "it was %sskipped then", b ? "" : "not ");
	else if (b && then->platform != b->platform)
		snprintf(why, WHY_MAX, "its platform is another");
	else if (b && !host_changed(&s->then.run.host, s->host, why))
		parts_changed(s, b, why);
	return why[0];
}

/* ---- all of them ---- */

static void choose(const struct since *s, size_t index, const struct boot *b, bool *chosen)
{
	char why[WHY_MAX];

	chosen[index] = case_changed(s, index, b, why);
	if (chosen[index])
		fprintf(stderr, "tception: %s: %s\n", s->cases->item[index].id, why);
}

static int look(struct since *s, const char *run, const struct plan *plan, const struct boot **boot,
                struct err *e)
{
	int r = judged_load(run, FRAMES_NONE, &s->then, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < plan->boots; i++)
		boot[i] = &plan->boot[i];
	s->made_of.boot = boot;
	s->made_of.boots = plan->boots;
	s->now = made_of_json(&s->made_of);
	return s->now ? 0 : err_nomem(e);
}

int since_choose(const char *run, const struct case_file *cases, const struct host_facts *host,
                 const struct plan *plan, const struct guest_parts *parts, bool **ret,
                 struct err *e)
{
	struct since s = {.cases = cases, .host = host, .made_of = {.parts = parts, .qemu = host->qemu}};
	_cleanup_(freep) const struct boot **boot = calloc(plan->boots + 1, sizeof(*boot));
	bool *chosen = calloc(cases->count + 1, sizeof(*chosen));
	int r = boot && chosen ? look(&s, run, plan, boot, e) : err_nomem(e);

	for (size_t i = 0; r == 0 && i < plan->boots; i++) {
		for (size_t k = 0; k < plan->boot[i].steps; k++)
			choose(&s, plan->boot[i].step[k].case_index, &plan->boot[i], chosen);
	}
	for (size_t i = 0; r == 0 && i < plan->skips; i++)
		choose(&s, plan->skip[i].case_index, NULL, chosen);
	judged_done(&s.then);
	json_decref(s.now);
	if (r < 0)
		free(chosen);
	else
		*ret = chosen;
	return r;
}
