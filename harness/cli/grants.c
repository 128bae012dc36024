/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest grants with which a layer attests, found by trials. Each round of the search is a
 * run of its own, made by `tception run` in the same way as any other.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/input.h"
#include "cli/judged.h"
#include "cli/options_run.h"
#include "core/cleanup.h"
#include "core/enum.h"
#include "core/file.h"
#include "report/grants.h"

extern char **environ;

struct options {
	const char *cell, *grants, *out;
	enum rung goal;
	enum platform platform; /* PLATFORM_NONE: where it works */
	unsigned size_max;
	bool json;
};

/* ---- what is searched ---- */
/* The words of a list, of which each is a grant that the layer can have, as a set. */
static int read_list(const char *list, const struct layer *inner, uint32_t *ret, struct err *e)
{
	uint32_t set = 0;

	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		int size = (int)strcspn(at, ","), grant = grant_find(at, (size_t)size);

		if (grant < 0 || !(inner->kind->grants >> grant & 1))
			return err_set(e, -EINVAL, "--grants: '%.*s' is no grant of %s",
			               size < 31 ? size : 31, at, inner->kind->name);
		set |= 1u << grant;
	}
	*ret = set;
	return 0;
}

/* What a candidate needs of the others; where it has that already or none is searched, nothing. */
static void find_needs(struct grants *g, uint32_t given)
{
	for (size_t i = 0; i < g->search.candidates; i++) {
		uint32_t needs = grant_rows[g->candidate[i]].needs;

		for (size_t k = 0; k < g->search.candidates && !(needs & given); k++) {
			if (needs >> g->candidate[k] & 1)
				g->search.needs[i] |= 1u << k;
		}
	}
}

/* Those that bear on attestation. */
static uint32_t weighty(void)
{
	uint32_t set = 0;

	for (int i = 0; i < GRANT_COUNT; i++)
		set |= grant_rows[i].weight ? 1u << i : 0;
	return set;
}

static int choose_candidates(const struct options *o, struct grants *g, struct err *e)
{
	const struct layer *inner;
	uint32_t wanted = weighty(), given;
	int r = cell_parse(o->cell, &g->cell, e);

	if (r < 0)
		return r;
	inner = &g->cell.layer[g->cell.layers - 1];
	given = layer_grant_set(inner);
	if (g->cell.layers < 2)
		return err_set(e, -EINVAL, "%s: nothing is granted to the outermost layer",
		               o->cell);
	if (o->grants && (r = read_list(o->grants, inner, &wanted, e)) < 0)
		return r;
	for (int i = 0; i < GRANT_COUNT; i++) {
		if (!((inner->kind->grants & wanted & ~given) >> i & 1))
			continue;
		g->search.weight[g->search.candidates] = grant_rows[i].weight;
		g->candidate[g->search.candidates++] = (enum grant)i;
	}
	if (g->search.candidates == 0)
		return err_set(e, -EINVAL, "%s: %s has no grants to search", o->cell,
		               inner->kind->name);
	find_needs(g, given);
	return 0;
}

/* ---- one round ---- */
static int write_cases(const char *path, const struct grants *g, const uint32_t *sets, size_t count,
                       struct err *e)
{
	_cleanup_(file_abandon) struct file_new f = {0};
	char id[CELL_ID_MAX];
	int r = file_begin(&f, path, e);

	if (r < 0)
		return r;
	fputs("version: 1\ncases:\n", f.stream);
	for (size_t i = 0; i < count; i++) {
		grants_cell_id(g, sets[i], id);
		fprintf(f.stream,
		        "  - {cell: '%s', expect: {grade: none}, why: a trial of tception "
		        "grants}\n",
		        id);
	}
	return file_commit(&f, e);
}

/* Its table is of no use here: it knows no expectations. Progress and complaints are on stderr. */
static int run_cases(const struct options *o, const char *cases, const char *dir, struct err *e)
{
	const char *argv[] = {"tception",
	                      "run",
	                      cases,
	                      "-o",
	                      dir,
	                      o->platform ? "--platform" : NULL,
	                      o->platform ? platform_names[o->platform] : NULL,
	                      NULL};
	posix_spawn_file_actions_t actions;
	int r, status;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	r = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r != 0)
		return err_sys(e, -r, "tception run");
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return err_sys(e, -errno, "tception run");
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) == EXIT_USAGE)
		return err_set(e, -EIO, "the run of %s failed", cases);
	return 0;
}

