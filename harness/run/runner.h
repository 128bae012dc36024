/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "record/record.h"
#include "run/kept.h"
#include "run/session.h"

/*
 * Executes a plan: up to `jobs` boots at a time. A boot given up in the middle is followed by
 * another one for the cells after the wedged one; one that twice in a row never finishes its first
 * visit gives up all its cells. run.json has the plan before the first boot and each visit before it
 * is told (run/journal.h). SIGINT, SIGTERM and SIGHUP end the run in an orderly way: every
 * cell without evidence is recorded as VISIT_NOT_RUN. A second one ends the program.
 */
#define RUNNER_KEYID_WAIT_S 600
struct run_spec {
	const struct case_file *cases;
	const struct plan *plan;
	const struct guest_parts *parts;
	struct quote_service quotes; /* hardware TDs: where they come from */
	struct here here; /* cells of `local` */
	struct authority *authority; /* emulated TDs: signs their quotes; else NULL */
	unsigned jobs;
	/* Where the host's KeyIDs are counted (run/keyids.h), NULL: of this machine. A hardware TD is not
	 * started before one is free, or RUNNER_KEYID_WAIT_S have passed. */
	const char *sysroot;
	/* Progress; may be NULL. */
	void (*progress)(void *userdata, enum session_event what, const struct boot_record *boot,
	                 const struct visit_record *visit);
	void (*waiting)(void *userdata, unsigned long keyids); /* all so many are in use; may be NULL */
	void (*stopping)(void *userdata, int signal_number); /* a signal came; may be NULL */
	release_fn release; /* who may have a secret; NULL: nobody */
	/* Whether a boot stays up when all its visits are done, as *kept; the first one does. NULL: none. */
	keep_fn keep;
	struct kept_boot *kept; /* all zeros; the caller's to end with kept_boot_done() */
	void *userdata;
};

/*
 * `record` comes with id, dir and host; boots, skips, started and seconds are filled in. One with
 * boots is that of a run which goes on: the plan's boots are further attempts at its own.
 * *ret_signal: the signal that ended the run early, or 0. On failure, too, run.json is there.
 */
int runner_execute(const struct run_spec *spec, struct run_record *record, int *ret_signal,
                   struct err *e);
