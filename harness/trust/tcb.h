/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "format/quote.h"
#include "core/json.h"
#include "trust/sgxext.h"
#include "trust/verify.h"

/*
 * TCB info version 3 for TDX and the identity of the TD quoting enclave (version 2): Intel PCS API
 * v4, as structures, and what they say about a quote. Pure: no signature and no clock here. Private
 * to this room.
 */
#define TCB_LEVELS_MAX     64
#define TCB_IDENTITIES_MAX 16
#define TCB_ADVISORIES_MAX 64

struct isv_level { /* of a TDX module or of the QE */
	uint16_t isvsvn;
	enum tcb_status status;
	char date[JSONX_DATE_SIZE];
	const json_t *advisories; /* array of checked strings, or NULL; the item's JSON owns it */
	const char *unknown;      /* TCB_UNKNOWN: what is not known; owned likewise */
};

struct isv_levels { /* newest first, whatever the order they came in */
	struct isv_level level[TCB_LEVELS_MAX];
	size_t count;
};

struct module_expectation {
	uint8_t mrsigner[48];
	uint8_t attributes[8];
	uint8_t mask[8];
};

struct module_identity {
	uint8_t version; /* TEE_TCB_SVN[1]: the 01 of "TDX_01" */
	struct module_expectation expected;
	struct isv_levels levels;
};

struct tcb_level {
	uint8_t sgx[16];
	uint8_t tdx[16];
	uint16_t pcesvn;
	enum tcb_status status;
	char date[JSONX_DATE_SIZE];
	const json_t *advisories;
	const char *unknown;
	const json_t *tcb; /* the components as the JSON has them, with names for people */
};

struct tcb_info {
	time_t issued, next;
	uint32_t evaluation; /* tcbEvaluationDataNumber */
	uint8_t fmspc[6];
	uint8_t pceid[2];
	struct module_expectation module;
	struct module_identity identity[TCB_IDENTITIES_MAX];
	size_t identities;
	struct tcb_level level[TCB_LEVELS_MAX]; /* highest first, whatever the order they came in */
	size_t levels;
};

struct qe_identity {
	time_t issued, next;
	uint32_t evaluation;
	uint8_t miscselect[4], miscselect_mask[4];
	uint8_t attributes[16], attributes_mask[16];
	uint8_t mrsigner[32];
	uint16_t isvprodid;
	struct isv_levels levels;
};

/* -ENOTSUP when it is not for TDX (id, version), -EBADMSG when it is malformed. Borrow from `o`. */
int tcb_info_read(const json_t *o, struct tcb_info *ret, struct err *e);
int qe_identity_read(const json_t *o, struct qe_identity *ret, struct err *e);

/* Whether the QE is the one of the identity: everything but its SVN. -EBADMSG else. */
int qe_identity_match(const struct qe_identity *id, const struct sgx_report *qe, struct err *e);

/* Fills `launch`, `current`, `status` and `tcb_evaluation` of *v. `id` has matched
 * the quote's QE. */
void tcb_evaluate(const struct tcb_info *info, const struct qe_identity *id, const struct pck *pck,
                  const struct quote *q, struct verdict *v);

/*
 * tcb_explain.c: for an evaluated *v, what falls short of what (`gap`), `code`, `reason` and
 * `cure`.
 */
void tcb_explain(const struct tcb_info *info, const struct qe_identity *id, const struct pck *pck,
                 const struct quote *q, struct verdict *v);

/* Shared by the two. NULL: none. */
const struct isv_level *isv_find(const struct isv_levels *levels, uint16_t isvsvn);
const struct module_identity *module_find(const struct tcb_info *info, uint8_t version);
const struct tcb_level *level_find(const struct tcb_info *info, const struct pck *pck,
                                   const uint8_t svn[16]);
/* Where the comparison of TDX components begins: 0 and 1 are the module's, if it has
 * an identity. */
static inline size_t tdx_from(const uint8_t svn[16])
{
	return svn[1] > 0 ? 2 : 0;
}
bool tcb_has_current(const struct quote *q); /* TEE_TCB_SVN2 */
