/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/*
 * Whether an answer is about what was asked. Signatures are the verification's to check: here an
 * answer about another platform, or of another evaluation, is kept out of the folder.
 */
enum fetch_kind { FETCH_TCB, FETCH_IDENTITY };

struct fetch_wanted {
	enum fetch_kind kind;
	bool sgx;            /* of SGX, else of TDX */
	uint8_t fmspc[6];    /* of FETCH_TCB */
	uint32_t evaluation; /* 0: any */
};

/* `body` is JSON as Intel's PCS serves it. -EBADMSG: what was asked for and what came. */
int fetch_check(const char *body, size_t size, const struct fetch_wanted *wanted, struct err *e);

/* The evaluation numbers of an answer of tcbevaluationdatanumbers, in its order. -EBADMSG. */
#define FETCH_NUMBERS_MAX 16
int fetch_numbers(const char *body, size_t size, uint32_t ret[FETCH_NUMBERS_MAX], size_t *ret_count,
                  struct err *e);
