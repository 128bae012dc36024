/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_RUN_VISIT_H
#define TCEPTION_RUN_VISIT_H

#include "case/case.h"
#include "record/record.h"

/*
 * The VISIT frame's JSON of one visit (guests/agent/README.md), and its record with fresh nonces
 * from getrandom. `layers` 1 is layer 0's own visit, which probes it; otherwise layer 0 is only
 * passed through. A layer further in gets less time, so that its parent can still report a timeout
 * before the host gives the boot up.
 */
int visit_make(const struct cell *cell, size_t layers, unsigned number, int deadline_s,
               struct visit_record *ret, char **ret_json, struct err *e);

#endif
