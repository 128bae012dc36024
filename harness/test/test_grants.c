/* SPDX-License-Identifier: Apache-2.0 */
/* The search for the smallest grants, in made-up worlds whose answer is known. */
#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "report/grants.h"
#include "test/tests.h"

enum { DEV = 1, TSM = 2, NOAPPARMOR = 4, BROKER = 8, SYSRW = 16, OTHER = 32, ALL = 63 };

/* What the bits stand for where names are printed. */
#define WORLD GRANT_DEV, GRANT_TSM, GRANT_NOAPPARMOR, GRANT_BROKER, GRANT_SYSRW, GRANT_KVM

typedef void (*world_fn)(uint32_t set, struct grant_trial *t);

static bool has(uint32_t set, uint32_t grants)
{
	return (set & grants) == grants;
}

static void pass_to(struct grant_trial *t, enum rung last)
{
	for (int i = 0; i <= (int)last; i++)
		t->ok[i] = 1;
}

/* As Docker in a TD was seen to be; the broker gives a quote without any device. */
static void docker(uint32_t set, struct grant_trial *t)
{
	if (has(set, DEV | TSM | NOAPPARMOR)) {
		pass_to(t, RUNG_CHAIN);
		return;
	}
	t->ok[RUNG_DEVICE] = t->ok[RUNG_TDREPORT] = has(set, DEV);
	t->ok[RUNG_PROVIDER] = 0;
	strcpy(t->error[RUNG_PROVIDER], has(set, TSM) ? "EACCES" : "ENOENT");
}

static void docker_with_broker(uint32_t set, struct grant_trial *t)
{
	docker(set, t);
	for (int i = RUNG_QUOTE; i <= RUNG_CHAIN && has(set, BROKER); i++)
		t->ok[i] = 1;
}

/* SYSRW and OTHER show nothing alone: only the whole set tells that they help together. */
static void hidden_pair(uint32_t set, struct grant_trial *t)
{
	t->ok[RUNG_DEVICE] = has(set, DEV);
	if (has(set, SYSRW | OTHER))
		t->ok[RUNG_CHAIN] = 1;
}

/* Everything together is refused by the engine. */
static void quarrel(uint32_t set, struct grant_trial *t)
{
	if (has(set, SYSRW | OTHER)) {
		t->entered = false;
		return;
	}
	docker(set, t);
}

static void nothing_helps(uint32_t set, struct grant_trial *t)
{
	(void)set;
	t->ok[RUNG_DEVICE] = 0;
}

/* A world in which the trials with DEV break. */
static void breaks(uint32_t set, struct grant_trial *t)
{
	docker(set, t);
	t->known = !has(set, DEV);
}

static struct grant_search search_on(struct grant_search s, world_fn world)
{

	for (;;) {
		uint32_t *sets;
		size_t count;

		ck_assert_int_eq(grant_search_next(&s, &sets, &count), 0);
		for (size_t i = 0; i < count; i++) {
			struct grant_trial t = {.set = sets[i], .known = true, .entered = true};

			ck_assert_ptr_null(grant_search_find(&s, sets[i]));
			memset(t.ok, -1, sizeof(t.ok));
			world(sets[i], &t);
			ck_assert_int_eq(grant_search_add(&s, &t), 0);
		}
		free(sets);
		if (count == 0)
			return s;
		ck_assert_uint_le(s.trials, 64);
	}
}

static struct grant_search search_with(world_fn world, const unsigned weight[6])
{
	struct grant_search s = {.candidates = 6, .size_max = 4, .goal = RUNG_CHAIN};

	memcpy(s.weight, weight, 6 * sizeof(weight[0]));
	return search_on(s, world);
}

static struct grant_search search(world_fn world)
{
	return search_with(world, (unsigned[6]){1, 1, 1, 1, 1, 1});
}

