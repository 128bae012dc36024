/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "measure/predict.h"

/*
 * A prediction as JSON: what `tception measure rtmr --json` prints and a run keeps of each boot.
 *
 *   {"profile":text, "mrtd":{"single_pass":hex, "two_pass":hex}, "rtmr":[hex or null, ...x4],
 *    "unknown":[text or null, ...x4], "complete":[bool, ...x4], "inputs":{name:hex or null, ...},
 *    "events":[{"rtmr":n, "type":n, "digest":hex or null, "input":name, "what":text}, ...]}
 */

/* NULL when memory runs out. */
json_t *prediction_to_json(const struct prediction *p);
/* -EINVAL naming the member that is missing or wrong. The registers must be those of the events. */
int prediction_from_json(const json_t *root, struct prediction *ret, struct err *e);
