/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "case/case.h"
#include "record/record.h"
#include "run/channel.h"

/*
 * A visit's record as it is planned, with fresh nonces from getrandom. `layers` 1 is layer 0's own
 * visit, which probes it; otherwise layer 0 is only passed through.
 */
int visit_plan(const struct cell *cell, size_t layers, struct visit_record *ret, struct err *e);

/* A visit is over: what was scanned since the one before belongs to it. */
void visit_close(struct frame_scanner *s, struct evidence_digest *ret);

/*
 * The VISIT frame's JSON of a visit (guests/agent/README.md). A layer further in gets less time, so
 * that its parent can still report a timeout before the host gives the boot up.
 */
int visit_frame(const struct cell *cell, const struct visit_record *v, unsigned number,
                int deadline_s, char **ret_json, struct err *e);
