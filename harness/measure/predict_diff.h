/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_MEASURE_PREDICT_DIFF_H
#define TCEPTION_MEASURE_PREDICT_DIFF_H

#include "measure/predict.h"

/*
 * Why two boots have different values in a register: the events of their predictions that differ,
 * each with the input it comes from, and whether that input itself is another one. `rtmr` -1 means
 * MRTD. Returns false, and an empty text, when the register is the same or known in neither.
 */
bool predict_diff(const struct prediction *a, const struct prediction *b, int rtmr, char *out,
                  size_t size);

#endif
