/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "core/err.h"
#include "tception/answer.h"

/* Answers as signed tokens: tception/ear.h as a compact JWS (RFC 7515, ES256). */

struct token_maker {
	char *key;       /* PEM, or NULL: tokens are not signed (algorithm "none") */
	char policy[80]; /* the name of the policy's bytes (RFC 6920), or "" */
};
void token_maker_done(struct token_maker *m);

/* Either may be NULL. -EBADMSG: not a P-256 private key in PEM that no password protects. */
int token_maker_init(struct token_maker *m, const char *key_file, const char *policy_file,
                     struct err *e);
/* One line; of what is no quote nothing, since there is nothing to say, and a line on stderr. */
int token_print(const struct token_maker *m, const struct answer *a, FILE *out, struct err *e);
