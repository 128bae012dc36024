/* SPDX-License-Identifier: Apache-2.0 */
#include "record/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/argv.h"

const char *const visit_state_names[6] = {
        [VISIT_DONE] = "done",       [VISIT_TIMEOUT] = "timeout", [VISIT_DIED] = "died",
        [VISIT_GARBAGE] = "garbage", [VISIT_FLOOD] = "flood",     [VISIT_NOT_RUN] = "not-run",
};

int run_record_place(struct run_record *r, const char *dir, struct err *e)
{
	char *copy = strdup(dir);

	if (!copy)
		return err_nomem(e);
	free(r->dir);
	r->dir = copy;
	return 0;
}

int boot_record_plan(struct boot_record *r, const struct boot *b, struct err *e)
{
	struct step *step = calloc(b->steps ? b->steps : 1, sizeof(*step));

	if (!step)
		return err_nomem(e);
	if (b->steps)
		memcpy(step, b->step, b->steps * sizeof(*step));
	r->boot = *b;
	r->boot.step = step;
	return 0;
}

struct visit_record *boot_record_next_visit(struct boot_record *r, struct err *e)
{
	struct visit_record *visit = reallocarray(r->visit, r->visits + 1, sizeof(*visit));

	if (!visit) {
		err_nomem(e);
		return NULL;
	}
	r->visit = visit;
	return visit + r->visits;
}

void boot_record_done(struct boot_record *b)
{
	free(b->boot.step);
	argv_free(b->argv);
	free(b->console_tail);
	free(b->qemu_said);
	free(b->visit);
	free(b->clock);
	*b = (struct boot_record){0};
}

void run_record_done(struct run_record *r)
{
	free(r->id);
	free(r->dir);
	free(r->root_pem);
	free(r->directory);
	argv_free(r->command);
	for (size_t i = 0; i < r->boots; i++)
		boot_record_done(&r->boot[i]);
	free(r->boot);
	free(r->shard.of_case);
	free(r->skip);
	*r = (struct run_record){0};
}
