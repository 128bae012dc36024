/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "format/sha2.h"
#include "record/record.h"

/*
 * A run as one file, a tar archive compressed by zstd: its raw evidence, and as the first member
 * statement.json, an in-toto statement (https://github.com/in-toto/attestation, v1) whose subjects
 * are the other members in their order, each with SHA-256 and size. What is derived from evidence is
 * left out: judging gives it again. The same folder gives the same bytes with the same libarchive
 * and libzstd.
 *
 * The statement shows damage and what got lost, not who made it: whoever changes a member can make
 * another statement. For that it is to be signed, or the bundle's own SHA-256 to be kept.
 */
#define BUNDLE_STATEMENT "statement.json"
#define BUNDLE_PREDICATE "tag:tception.example,2026:run/v1"

#define BUNDLE_MEMBERS_MAX   20000
#define BUNDLE_NAME_MAX      100           /* bytes, with the NUL: what every tar holds */
#define BUNDLE_BYTES_MAX     (16ull << 30) /* of all members */
#define BUNDLE_STATEMENT_MAX (8u << 20)    /* bytes */

struct bundle_member {
	char name[BUNDLE_NAME_MAX]; /* as below the run's folder: "boots/td-1/channel.bin" */
	uint64_t size;
	uint8_t sha256[SHA256_SIZE];
};

struct bundle {
	struct bundle_member *member;
	size_t members;
	uint8_t sha256[SHA256_SIZE]; /* of the whole file, once it is written */
};
void bundle_done(struct bundle *b);

/* A name that a run's folder has for evidence: nothing else is written to a bundle or read from one. */
bool bundle_name_is_good(const char *name);

/* The files that a bundle of the run in run->dir has, in their order. bundle_done() also on failure. */
int bundle_collect(const struct run_record *run, struct bundle *ret, struct err *e);

/* Writes the bundle of the run in `dir` to `path`, whole or not at all. Free *ret by bundle_done(). */
int bundle_write(const char *dir, const char *path, struct bundle *ret, struct err *e);

/* ---- bundle_statement.c ---- */

/* The statement as JSON; the caller frees it. */
int bundle_statement(const struct run_record *run, const struct bundle *b, char **ret,
                     struct err *e);
/* Strict; -EBADMSG. Free by bundle_done(). */
int bundle_statement_read(const char *text, size_t size, struct bundle *ret, struct err *e);

/* ---- bundle_read.c ---- */

/*
 * Reads a bundle, libarchive in a confined process. `begin` is called for each member in order,
 * `take` with its bytes; what they return ends the reading when it is not 0. All members were as the
 * statement says when this returns 0. -EBADMSG for whatever is altered, missing, too much, or no file.
 */
struct bundle_sink {
	int (*begin)(void *userdata, const struct bundle_member *m, struct err *e);
	int (*take)(void *userdata, const void *data, size_t size, struct err *e);
	void *userdata;
};
int bundle_read(int fd, const struct bundle_sink *sink, struct err *e);

/*
 * Where verbs take a run: its folder as it is, or a bundle, which is unpacked into a folder of its
 * own for the time that `load` takes. Messages call it `operand`. Signals that end a program wait
 * meanwhile, so that no folder stays.
 */
bool bundle_is(const char *operand); /* it is no folder */
int bundle_with(const char *operand, int (*load)(const char *dir, void *userdata, struct err *e),
                void *userdata, struct err *e);
