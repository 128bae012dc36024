/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "core/err.h"
#include "trust/trust.h"

/*
 * What a PCCS answers (Intel's confidential-computing.tee.dcap.pccs, version 4 of its interface)
 * about the emulated platform, whose collateral is the only one in its cache. Paths, below
 * /sgx/certification/v4/ or /tdx/certification/v4/, a slash at the end or not:
 *
 *   tdx tcb?fmspc=HEX              TCB info; header TCB-Info-Issuer-Chain
 *   tdx qe/identity                the TD quoting enclave's; SGX-Enclave-Identity-Issuer-Chain
 *   sgx pckcrl?ca=NAME             CRL in hexadecimal, or with encoding=der;
 * SGX-PCK-CRL-Issuer-Chain sgx rootcacrl                  CRL in hexadecimal tdx
 * tcbevaluationdatanumbers   as Intel's PCS; TCB-Evaluation-Data-Numbers-Issuer-Chain
 *
 * tcb and qe/identity take update=early|standard, for which there is but one answer, or
 * tcbEvaluationDataNumber=N. Both CAs, platform and processor, stand for the one that this install
 * has. 400: the request is malformed; 404: there is no such thing in the cache.
 */
struct pccs_query {
	const char *path; /* decoded, without the query */
	/* The value of a parameter, NULL when absent. */
	const char *(*get)(void *context, const char *key);
	void *context;
};

struct pccs_answer {
	unsigned status;        /* of HTTP */
	const char *type;       /* Content-Type */
	const char *chain_name; /* header with an issuer chain, or NULL */
	char *chain;            /* its value, URL-encoded; heap */
	uint8_t *body;          /* heap */
	size_t size;
};

/* `at`: when the collateral is issued. -ENOMEM, -EIO: nothing could be made. */
int pccs_answer(const struct authority *a, time_t at, const struct pccs_query *q,
                struct pccs_answer *ret, struct err *e);
void pccs_answer_done(struct pccs_answer *a);
