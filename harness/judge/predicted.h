/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_JUDGE_PREDICTED_H
#define TCEPTION_JUDGE_PREDICTED_H

#include "judge/evidence.h"
#include "measure/predict.h"

/*
 * The rung "predicted": whether MRTD and RTMR0 to RTMR2 are what the boot's inputs give. Where one
 * is not, the layer's event log, if it can be read, tells the first event that differs.
 */
void predicted_weigh(const struct prediction *prediction, const uint8_t mrtd[48],
                     const uint8_t rtmr[4][48], const struct blob *log, struct rung_result *ret);

/*
 * What that means for a hardware trust domain. Nothing says that predictions fit machines like this
 * one until they did: `confirmed` is the run in which this machine's first trust domain was as
 * predicted, "" before there was one. Until then the rung is null where it would be false, which
 * lowers no grade, and says both.
 */
void predicted_on_hardware(const char *confirmed, struct rung_result *ret);

#endif
