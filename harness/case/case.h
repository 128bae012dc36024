/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "case/cell.h"
#include "core/err.h"

/* Grades of attestation, in rising order; names "none", "report" ... */
enum grade { GRADE_NONE, GRADE_REPORT, GRADE_QUOTE, GRADE_VERIFIED, GRADE_COVERED };
extern const char *const grade_names[5];

/* What KVM is at a layer; names "no-config", "no-module" ... */
enum kvm_state {
	KVM_UNKNOWN, /* not probed */
	KVM_NO_CONFIG,
	KVM_NO_MODULE,
	KVM_NO_CPU,
	KVM_NO_NODE,
	KVM_DENIED,
	KVM_BROKEN,
	KVM_WORKS,
};
extern const char *const kvm_state_names[8];

/* The ladder, in order; names "device", "tdreport" ... */
enum rung {
	RUNG_DEVICE,
	RUNG_TDREPORT,
	RUNG_PROVIDER,
	RUNG_QUOTE,
	RUNG_PARSED,
	RUNG_BOUND,
	RUNG_REGISTERS,
	RUNG_CHAIN,
	RUNG_EVENTLOG,
	RUNG_PREDICTED,
	RUNG_TCB,
	RUNG_CONFORMS,
	RUNG_COVERS,
	RUNG_SECRET,
	RUNG_COUNT
};
extern const char *const rung_names[RUNG_COUNT];

/* What became of a secret for the innermost layer; names "not-asked", "released" ... */
enum secret_state {
	SECRET_NOT_ASKED, /* the case wants none */
	SECRET_ASKED,     /* the layer waits for it */
	SECRET_RELEASED,  /* the layer got it, and proved it */
	SECRET_REFUSED,   /* the harness did not send it */
	SECRET_LOST,      /* the layer never asked; or it was sent, and no proof came */
};
extern const char *const secret_state_names[5];

/*
 * What a case file says should be seen at the cell's innermost layer. -1 where it says nothing.
 * `kvm` is the state found by the layer that would use it: for a `qemu` layer the one below, which
 * opens /dev/kvm to start it, else the innermost itself.
 */
struct expectation {
	int entered;                 /* 0 or 1; 1 where the file says nothing */
	int grade;                   /* enum grade or -1 */
	int kvm;                     /* enum kvm_state or -1 */
	int rung;                    /* enum rung: the first false one, or -1 */
	char error[LAYER_WORD_MAX];  /* its errno by name, or "" */
	char extend[LAYER_WORD_MAX]; /* extending RTMR3 by sysfs: "ok", an errno, or "" */
	char covers[97];             /* SHA-384 of the layer's files in hexadecimal, or "" */
	int secret;                  /* SECRET_RELEASED or SECRET_REFUSED: it asks for one; or -1 */
};

struct test_case {
	struct cell cell;
	char id[CELL_ID_MAX]; /* cell_print of the whole cell */
	char *why;            /* the reason for the expectation, one line */
	struct expectation expect;
	bool isolate;      /* wants a boot of its own */
	int deadline_s;    /* 0 = default */
	char *xfail;       /* known failure: the reason, or NULL */
	char *xfail_until; /* its expiry "YYYY-MM-DD"; NULL without xfail */
	char *tags;        /* its words with a blank before and behind each, " slow disk "; or NULL */
	char *excluded;    /* of a matrix: why it is not to be run; or NULL */
	int line, column;  /* in the case file; of one of a matrix the same for all */
};
#define TAG_MAX 40 /* bytes of a tag, with the NUL: small letters, digits and '-' */

struct case_file {
	char *path;
	int version; /* of the format: 1 */
	struct test_case *item;
	size_t count;
};

/*
 * Reads a YAML case file (format in cases/README.md). On a bad one: -EINVAL and
 * "FILE:LINE:COLUMN: what was found; what was expected".
 */
int case_file_load(const char *path, struct case_file *ret, struct err *e);
/* `tag` by fnmatch(). */
bool case_has_tag(const struct test_case *c, const char *tag);
void case_file_done(struct case_file *f);
