/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest grants with which layers attest, found by trials. Each round of the searches is a
 * run of its own, made by `tception run` in the same way as any other.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
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

#define CELLS_MAX 64

struct options {
	const char *cell[CELLS_MAX], *grants, *out;
	enum rung goal;
	enum platform platform; /* PLATFORM_NONE: where it works */
	unsigned size_max;
	bool json;
};

/* ---- what is searched ---- */
/* The words of a list, of which each is a grant that the layer can have, as a set; of several
 * layers, what each of them can have of it. */
static int read_list(const char *list, const struct layer *inner, bool alone, uint32_t *ret,
                     struct err *e)
{
	uint32_t set = 0;

	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		int size = (int)strcspn(at, ","), grant = grant_find(at, (size_t)size);

		if (grant < 0 || (alone && !(inner->kind->grants >> grant & 1)))
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

static int choose_candidates(const struct options *o, const char *cell, struct grants *g,
                             struct err *e)
{
	const struct layer *inner;
	uint32_t wanted = weighty(), given;
	int r = cell_parse(cell, &g->cell, e);

	if (r < 0)
		return r;
	inner = &g->cell.layer[g->cell.layers - 1];
	given = layer_grant_set(inner);
	if (g->cell.layers < 2)
		return err_set(e, -EINVAL, "%s: nothing is granted to the outermost layer",
		               cell);
	if (o->grants && (r = read_list(o->grants, inner, !o->cell[1], &wanted, e)) < 0)
		return r;
	for (int i = 0; i < GRANT_COUNT; i++) {
		if (!((inner->kind->grants & wanted & ~given) >> i & 1))
			continue;
		g->search.weight[g->search.candidates] = grant_rows[i].weight;
		g->candidate[g->search.candidates++] = (enum grant)i;
	}
	if (g->search.candidates == 0)
		return err_set(e, -EINVAL, "%s: %s has no grants to search", cell,
		               inner->kind->name);
	find_needs(g, given);
	g->search.goal = o->goal;
	g->search.size_max = o->size_max;
	return 0;
}

/* ---- one round ---- */
/* A search, and what it asks for in a round. */
struct asked {
	struct grants grants;
	uint32_t *set;
	size_t count;
};

struct searches {
	const struct options *o;
	const char *out;
	struct asked *cell;
	size_t cells;
	unsigned rounds;
};

/* Whether one of the first searches asks for the cell, too: td/crun for td/crun+dev. */
static bool is_asked(const struct asked *a, size_t count, const struct cell *cell)
{
	for (; count; count--, a++) {
		for (size_t i = 0; i < a->count; i++) {
			struct cell other = grants_cell(&a->grants, a->set[i]);

			if (cell_same(&other, cell))
				return true;
		}
	}
	return false;
}

static void write_trials(const struct searches *s, size_t number, FILE *out)
{
	const struct asked *a = &s->cell[number];
	char id[CELL_ID_MAX];

	for (size_t i = 0; i < a->count; i++) {
		struct cell cell = grants_cell(&a->grants, a->set[i]);

		if (is_asked(s->cell, number, &cell))
			continue;
		cell_print(&cell, cell.layers, id);
		fprintf(out,
		        "  - {cell: '%s', expect: {grade: none}, why: a trial of tception "
		        "grants}\n",
		        id);
	}
}

static int write_cases(const char *path, const struct searches *s, struct err *e)
{
	_cleanup_(file_abandon) struct file_new f = {0};
	int r = file_begin(&f, path, e);

	if (r < 0)
		return r;
	fputs("version: 1\ncases:\n", f.stream);
	for (size_t i = 0; i < s->cells; i++)
		write_trials(s, i, f.stream);
	return file_commit(&f, e);
}

static volatile sig_atomic_t running; /* the run's pid; 0: there is none now */
static volatile sig_atomic_t signalled, unsent;

static void pass_on(int signal)
{
	signalled = signal;
	if (running > 0)
		kill(running, signal);
	else
		unsent = signal;
}

/* In a group of its own, so that what a terminal sends reaches the run once, by pass_on(). */
static int spawn_run(char *const argv[], struct err *e)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	pid_t pid;
	int r;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
	r = posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (r != 0)
		return err_sys(e, -r, "tception run");
	running = pid;
	if (unsent) /* it came between two runs, or while this one was being started */
		kill(pid, unsent);
	return 0;
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
	int status, r = spawn_run((char *const *)argv, e);

