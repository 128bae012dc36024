/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/grants.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Sets to be tried, each once. */
struct batch {
	const struct grant_search *search;
	uint32_t *set;
	size_t count;
	bool failed;
};

static unsigned size_of(uint32_t set)
{
	return (unsigned)__builtin_popcount(set);
}

static uint32_t whole(const struct grant_search *s)
{
	return (uint32_t)((1ull << s->candidates) - 1);
}

const struct grant_trial *grant_search_find(const struct grant_search *s, uint32_t set)
{
	for (size_t i = 0; i < s->trials; i++) {
		if (s->trial[i].set == set)
			return &s->trial[i];
	}
	return NULL;
}

static unsigned weight_of(const struct grant_search *s, uint32_t set)
{
	unsigned sum = 0;

	for (size_t g = 0; g < s->candidates; g++) {
		if (set & 1u << g)
			sum += s->weight[g] ? s->weight[g] : 1;
	}
	return sum;
}

static bool is_smaller(const struct grant_search *s, uint32_t a, uint32_t b)
{
	unsigned wa = weight_of(s, a), wb = weight_of(s, b);

	return wa != wb ? wa < wb : size_of(a) < size_of(b);
}

const struct grant_trial *grant_search_smallest(const struct grant_search *s, enum rung rung)
{
	const struct grant_trial *best = NULL;

	for (size_t i = 0; i < s->trials; i++) {
		const struct grant_trial *t = &s->trial[i];

		if (t->known && t->ok[rung] == 1 && (!best || is_smaller(s, t->set, best->set)))
			best = t;
	}
	return best;
}

static void ask(struct batch *b, uint32_t set)
{
	uint32_t *grown;

	if (b->failed || grant_search_find(b->search, set))
		return;
	for (size_t i = 0; i < b->count; i++) {
		if (b->set[i] == set)
			return;
	}
	grown = reallocarray(b->set, b->count + 1, sizeof(*grown));
	if (!grown) {
		b->failed = true;
		return;
	}
	b->set = grown;
	b->set[b->count++] = set;
}

static bool same_result(const struct grant_trial *a, const struct grant_trial *b)
{
	return a->entered == b->entered && memcmp(a->ok, b->ok, sizeof(a->ok)) == 0 &&
	       memcmp(a->error, b->error, sizeof(a->error)) == 0;
}

/* Whether each of its grants changed something; the empty set is where it all begins. */
static bool worth_enlarging(const struct grant_search *s, const struct grant_trial *t)
{
	if (!t->known || (!t->entered && t->set))
		return false;
	for (size_t g = 0; g < s->candidates; g++) {
		const struct grant_trial *without;

		if (!(t->set & 1u << g))
			continue;
		without = grant_search_find(s, t->set & ~(1u << g));
		if (without && without->known && same_result(t, without))
			return false;
	}
	return true;
}

static bool is_moot(const struct grant_search *s, uint32_t set)
{
	for (size_t g = 0; g < s->candidates; g++) {
		if (set & 1u << g && s->needs[g] && !(set & s->needs[g]))
			return true;
	}
	return false;
}

/* Whether a rung might pass with this set that is not known to with a smaller one. */
static bool may_help(const struct grant_search *s, uint32_t set)
{
	const struct grant_trial *all = grant_search_find(s, whole(s));
	bool all_tells = all && all->known && all->entered;

	for (int rung = 0; rung <= (int)s->goal; rung++) {
		const struct grant_trial *t = grant_search_smallest(s, (enum rung)rung);

		if (t ? is_smaller(s, set, t->set) : !all_tells)
			return true;
	}
	return false;
}

static void ask_if_smaller(struct batch *b, uint32_t set)
{
	if (size_of(set) == 1 || (!is_moot(b->search, set) && may_help(b->search, set)))
		ask(b, set);
}

static int by_weight(const void *a, const void *b, void *search)
{
	const uint32_t *x = a, *y = b;

	return is_smaller(search, *x, *y) ? -1 : is_smaller(search, *y, *x);
}

/* What is light is tried first, for what passes makes all that is heavier needless. */
static void ask_larger(struct batch *b)
{
	const struct grant_search *s = b->search;

	for (unsigned size = 1; size <= s->size_max && b->count == 0 && !b->failed; size++) {
		for (size_t i = 0; i < s->trials; i++) {
			const struct grant_trial *t = &s->trial[i];

			if (size_of(t->set) != size - 1 || !worth_enlarging(s, t))
				continue;
			for (size_t g = 0; g < s->candidates; g++)
				ask_if_smaller(b, t->set | 1u << g);
		}
	}
	if (b->count > GRANTS_ROUND) {
		qsort_r(b->set, b->count, sizeof(*b->set), by_weight, (void *)s);
		b->count = GRANTS_ROUND;
	}
}

/* Every set that is named as the smallest without each one of its grants. */
static void ask_smaller(struct batch *b)
{
	for (int rung = 0; rung <= (int)b->search->goal; rung++) {
		const struct grant_trial *t = grant_search_smallest(b->search, (enum rung)rung);

		for (size_t g = 0; t && g < b->search->candidates; g++) {
			if (t->set & 1u << g)
				ask(b, t->set & ~(1u << g));
		}
	}
}

int grant_search_next(const struct grant_search *s, uint32_t **ret_sets, size_t *ret_count)
{
	struct batch b = {.search = s};

	if (s->trials == 0) {
		ask(&b, 0);
		for (size_t g = 0; g < s->candidates; g++)
			ask_if_smaller(&b, 1u << g);
		ask(&b, whole(s));
	} else {
		ask_larger(&b);
		if (b.count == 0)
			ask_smaller(&b);
	}
	if (b.failed) {
		free(b.set);
		return -ENOMEM;
	}
	*ret_sets = b.set;
	*ret_count = b.count;
	return 0;
}

int grant_search_add(struct grant_search *s, const struct grant_trial *t)
{
	struct grant_trial *grown = reallocarray(s->trial, s->trials + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	s->trial = grown;
	s->trial[s->trials++] = *t;
	return 0;
}

void grant_search_done(struct grant_search *s)
{
	free(s->trial);
	s->trial = NULL;
	s->trials = 0;
}