/* The smallest set is `set`, and every smaller one by one grant was tried and fails. */
static void expect(const struct grant_search *s, enum rung rung, uint32_t set)
{
	const struct grant_trial *t = grant_search_smallest(s, rung);

	ck_assert_ptr_nonnull(t);
	ck_assert_uint_eq(t->set, set);
	for (uint32_t g = 1; g <= OTHER; g <<= 1) {
		const struct grant_trial *without = grant_search_find(s, set & ~g);

		if (!(set & g))
			continue;
		ck_assert_ptr_nonnull(without);
		ck_assert_int_ne(without->ok[rung], 1);
	}
}

TEST(finds_each_rung)
{
	struct grant_search s = search(docker);

	expect(&s, RUNG_DEVICE, DEV);
	expect(&s, RUNG_TDREPORT, DEV);
	expect(&s, RUNG_PROVIDER, DEV | TSM | NOAPPARMOR);
	expect(&s, RUNG_CHAIN, DEV | TSM | NOAPPARMOR);
	ck_assert_uint_lt(s.trials, 28); /* of 64 */
	grant_search_done(&s);
}

TEST(prefers_the_smaller)
{
	struct grant_search s = search(docker_with_broker);

	expect(&s, RUNG_DEVICE, DEV);
	expect(&s, RUNG_QUOTE, BROKER);
	expect(&s, RUNG_CHAIN, BROKER);
	expect(&s, RUNG_PROVIDER, DEV | TSM | NOAPPARMOR);
	grant_search_done(&s);
}

/* A heavy grant that does all alone is no answer where lighter ones together do. */
static void privileged(uint32_t set, struct grant_trial *t)
{
	docker(set, t);
	if (has(set, OTHER))
		pass_to(t, RUNG_CHAIN);
}

TEST(weighs_what_is_given_away)
{
	struct grant_search s = search_with(privileged, (unsigned[6]){1, 2, 6, 15, 20, 100});

	expect(&s, RUNG_DEVICE, DEV);
	expect(&s, RUNG_CHAIN, DEV | TSM | NOAPPARMOR);
	grant_search_done(&s);
	s = search_with(privileged, (unsigned[6]){1, 2, 6, 15, 20, 1});
	expect(&s, RUNG_CHAIN, OTHER);
	grant_search_done(&s);
	ck_assert_uint_gt(grant_rows[GRANT_PRIVILEGED].weight,
	                  grant_rows[GRANT_SYSRW].weight + grant_rows[GRANT_NOAPPARMOR].weight +
	                          grant_rows[GRANT_BROKER].weight);
	/* An entry made for it, then a folder of them, then a service, then a confinement less. */
	ck_assert_uint_lt(grant_rows[GRANT_ENTRY].weight, grant_rows[GRANT_REPORT_AT].weight);
	ck_assert_uint_lt(grant_rows[GRANT_REPORT_AT].weight, grant_rows[GRANT_TSM_AT].weight);
	ck_assert_uint_lt(grant_rows[GRANT_TSM_AT].weight, grant_rows[GRANT_BROKER].weight);
	ck_assert_uint_lt(grant_rows[GRANT_BROKER].weight, grant_rows[GRANT_NOAPPARMOR].weight);
	ck_assert_uint_eq(grant_rows[GRANT_KVM].weight, 0);
}

/* A smaller set is planted beside each that is known to do, and is found and confirmed. */
static void planted(uint32_t set, struct grant_trial *t)
{
	docker_with_broker(set, t);
	if (has(set, SYSRW)) /* one of a pair has to show something, or nothing leads to it */
		strcpy(t->error[RUNG_PROVIDER], "EPERM");
	if (has(set, SYSRW | OTHER))
		pass_to(t, RUNG_CHAIN);
	t->ok[RUNG_DEVICE] = has(set, DEV);
}

TEST(finds_what_is_planted)
{
	static const struct {
		unsigned weight[6];
		uint32_t answer;
	} worlds[] = {
	        {{1, 3, 6, 5, 20, 20}, BROKER},
	        {{1, 3, 6, 15, 20, 20}, DEV | TSM | NOAPPARMOR},
	        {{1, 3, 6, 15, 1, 2}, SYSRW | OTHER},
	        {{1, 3, 6, 5, 2, 2}, SYSRW | OTHER},
	};

	for (size_t i = 0; i < COUNT_OF(worlds); i++) {
		struct grant_search s = search_with(planted, worlds[i].weight);

		expect(&s, RUNG_CHAIN, worlds[i].answer);
		grant_search_done(&s);
	}
}

