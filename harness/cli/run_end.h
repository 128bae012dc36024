/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/err.h"
#include "report/report.h"

/* Tells what is known, though the run could not go on: `why`. The exit code. */
int run_failed(const char *dir, enum report_format format, const struct err *why);

/* Evidence of two hosts or two test roots is not one run's; `root_pem`: today's, or NULL. -EXDEV. */
int run_same_host(const struct run_record *then, const struct host_facts *now, const char *root_pem,
                  struct err *e);

bool run_plan_needs(const struct plan *plan, enum platform platform);
/* Which trust domains these are and why: said first and last, so that nobody takes the one for the
 * other. `asked`: --platform. */
void run_announce_platform(const struct plan *plan, const struct host_facts *host,
                           enum platform asked);
void run_announce(const struct plan *plan, const struct host_facts *host, enum platform asked,
                  const char *dir, size_t cells);

/* How many boots go side by side. */
unsigned run_jobs(const struct plan *plan, const struct host_facts *host, unsigned asked);
