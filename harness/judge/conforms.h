/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_JUDGE_CONFORMS_H
#define TCEPTION_JUDGE_CONFORMS_H

#include <jansson.h>

#include "judge/rung.h"

/*
 * What guests/conformance said in a layer: two FACTs, each with its report as it printed it, before
 * the layer's reports and, of the rows that extend RTMRs, after them. The rung "conforms" is false
 * when a row fails, which it names, and null without such a report.
 */
void conforms_weigh(const json_t *fact, const json_t *extend, struct rung_result *ret);

#endif