/* Each grant shows something of its own, and the two lightest together do it. */
static void rootless(uint32_t set, struct grant_trial *t)
{
	t->ok[RUNG_DEVICE] = has(set, 3);
	snprintf(t->error[RUNG_DEVICE], sizeof(t->error[0]), "E%x", (unsigned)set);
}

TEST(tries_the_lightest_first)
{
	struct grant_search s = {.candidates = 12, .size_max = 4, .goal = RUNG_DEVICE};

	for (unsigned i = 0; i < s.candidates; i++)
		s.weight[i] = i < 2 ? 1 + i : 4 + i;
	s = search_on(s, rootless);
	expect(&s, RUNG_DEVICE, 3);
	ck_assert_uint_lt(s.trials, 1 + 12 + 1 + GRANTS_ROUND + 4); /* of 66 pairs a few */
	grant_search_done(&s);
}

/* What needs another is tried alone, not with others without it, and still left out to confirm. */
TEST(does_not_try_what_is_moot)
{
	struct grant_search s = {.candidates = 6, .size_max = 4, .goal = RUNG_CHAIN};
	struct grant_search plain = search(docker);
	size_t all = plain.trials;

	grant_search_done(&plain);
	s.needs[2] = DEV | TSM; /* noapparmor */
	s.needs[5] = BROKER;
	s = search_on(s, docker);
	expect(&s, RUNG_CHAIN, DEV | TSM | NOAPPARMOR);
	ck_assert_ptr_nonnull(grant_search_find(&s, OTHER));
	ck_assert_ptr_null(grant_search_find(&s, OTHER | DEV));
	ck_assert_uint_lt(s.trials, all);
	for (int i = 0; i < GRANT_COUNT; i++) { /* what is needed is searched, too */
		if (grant_rows[GRANT_DEVMODE].needs >> i & 1)
			ck_assert_uint_gt(grant_rows[i].weight, 0);
	}
	ck_assert_uint_eq(grant_rows[GRANT_DEV].needs, 0);
	grant_search_done(&s);
}

TEST(takes_the_whole_apart)
{
	struct grant_search s = search(hidden_pair);

	expect(&s, RUNG_CHAIN, SYSRW | OTHER);
	ck_assert_ptr_null(grant_search_smallest(&s, RUNG_QUOTE));
	grant_search_done(&s);
}

TEST(does_without_the_whole)
{
	struct grant_search s = search(quarrel);

	expect(&s, RUNG_CHAIN, DEV | TSM | NOAPPARMOR);
	grant_search_done(&s);
}

/* Eight trials tell that nothing can be had: none, each, all. */
TEST(ends_where_nothing_helps)
{
	struct grant_search s = search(nothing_helps);

	for (int rung = 0; rung < RUNG_COUNT; rung++)
		ck_assert_ptr_null(grant_search_smallest(&s, (enum rung)rung));
	ck_assert_uint_eq(s.trials, 8);
	grant_search_done(&s);
}

TEST(broken_trials_prove_nothing)
{
	struct grant_search s = search(breaks);

	ck_assert_ptr_null(grant_search_smallest(&s, RUNG_DEVICE));
	grant_search_done(&s);
}

