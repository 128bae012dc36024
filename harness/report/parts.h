/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_REPORT_PARTS_H
#define TCEPTION_REPORT_PARTS_H

#include <jansson.h>

#include "judge/judge.h"

/* Parts of result.json that other JSON outputs have too; see results/README.md. NULL without
 * memory. */
json_t *text_or_null(const char *text); /* null for NULL and "" */
json_t *time_or_null(double value);     /* three decimals; null when < 0: not measured */
json_t *findings_json(const struct isolation *i);
json_t *isolation_json(const struct isolation *i);
json_t *cost_json(const struct layer_cost *c);

#endif
