/* SPDX-License-Identifier: Apache-2.0 */
#include "run/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct job *job_new(const struct boot *b, size_t first_step)
{
	struct job *j = calloc(1, sizeof(*j));
	size_t left = b->steps - first_step;

	if (!j)
		return NULL;
	j->boot = *b;
	j->boot.steps = left;
	j->boot.step = calloc(left ? left : 1, sizeof(*b->step));
	if (!j->boot.step) {
		free(j);
		return NULL;
	}
	if (left)
		memcpy(j->boot.step, b->step + first_step, left * sizeof(*b->step));
	snprintf(j->base_id, sizeof(j->base_id), "%s", b->id);
	j->attempt = 1;
	return j;
}

void job_free(struct job *j)
{
	if (j)
		free(j->boot.step);
	free(j);
}

void jobs_init(struct jobs *all)
{
	*all = (struct jobs){.last = &all->first};
}

void jobs_add(struct jobs *all, struct job *j)
{
	j->next = NULL;
	*all->last = j;
	all->last = &j->next;
}

struct job *jobs_take(struct jobs *all)
{
	struct job *j = all->first;

	if (j) {
		all->first = j->next;
		if (!all->first)
			all->last = &all->first;
	}
	return j;
}

void jobs_done(struct jobs *all)
{
	struct job *j;

	while ((j = jobs_take(all)))
		job_free(j);
}
