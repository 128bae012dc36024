/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "format/quote.h"
#include "trust/pck.h"

/* What a quote and its PCK certificate say, as JSON: the same for every verb that shows it. */

struct quote_field {
	const char *name;
	size_t offset, size;
	enum quote_body_type since; /* the first body type that has it */
};
#define QUOTE_TD_FIELDS 20
extern const struct quote_field quote_td_fields[QUOTE_TD_FIELDS]; /* in struct quote_td */

/* New objects; NULL without memory. Bytes are in hexadecimal. */
json_t *quote_fields_json(const struct quote_field *fields, size_t count, const void *base,
                          enum quote_body_type type);
json_t *quote_td_json(const struct quote *q);
json_t *pck_json(const struct pck *p); /* what the certificate does not say is null */
