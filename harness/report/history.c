/* SPDX-License-Identifier: Apache-2.0 */
#include "report/history.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/enum.h"
#include "report/parts.h"

static void fill(struct history_row *row, const struct run_record *run,
                 const struct cell_verdict *c)
{
	struct row shown;

	row_make(c, &shown);
	*row = (struct history_row){
	        .started = run->started, .seconds = c->seconds, .retried = c->retried};
	snprintf(row->run, sizeof(row->run), "%s", run->id);
	snprintf(row->cell, sizeof(row->cell), "%s", c->id);
	snprintf(row->platform, sizeof(row->platform), "%s",
	         ENUM_NAME(platform_names, c->platform));
	snprintf(row->outcome, sizeof(row->outcome), "%s", ENUM_NAME(outcome_names, c->outcome));
	snprintf(row->grade, sizeof(row->grade), "%s", shown.grade);
	snprintf(row->kvm, sizeof(row->kvm), "%s", shown.kvm);
	snprintf(row->reason, sizeof(row->reason), "%s", c->reason);
}

int history_of_run(const struct judge_input *in, const struct run_verdict *v,
                   struct history_row **ret, size_t *ret_rows, struct err *e)
{
	struct history_row *row = calloc(v->cells + 1, sizeof(*row));

	if (!row)
		return err_nomem(e);
	for (size_t i = 0; i < v->cells; i++)
		fill(&row[i], in->run, &v->cell[i]);
	*ret = row;
	*ret_rows = v->cells;
	return 0;
}
