/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "case/case.h"
#include "record/record.h"

/* Where in a run a case is: the last boot that got to it, or else the last that was to. */
struct place {
	const struct skip *skip; /* or NULL */
	bool planned;            /* some boot was to run it: */
	bool tried;              /* that one did */
	bool before;             /* an earlier one did, too */
	size_t boot;             /* in the record */
	/* the cell's; layer 0's own where the cell is layer 0; NULL where the boot has none */
	const struct visit_record *visit;
};

/* Of every case of the file; an array of cases->count that the caller frees. -ENOMEM. */
int places_find(const struct run_record *run, const struct case_file *cases, struct place **ret,
                struct err *e);
