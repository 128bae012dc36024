/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "plan/plan.h"

/* A boot to be done: a copy of the plan's, with the steps that are left. */
struct job {
	struct job *next;
	struct boot boot; /* boot.step is ours */
	size_t index;     /* of its record */
	char base_id[64]; /* without the attempt's number */
	int attempt;
	int fruitless; /* attempts in a row without a first visit */
};

/* Those that wait, the next one first. */
struct jobs {
	struct job *first, **last;
};

/* The boot with the steps from `first_step` on; NULL: no memory. */
struct job *job_new(const struct boot *b, size_t first_step);
void job_free(struct job *j); /* may be NULL */
void jobs_init(struct jobs *all);
void jobs_add(struct jobs *all, struct job *j); /* takes it over */
struct job *jobs_take(struct jobs *all); /* NULL: there is none */
void jobs_done(struct jobs *all);
