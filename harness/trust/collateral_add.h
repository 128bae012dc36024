/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "trust/collateral.h"
#include "trust/ecdsa.h"

/* What reading a file of collateral is made of; errors as of verifier_add(). Private to it. */

/* collateral_add.c. `issuer` and `chain` (or NULL): the issuer chain in PEM that came along. */
int collateral_add_crl(struct collateral *c, const uint8_t *der, size_t size,
                       const struct bytes *issuer, struct err *e);
int collateral_add_pem(struct collateral *c, const char *text, size_t size, struct err *e);
int collateral_add_signed(struct collateral *c, enum signed_kind kind, const char *raw,
                          size_t raw_size, const uint8_t signature[ECDSA_RAW_SIZE],
                          const struct bytes *chain, struct err *e);
/* URL-decodes in place; false when a % is not followed by two digits. */
bool collateral_url_decode(char *s);

/* collateral_json.c. `text` is a JSON object and nothing else. */
int collateral_add_json(struct collateral *c, const char *text, size_t size,
                        const struct bytes *chain, struct err *e);
