/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/err.h"
#include "run/madeof.h"

/*
 * `run --changed-since RUN`: which cells of the plan have to be done again, because RUN did not do them or
 * they would be another thing now. *ret, one a case, is to be freed. Each that is chosen is told on
 * standard error, with why.
 */
int since_choose(const char *run, const struct case_file *cases, const struct host_facts *host,
                 const struct plan *plan, const struct guest_parts *parts, bool **ret,
                 struct err *e);
