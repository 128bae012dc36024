/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "core/err.h"
#include "core/file.h"
#include "format/quote.h"
#include "record/record.h"

/*
 * A run's folder, whole in itself, so that `tception judge DIR` works on any machine:
 *
 *   run.json            struct run_record
 *   cases.yaml          a copy of the case file
 *   root.pem            the test root that signed emulated quotes, if there were any
 *   collateral/         files of collateral: emulated.json of the test root, and what was given
 *   parts.json          what guests were made of; not there when the run was killed
 *   boots/<id>/         channel.bin, console.log, qemu.log, module.log
 */
#define STORE_CASES "cases.yaml"
#define STORE_PARTS "parts.json" /* what the guests were made of: run/madeof.h */

/* UTC time and 32 random bits: "20260131T120000Z-1a2b3c4d". Caller frees. */
int store_run_id(char **ret, struct err *e);

/* Makes `dir` (its parents too) with a copy of the case file and an empty boots/ in it. -EEXIST
 * when it holds a run already; what ended before its plan was kept was none. */
int store_create(const char *dir, const char *case_path, struct err *e);

/* Makes a boot's folder with an empty channel.bin; the descriptors of both are the caller's. */
int store_boot_create(const char *boots_dir, const char *boot_id, int *ret_dir, int *ret_channel,
                      struct err *e);

/*
 * Makes this process the one that runs in `dir`, which is made if it has to be, until *ret_fd is
 * closed or the process ends; -EBUSY when there is one. Removes what one that was killed left there:
 * our own, by name and kind.
 */
int store_lock(const char *dir, int *ret_fd, struct err *e);
#define STORE_QGS_SOCKET "qgs.socket" /* only while a run goes on */

/* Writes run.json and root.pem into record->dir, each whole or not at all. */
int store_save(const struct run_record *record, struct err *e);

/*
 * Strict: an unknown or missing member, a value out of range, a boot ID that is no plain file name
 * is -EINVAL naming the member. `dir` is put into the record. Free with run_record_done.
 */
int store_load(const char *dir, struct run_record *ret, struct err *e);

/* A boot's channel.bin, empty when there is none. Free with bytes_free(). */
int store_channel(const char *dir, const char *boot_id, struct bytes *ret, struct err *e);

/*
 * Collateral is kept under its file name (-EINVAL for one that is no plain name; the same name is
 * replaced) and read in the order of names; at most STORE_COLLATERAL_FILES of at most
 * STORE_COLLATERAL_MAX bytes. No folder means no files.
 */
#define STORE_COLLATERAL_FILES 64
#define STORE_COLLATERAL_MAX   (8u << 20)
int store_collateral_add(const char *dir, const char *name, const void *data, size_t size,
                         struct err *e);
int store_collateral(const char *dir, struct bytes **ret, size_t *ret_count, struct err *e);
void store_collateral_free(struct bytes *file, size_t count);

/*
 * parts.json of a run; of a merged one those of its shards. An array of objects, empty where none is
 * there or can be read; for json_decref(). Who reads it checks types: the folder may be anybody's.
 */
json_t *store_parts(const char *dir);

/* ---- run.json as text, without a file ---- */
int record_to_json(const struct run_record *record, char **ret, struct err *e);
/* The record comes without dir and root_pem. */
int record_from_json(const char *text, size_t size, struct run_record *ret, struct err *e);
