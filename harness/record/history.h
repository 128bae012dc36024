/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "case/cell.h"
#include "core/err.h"

/* A cell in a run that was judged, as it stands in the run's table. */
struct history_row {
	char run[80];    /* the run's ID */
	int64_t started; /* UTC seconds since 1970 */
	char cell[CELL_ID_MAX];
	char platform[16], outcome[16], grade[40], kvm[16];
	char reason[512];
	double seconds;
	bool retried; /* an earlier boot of the run broke in it */
};
typedef int (*history_fn)(void *userdata, const struct history_row *row); /* 0 or -errno */

/*
 * An index of runs that were judged, in a SQLite file: tables `run` (path, stamp, id, started) and `cell`
 * (path, cell, platform, outcome, grade, kvm, seconds, retried, reason). Nothing rests on it: a row counts
 * only as long as the run's stamp (record/stamp.h) is what it was, an index that is damaged or of another version
 * is made anew, and who has none judges all runs. -ENOPKG: no SQLite here; -EIO: the file is something else.
 */
struct history_index;
int history_index_open(const char *path, struct history_index **ret, struct err *e);
void history_index_free(struct history_index *x);
/* All cells of the run at `path`: 1, or 0 where the index does not have it with that stamp, or -errno
 * that `each` gave. */
int history_index_find(struct history_index *x, const char *path, const char *stamp,
                       history_fn each, void *userdata);
/* All rows of one run, in place of what the index has of it; what can't be written is left out. */
void history_index_put(struct history_index *x, const char *path, const char *stamp,
                       const struct history_row *row, size_t rows);
