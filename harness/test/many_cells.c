/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "record/store.h"
#include "test/synth.h"
#include "trust/authority.h"

/*
 * many_cells DIR CELLS: a run's folder of that many cells, of evidence as synth.h makes it: each has
 * a nonce, a TDREPORT, and a quote that a test authority signed. For what grows with a run's size.
 */
#define CELLS_OF_A_BOOT 100
#define CELLS_MOST      100000

struct many {
	struct synth y;
	const char *dir;
	FILE *cases;
	struct boot_record *boot;
	size_t cells, made;
};

static void stop(const struct err *e)
{
	fprintf(stderr, "many_cells: %s\n", e->text);
	exit(3);
}

static void nonce(uint8_t out[NONCE_SIZE], uint64_t number)
{
	memset(out, 0x3c, NONCE_SIZE);
	memcpy(out, &number, sizeof(number));
}

/* Layer 0's own visit; its cell is the first of the first boot. */
static void add_layer0(struct many *m, struct boot_record *b, struct stream *s)
{
	struct account a = {"td", b->visit[0].nonce[0], false, AS_IT_SHOULD_BE};
	struct visit_record *v = &b->visit[b->visits++];

	snprintf(v->cell_id, sizeof(v->cell_id), "td");
	v->layers = 1;
	v->probe0 = true;
	v->begin = s->size;
	v->seconds = 1;
	nonce(v->nonce[0], m->made + (1ull << 40));
	sha384_init(&s->digest);
	put_account(&m->y, s, &a);
	v->end = s->size;
}

static void add_cell(struct many *m, struct boot_record *b, struct stream *s)
{
	struct visit_record *v = &b->visit[b->visits++];
	char id[CELL_ID_MAX];

	snprintf(id, sizeof(id), "td/uml@mem=%zu", 32 + m->made);
	synth_case(&m->y, 1, id, GRADE_VERIFIED, RUNG_COVERS);
	snprintf(v->cell_id, sizeof(v->cell_id), "%s", id);
	v->layers = 2;
	v->begin = s->size;
	v->seconds = 1;
	nonce(v->nonce[1], m->made);
	memcpy(m->y.visit[1].nonce[1], v->nonce[1], NONCE_SIZE);
	sha384_init(&s->digest);
	put_second_visit(&m->y, s);
	v->end = s->size;
	fprintf(m->cases,
	        " - {cell: %s, expect: {grade: verified, rung: covers}, why: synthetic}\n", id);
	b->boot.step[b->boot.steps++] = (struct step){m->made++, 60};
}

static void save_channel(const struct many *m, const struct boot_record *b, const struct stream *s)
{
	char path[PATH_MAX];
	struct err e;

	if (path_format(path, &e, "%s/boots/%s", m->dir, b->boot.id) < 0 ||
	    file_make_dirs(path, 0777, &e) < 0 ||
	    path_format(path, &e, "%s/boots/%s/channel.bin", m->dir, b->boot.id) < 0 ||
	    file_write(path, s->data, s->size, &e) < 0)
		stop(&e);
}

static void add_boot(struct many *m, size_t number)
{
	struct boot_record *b = &m->boot[number];
	struct stream s = {0};

	*b = m->y.boot;
	snprintf(b->boot.id, sizeof(b->boot.id), "td-%zu", number + 1);
	b->boot.memory_mib = 2048;
	b->boot.vcpus = 1;
	b->boot.boot_deadline_s = 180;
	b->boot.step = calloc(CELLS_OF_A_BOOT, sizeof(*b->boot.step));
	b->visit = calloc(CELLS_OF_A_BOOT + 1, sizeof(*b->visit));
	b->clock = calloc(2, sizeof(*b->clock));
	b->boot.steps = b->visits = 0;
	put_clock(&m->y, &s, 0, 0);
	add_layer0(m, b, &s);
	for (size_t i = 0; i < CELLS_OF_A_BOOT && m->made < m->cells; i++)
		add_cell(m, b, &s);
	put_clock(&m->y, &s, 1, 8);
	memcpy(b->clock, m->y.clock, 2 * sizeof(*b->clock));
	save_channel(m, b, &s);
	free(s.data);
}

static void save_collateral(const struct many *m)
{
	_cleanup_(freep) char *bundle = NULL;
	struct err e;

	if (authority_bundle(m->y.authority, time(NULL), &bundle, &e) < 0 ||
	    store_collateral_add(m->dir, "emulated.json", bundle, strlen(bundle), &e) < 0)
		stop(&e);
}

static void make(struct many *m)
{
	size_t boots = (m->cells + CELLS_OF_A_BOOT - 1) / CELLS_OF_A_BOOT;
	char path[PATH_MAX];
	struct err e;

	if (file_make_dirs(m->dir, 0777, &e) < 0 || path_join(path, m->dir, STORE_CASES, &e) < 0)
		stop(&e);
	m->cases = fopen(path, "w");
	m->boot = calloc(boots, sizeof(*m->boot));
	if (!m->cases || !m->boot)
		exit(3);
	fprintf(m->cases, "version: 1\ncases:\n");
	for (size_t i = 0; i < boots; i++)
		add_boot(m, i);
	if (fclose(m->cases) != 0)
		exit(3);
	m->y.run.dir = (char *)m->dir;
	m->y.run.boot = m->boot;
	m->y.run.boots = boots;
	m->y.run.ended = true;
	m->y.run.host.cpus = 1;
	m->y.run.host.memory_mib = 1024;
	snprintf(m->y.run.host.qemu_version, sizeof(m->y.run.host.qemu_version), "none");
	save_collateral(m);
	m->y.run.started = time(NULL); /* when all certificates are there */
	if (store_save(&m->y.run, &e) < 0)
		stop(&e);
}

static struct many many;

/* What synth.h asserts needs a test around it. */
START_TEST(all)
{
	synth_init(&many.y, AS_IT_SHOULD_BE);
	make(&many);
	for (size_t i = 0; i < many.y.run.boots; i++) {
		free(many.boot[i].boot.step);
		free(many.boot[i].visit);
		free(many.boot[i].clock);
	}
	free(many.boot);
	synth_done(&many.y);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("many_cells");
	SRunner *runner = srunner_create(suite);
	TCase *tc = tcase_create("all");
	int failed;

	many.cells = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	if (many.cells < 1 || many.cells > CELLS_MOST) {
		fprintf(stderr, "usage: many_cells DIR CELLS (at most %d)\n", CELLS_MOST);
		return 2;
	}
	many.dir = argv[1];
	tcase_add_test(tc, all);
	suite_add_tcase(suite, tc);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_MINIMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 3 : 0;
}
