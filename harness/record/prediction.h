/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "measure/predict.h"

/* What a boot has to measure, kept in the run's folder as boots/<id>/prediction.json. */
int prediction_save(const char *dir, const char *boot_id, const struct prediction *p,
                    struct err *e);
/* -ENOENT when nothing was predicted for the boot. Free with prediction_done(). */
int prediction_load(const char *dir, const char *boot_id, struct prediction *ret, struct err *e);
