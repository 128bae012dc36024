/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "judge/verdict.h"

enum frames_kept { FRAMES_NONE, FRAMES_LOG /* of the kernel log */, FRAMES_ALL };

/*
 * Evidence -> verdicts. Pure: the same record and bytes give the same verdicts on any machine, at
 * any time (certificates and expiries are looked at as of the run's start).
 */
struct judge_input {
	const struct run_record *run;
	const struct case_file *cases;
	const struct bytes *channel; /* each boot's channel.bin, run->boots of them; or NULL: */
	/* one is read when it is needed first, and freed (bytes_free) when it is no more. */
	int (*read_channel)(void *userdata, size_t boot, struct bytes *ret, struct err *e);
	void *userdata;
	enum frames_kept frames; /* then: of what the layers sent, what is kept with the verdicts */
	/* run->boots of them, each NULL where nothing was predicted; or NULL for none at all */
	const struct prediction *const *prediction;
	/* files of collateral (see trust/verify.h); none: the rung "tcb" is null */
	const struct bytes *collateral;
	size_t collaterals;
};

/*
 * Judges every case that was planned or skipped, in the case file's order. Hostile bytes are no
 * failure but a verdict; -ENOMEM is.
 */
int judge_run(const struct judge_input *in, struct run_verdict *ret, struct err *e);

/* One case as far as the record goes: 1, or 0 when it was not part of this run. For progress while
 * a run is under way. */
int judge_case(const struct judge_input *in, size_t case_index, struct cell_verdict *ret,
               struct err *e);