static int take_verdict(struct grants *g, uint32_t set, const struct cell_verdict *v)
{
	struct grant_trial t = {
	        .set = set, .known = v->outcome != OUTCOME_BROKEN && v->outcome != OUTCOME_SKIP};
	const struct layer_verdict *l = v->layers ? &v->layer[v->layers - 1] : NULL;

	if (l && l->command && t.known) {
		json_decref(g->command[g->search.trials]);
		g->command[g->search.trials] = json_incref(l->command);
	}
	t.entered = l && l->entered;
	for (int i = 0; l && i < RUNG_COUNT; i++) {
		t.ok[i] = (int8_t)l->ladder[i].ok;
		memcpy(t.error[i], l->ladder[i].error, sizeof(t.error[i]));
	}
	if (v->platform > g->platform)
		g->platform = v->platform;
	return grant_search_add(&g->search, &t);
}

static int take_verdicts(struct grants *g, const char *dir, const uint32_t *sets, size_t count,
                         struct err *e)
{
	struct judged j;
	int r = judged_load(dir, FRAMES_NONE, &j, e);

	if (r < 0)
		return r;
	g->seconds += j.run.seconds;
	for (size_t i = 0; i < count && r == 0; i++) {
		struct cell_verdict none = {.outcome = OUTCOME_BROKEN};

		r = take_verdict(g, sets[i],
		                 i < j.verdict.cells && j.verdict.cell[i].case_index == i
		                         ? &j.verdict.cell[i]
		                         : &none);
	}
	judged_done(&j);
	return r < 0 ? err_set(e, r, "out of memory") : 0;
}

static int try_sets(const struct options *o, struct grants *g, const char *out,
                    const uint32_t *sets, size_t count, struct err *e)
{
	char cases[PATH_MAX], dir[PATH_MAX];
	int r;

	if (g->search.trials + count > GRANTS_TRIALS_MAX)
		return err_set(e, -E2BIG, "more than %d trials; choose fewer grants by --grants",
		               GRANTS_TRIALS_MAX);
	g->rounds++;
	r = path_format(cases, e, "%s/round-%u.yaml", out, g->rounds);
	if (r == 0)
		r = path_format(dir, e, "%s/round-%u", out, g->rounds);
	if (r < 0)
		return r;
	fprintf(stderr, "tception: round %u: %zu trials\n", g->rounds, count);
	r = write_cases(cases, g, sets, count, e);
	if (r == 0)
		r = run_cases(o, cases, dir, e);
	if (r == 0)
		r = take_verdicts(g, dir, sets, count, e);
	return r;
}

static int search(const struct options *o, struct grants *g, struct err *e)
{
	char out[64] = "";

	if (!o->out)
		snprintf(out, sizeof(out), "results/grants-%jd", (intmax_t)time(NULL));
	if (mkdir(o->out ? o->out : out, 0755) < 0)
		return err_sys(e, -errno, "%s", o->out ? o->out : out);
	for (;;) {
		_cleanup_(freep) uint32_t *sets = NULL;
		size_t count;
		int r = grant_search_next(&g->search, &sets, &count);

		if (r < 0)
			return err_sys(e, r, "search");
		if (count == 0)
			return 0;
		r = try_sets(o, g, o->out ? o->out : out, sets, count, e);
		if (r < 0)
			return r;
	}
}

static int print(const struct options *o, const struct grants *g, struct err *e)
{
	if (o->json)
		return json_print(grants_json(g)) < 0 ? err_nomem(e) : 0;
	grants_print(g, stdout);
	return 0;
}

int cmd_grants(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_TEXT(grants, "grants", "LIST",
	                    "only these, with commas (default: all that bear on attestation)"),
	        OPTION_CHOICE(goal, "rung", "NAME", rung_names,
	                      "how far up the ladder to look (default: chain)"),
	        OPTION_NUMBER(size_max, "max", 9,
	                      "at most N grants side by side, up to 9 (default: 4)"),
	        OPTION_OUTPUT(out, "the rounds' folders (default: results/grants-<time>)"),
	        OPTION_PLATFORM,
	        OPTION_JSON,
	        {0},
	};
	static const struct options_of options = {
	        .about = "Finds the smallest set of grants to CELL's innermost layer with which "
	                 "each rung of the ladder passes, by trials on real guests; confirms it "
	                 "by taking away each grant, and prints the command line that starts the "
	                 "layer.",
	        OPTION_OPERAND(cell, "CELL", "no CELL given, such as td/podman.rootless"),
	        .rows = rows,
	};
	struct options o = {.goal = RUNG_CHAIN, .size_max = 4};
	struct grants g = {0};
	struct err e = {0};
	int r;

	options_parse(&options, argc, argv, &o);
	if (choose_candidates(&o, &g, &e) < 0)
		return cmd_failed(EXIT_USAGE, &e);
	g.search.goal = o.goal;
	g.search.size_max = o.size_max;
	r = search(&o, &g, &e);
	if (r == 0)
		r = print(&o, &g, &e);
	bool broken = grants_broken(&g) > 0;
	grants_done(&g);
	if (r < 0)
		cmd_failed(EXIT_BROKEN, &e);
	return r < 0 || broken ? EXIT_BROKEN : EXIT_OK;
}
