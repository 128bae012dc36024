/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/visit.h"

/*
 * Where this layer has the kernel's interfaces. Some grants bind them elsewhere than at their usual
 * paths (struct grant_row's `place`), and only the VISIT tells which were given: a folder of that
 * name may be what is left of another layer's.
 */
#define PLACE_CONFIGFS "/sys/kernel/config"
#define PLACE_REPORTS  PLACE_CONFIGFS "/tsm/report"
#define PLACE_GUEST    "/sys/devices/virtual/misc/tdx_guest"

/* By the grants of the layer that this agent is in; without a call all are at the usual paths. */
void place_set(const struct visit_layer *own);

/* Where this layer has what is usually at `path`. */
const char *place_of(const char *path);
/* The folder of report entries, and what a grant gave alone: that place, or NULL where not given. */
const char *place_reports(void);
const char *place_entry(void);
const char *place_rtmr3(void);
