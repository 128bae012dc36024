/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "measure/predict.h"
#include "record/record.h"

/*
 * What each trust domain of a run has to measure, predicted on the host from the command line that
 * QEMU got and the files it names, and kept in the run's folder, so that the run can be judged
 * again anywhere: boots/<id>/prediction.json and the ACPI blobs beside it, captured from a control
 * VM. Nothing the guest said is looked at.
 */

/*
 * Predicts every TD boot of the record. `dumper` is the path of fwcfg.efi. Where the control VM
 * fails, RTMR0 stays unknown and the prediction says why. Returns the first error; the other
 * boots are predicted all the same.
 */
int run_predict(const struct run_record *record, const char *dumper, struct err *e);
