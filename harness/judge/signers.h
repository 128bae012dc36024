/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <time.h>

#include "format/bytes.h"
#include "format/quote.h"
#include "trust/verdict.h"

/*
 * Who may have signed a run's quotes, and the collateral that was kept of their platforms: read and
 * verified once for all quotes of the run. For one thread at a time.
 */
struct signers;

/* The roots and `count` files of collateral are read, not kept. Only memory can fail. */
int signers_new(const char *test_root_pem, const struct bytes *collateral, size_t count,
                struct signers **ret, struct err *e);
void signers_free(struct signers *s); /* NULL is fine */

/*
 * *ret_chain: whether the quote is authentic, by what is in it alone. *ret_tcb: what the collateral
 * says of an authentic one's platform, TCB_NOT_EVALUATED without. Only memory can fail.
 */
int signers_check(struct signers *s, const struct quote *quote, time_t at,
                  struct verdict *ret_chain, struct verdict *ret_tcb, struct err *e);
