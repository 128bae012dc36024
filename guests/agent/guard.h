/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

/*
 * Runs `fn` in a forked process and returns the JSON object it made, so that nothing a probe
 * touches can hang or crash the agent. On failure *ret_errno says why: ETIMEDOUT (it was killed),
 * EPROTO (it crashed or returned no object), or fork's and pipe's own. A process that even SIGKILL
 * doesn't end is left behind.
 */
typedef json_t *(*guard_fn)(void *arg);
json_t *guard_run(guard_fn fn, void *arg, int deadline_ms, int *ret_errno);