	if (r < 0)
		return r;
	while (waitpid(running, &status, 0) < 0) {
		if (errno != EINTR)
			return err_sys(e, -errno, "tception run");
	}
	running = 0;
	if (signalled)
		return err_set(e, -EINTR, "ended by signal %d; %s has what was tried", signalled,
		               dir);
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

/* Of a cell that is not among them, that it broke. */
static const struct cell_verdict *find_verdict(const struct judged *j, const struct cell *cell)
{
	static const struct cell_verdict none = {.outcome = OUTCOME_BROKEN};

	for (size_t i = 0; i < j->verdict.cells; i++) {
		const struct cell_verdict *v = &j->verdict.cell[i];

		if (cell_same(&j->cases.item[v->case_index].cell, cell))
			return v;
	}
	return &none;
}

static int take_verdicts(struct asked *a, const struct judged *j)
{
	int r = 0;

	if (a->count) {
		a->grants.rounds++;
		a->grants.seconds += j->run.seconds;
	}
	for (size_t i = 0; i < a->count && r == 0; i++) {
		struct cell cell = grants_cell(&a->grants, a->set[i]);

		r = take_verdict(&a->grants, a->set[i], find_verdict(j, &cell));
	}
	return r;
}

static int take_all(struct searches *s, const char *dir, struct err *e)
{
	struct judged j;
	int r = judged_load(dir, FRAMES_NONE, &j, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < s->cells && r == 0; i++)
		r = take_verdicts(&s->cell[i], &j);
	judged_done(&j);
	return r < 0 ? err_set(e, r, "out of memory") : 0;
}

static int try_sets(struct searches *s, size_t count, struct err *e)
{
	char cases[PATH_MAX], dir[PATH_MAX];
	int r;

	s->rounds++;
	r = path_format(cases, e, "%s/round-%u.yaml", s->out, s->rounds);
	if (r == 0)
		r = path_format(dir, e, "%s/round-%u", s->out, s->rounds);
	if (r < 0)
		return r;
	fprintf(stderr, "tception: round %u: %zu trials\n", s->rounds, count);
	r = write_cases(cases, s, e);
	if (r == 0)
		r = run_cases(s->o, cases, dir, e);
	return r < 0 ? r : take_all(s, dir, e);
}

/* Sums up what all searches ask for next; 0 at the end. */
static int ask_all(struct searches *s, size_t *ret, struct err *e)
{
	*ret = 0;
	for (size_t i = 0; i < s->cells; i++) {
		struct asked *a = &s->cell[i];
		int r;

		free(a->set);
		a->set = NULL;
		r = grant_search_next(&a->grants.search, &a->set, &a->count);
		if (r < 0)
			return err_sys(e, r, "search");
		if (a->grants.search.trials + a->count > GRANTS_TRIALS_MAX)
			return err_set(
			        e, -E2BIG,
			        "%s: more than %d trials; choose fewer grants by --grants",
			        s->o->cell[i], GRANTS_TRIALS_MAX);
		*ret += a->count;
	}
	return 0;
}

static int search(struct searches *s, struct err *e)
{
	const struct sigaction action = {.sa_handler = pass_on};

	if (mkdir(s->out, 0755) < 0)
		return err_sys(e, -errno, "%s", s->out);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	for (;;) {
		size_t count;
		int r = ask_all(s, &count, e);

		if (r < 0 || count == 0)
			return r;
		r = try_sets(s, count, e);
		if (r < 0)
			return r;
	}
}

/* An object of each CELL; of several, in a list. */
static int print_json(const struct searches *s, struct err *e)
{
	json_t *list;

	if (s->cells == 1)
		return json_print(grants_json(&s->cell->grants)) < 0 ? err_nomem(e) : 0;
	list = json_array();
	for (size_t i = 0; i < s->cells; i++)
		json_array_append_new(list, grants_json(&s->cell[i].grants));
	return json_print(list) < 0 ? err_nomem(e) : 0;
}

static int print(const struct searches *s, struct err *e)
{
	if (s->o->json)
		return print_json(s, e);
	for (size_t i = 0; i < s->cells; i++) {
		printf("%s", i ? "\n" : "");
		grants_print(&s->cell[i].grants, stdout);
	}
	return 0;
}

/* Whether trials of any broke and tell nothing. */
static bool searches_done(struct searches *s)
{
	bool broken = false;

	for (size_t i = 0; i < s->cells; i++) {
		broken = broken || grants_broken(&s->cell[i].grants) > 0;
		grants_done(&s->cell[i].grants);
		free(s->cell[i].set);
	}
	free(s->cell);
	return broken;
}

static int choose(const struct options *o, struct searches *s, struct err *e)
{
	s->o = o;
	s->cell = calloc(CELLS_MAX, sizeof(*s->cell));
	if (!s->cell)
		return err_nomem(e);
	for (; s->cells < CELLS_MAX && o->cell[s->cells]; s->cells++) {
		int r = choose_candidates(o, o->cell[s->cells], &s->cell[s->cells].grants, e);

		if (r < 0)
			return r;
	}
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
	                 "layer. Trials of several cells share their boots.",
	        .usage = "CELL...",
	        .operand = OPTION_MEMBER(const char *, cell[0]),
	        .operands = CELLS_MAX,
	        .missing = "no CELL given, such as td/podman.rootless",
	        .rows = rows,
	};
	struct options o = {.goal = RUNG_CHAIN, .size_max = 4};
	struct searches s = {0};
	char out[64];
	struct err e = {0};
	bool broken;
	int r;

	options_parse(&options, argc, argv, &o);
	snprintf(out, sizeof(out), "results/grants-%jd", (intmax_t)time(NULL));
	s.out = o.out ?: out;
	r = choose(&o, &s, &e);
	if (r < 0) {
		searches_done(&s);
		return cmd_failed(EXIT_USAGE, &e);
	}
	r = search(&s, &e);
	if (r == 0)
		r = print(&s, &e);
	broken = searches_done(&s);
	if (r < 0)
		cmd_failed(EXIT_BROKEN, &e);
	return r < 0 || broken ? EXIT_BROKEN : EXIT_OK;
}