TEST(one_candidate)
{
	struct grant_search s = {.candidates = 1, .size_max = 4, .goal = RUNG_DEVICE};
	uint32_t *sets;
	size_t count;

	ck_assert_int_eq(grant_search_next(&s, &sets, &count), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(sets[0], 0);
	ck_assert_uint_eq(sets[1], 1);
	free(sets);
}

/* What is printed for the world above, with the command that started the layer. */
TEST(prints_sets_and_reasons)
{
	struct grants g = {.candidate = {WORLD}, .platform = PLATFORM_EMULATED, .rounds = 4};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct err e;

	ck_assert_int_eq(cell_parse("td/docker", &g.cell, &e), 0);
	g.search = search(docker);
	for (size_t i = 0; i < g.search.trials; i++)
		g.command[i] =
		        json_pack("[s,s,s,s,s,s,s,s]", "docker", "run", "--name", "tception-1",
		                  "--x=a'b c", "tception-agent", "/agent", "layer");
	grants_print(&g, out);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, "td/docker, platform emulated: "));
	ck_assert_ptr_nonnull(strstr(text, "\ndevice ... tdreport    dev\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nprovider ... chain     dev + tsm + noapparmor\n"));
	ck_assert_ptr_nonnull(strstr(text, "  without noapparmor: provider: EACCES\n"));
	ck_assert_ptr_nonnull(strstr(text, "  without dev: device\n"));
	ck_assert_ptr_nonnull(strstr(text,
	                             "\n\ntd/docker+dev+tsm+noapparmor is started by\n\n"
	                             "\tdocker run '--x=a'\\''b c' IMAGE COMMAND\n"));
	free(text);
	grants_done(&g);
}

/* The paths that the agent binds from are not what somebody else would write. */
TEST(prints_how_to_delegate)
{
	struct grants g = {.candidate = {GRANT_ENTRY}, .platform = PLATFORM_EMULATED};
	struct grant_trial t = {.set = 1, .known = true, .entered = true};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct err e;

	ck_assert_int_eq(cell_parse("td/docker", &g.cell, &e), 0);
	g.search = (struct grant_search){.candidates = 1, .weight = {1}, .goal = RUNG_CHAIN};
	pass_to(&t, RUNG_CHAIN);
	ck_assert_int_eq(grant_search_add(&g.search, &t), 0);
	g.command[0] = json_pack("[s,s,s]", "docker", "run",
	                         "--volume=" GRANT_DELEGATED_DIR "/tception-9-1-0:/entry");
	grants_print(&g, out);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, "chown UID /sys/kernel/config/tsm/report/d/inblob"));
	ck_assert_ptr_nonnull(strstr(text, "\tdocker run --volume=ENTRY:/entry\n"));
	free(text);
	json_array_append_new(g.command[0],
	                      json_string("{\"source\":\"" GRANT_DELEGATED_DIR "/tception-9-1-0\"}"));
	out = open_memstream(&text, &size);
	grants_print(&g, out);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, " '{\"source\":\"ENTRY\"}'\n"));
	free(text);
	grants_done(&g);
}

/* Broken trials are told, and are not taken for "nothing helps". */
TEST(prints_what_broke)
{
	struct grants g = {.candidate = {WORLD}};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct err e;

	ck_assert_int_eq(cell_parse("td/docker", &g.cell, &e), 0);
	g.search = search(breaks);
	ck_assert_uint_gt(grants_broken(&g), 0);
	grants_print(&g, out);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, " trials broke and tell nothing"));
	ck_assert_ptr_null(strstr(text, "no set of these grants"));
	free(text);
	grants_done(&g);
}

TEST(json_has_every_trial)
{
	struct grants g = {.candidate = {WORLD}, .platform = PLATFORM_EMULATED};
	const json_t *rung, *without;
	struct err e;
	json_t *root;

	ck_assert_int_eq(cell_parse("td/docker", &g.cell, &e), 0);
	g.search = search(docker);
	ck_assert_uint_eq(grants_broken(&g), 0);
	root = grants_json(&g);
	ck_assert_uint_eq(json_array_size(json_object_get(root, "trials")), g.search.trials);
	ck_assert_uint_eq(json_array_size(json_object_get(root, "rungs")), RUNG_CHAIN + 1);
	rung = json_array_get(json_object_get(root, "rungs"), RUNG_CHAIN);
	ck_assert_uint_eq(json_array_size(json_object_get(rung, "grants")), 3);
	ck_assert_uint_eq(json_array_size(json_object_get(rung, "confirmed")), 3);
	without = json_array_get(json_object_get(rung, "confirmed"), 2);
	ck_assert_str_eq(json_string_value(json_object_get(without, "without")), "noapparmor");
	ck_assert_str_eq(
	        json_string_value(json_object_get(json_object_get(without, "trial"), "errno")),
	        "EACCES");
	json_decref(root);
	grants_done(&g);
}

TESTS("grants")
