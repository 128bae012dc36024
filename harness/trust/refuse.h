/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "trust/ssl.h"
#include "trust/verdict.h"

/*
 * Refusals: one line and a code (e->why), and the names of what is refused. Private to this room.
 */

/* Like err_set() with -EBADMSG; `e` may not be NULL. */
int refuse(struct err *e, enum verdict_code why, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
/* Like ssl_err(): what OpenSSL says is put behind it, and want of memory is -ENOMEM. */
int refuse_ssl(struct err *e, enum verdict_code why, const char *what);

/* Gives a failure its code where it has none; returns `r`. */
static inline int refuse_as(struct err *e, enum verdict_code why, int r)
{
	if (r == -EBADMSG && !e->why)
		e->why = (int)why;
	return r;
}

/* Texts into the caller's buffer, which is returned: */
#define LABEL_SIZE 200
/* `"Intel SGX TCB Signing", serial 7CFE..., valid 2018-05-21 to 2025-05-21`, escaped. */
char *label_cert(char out[LABEL_SIZE], const X509 *cert);
/* `of "Intel SGX PCK Platform CA", number 1, of 2026-01-27 to 2026-02-26` */
char *label_crl(char out[LABEL_SIZE], const X509_CRL *crl);
/* The CRL's number in decimal, or "". */
void crl_number(char out[VERDICT_CRL_NUMBER], const X509_CRL *crl);
/* The common name, escaped, or "no name". */
char *label_name(char out[80], const X509_NAME *name);
