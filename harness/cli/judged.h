/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/err.h"
#include "format/bytes.h"
#include "judge/judge.h"
#include "report/report.h"

/*
 * A run's folder and the verdicts on it: what `run` does at its end, and `judge`, `report` and
 * `diff` begin with. It reads run.json, cases.yaml, root.pem, collateral/ and
 * boots/<id>/channel.bin and prediction.json, and parts.json for who compares runs.
 */
struct judged {
	struct run_record run;
	struct case_file cases;
	struct prediction *prediction;       /* run.boots of them */
	const struct prediction **predicted; /* into these; NULL where there is none */
	json_t *parts;                       /* store_parts() */
	struct bytes *collateral;            /* in.collaterals of them */
	struct judge_input in;               /* points into the above: don't copy the struct */
	struct run_verdict verdict;
};

/* `run` is a folder or a bundle (record/bundle.h). `frames`: with those that the layers sent, for who shows
 * or saves them. */
int judged_load(const char *run, enum frames_kept frames, struct judged *ret, struct err *e);
void judged_done(struct judged *j);

/*
 * Derives result.json, boots/<id>/layer0.jsonl and cells/NN-<cell>/layerK.jsonl in the folder.
 * Names come from the case file's numbering and the cell's ID, never from a guest.
 */
int judged_save(const struct judged *j, struct err *e);

/* Loads and prints. */
int judged_show(const char *run, enum report_format format, struct err *e);
/* Loads, saves where it is a folder and, if asked to, prints: the exit code, or -errno. */
int judged_conclude(const char *run, enum report_format format, bool show, struct err *e);
/* The same for who goes on with what was judged: *ret is the caller's to free, on failure too. */
int judged_conclude_in(const char *run, enum report_format format, bool show, struct judged *ret,
                       struct err *e);
