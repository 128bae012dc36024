/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_RUN_STORE_H
#define TCEPTION_RUN_STORE_H

#include "core/err.h"
#include "plan/record.h"

/*
 * A run's folder, whole in itself, so that `tception judge DIR` works on any machine:
 *
 *   run.json            struct run_record
 *   cases.yaml          a copy of the case file
 *   root.pem            the test root that signed emulated quotes, if there were any
 *   boots/<id>/         channel.bin, console.log, qemu.log, module.log
 */

/* UTC time and 32 random bits: "20260131T120000Z-1a2b3c4d". Caller frees. */
int store_run_id(char **ret, struct err *e);

/* Makes `dir` (its parents too) with an empty boots/ in it. -EEXIST when it holds a run already. */
int store_create(const char *dir, const char *case_path, struct err *e);

/* Writes run.json and root.pem into record->dir, each whole or not at all. */
int store_save(const struct run_record *record, struct err *e);

/* Strict: unknown or missing members, values out of range, boot IDs that are no plain file name are
 * -EINVAL with the member's path. `dir` is put into the record. */
int store_load(const char *dir, struct run_record *ret, struct err *e);

#endif
