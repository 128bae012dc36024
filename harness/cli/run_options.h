/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>

#include "cli/options_run.h"
#include "core/err.h"
#include "record/record.h"
#include "run/here.h"
#include "run/parts.h"
#include "run/quoteservice.h"

/* What `tception run` is to do: by the command line, and by that of an earlier run. */

enum accel { ACCEL_AUTO, ACCEL_TCG, ACCEL_KVM };

/* The last is NULL. */
struct cell_patterns {
	const char *pattern[64];
	unsigned count;
};

struct options {
	struct cell_patterns cells;
	const char *cases, *out, *tag, *qemu, *state_dir, *collateral;
	const char *resume; /* the folder of a run that is gone on with */
	const char *like;   /* of one whose cases and options are taken */
	const char *since;  /* of one in comparison with which a cell has to have changed */
	struct quote_service quotes;
	struct here here;
	enum platform platform; /* of a `td`; PLATFORM_NONE: what works */
	enum accel accel;
	const char *default_cases;
	unsigned jobs, repeat;    /* jobs 0: chosen here */
	unsigned boot_deadline_s; /* 0: the plan's */
	unsigned keep_s;          /* a boot with a failing cell stays up so long; 0: not */
	struct shard shard;       /* which of how many */
	enum report_format format;
	struct guest_parts parts;
};

/* The run that --resume or --like names. */
struct earlier {
	struct run_record record; /* of --resume */
	char **words;             /* the command line that a run like it has; NULL: the one given */
	int lock;                 /* on the folder of --resume, or -1 */
	char dir[PATH_MAX], cases[PATH_MAX], out[PATH_MAX], since[PATH_MAX];
};

/*
 * Fills both; ends the program for what is no option. With an earlier run the process is in that
 * one's folder afterwards. `ret` is to be freed with earlier_done(), o->parts with guest_parts_done().
 */
int run_options(int argc, char **argv, struct options *o, struct earlier *ret, struct err *e);
void earlier_done(struct earlier *earlier);
