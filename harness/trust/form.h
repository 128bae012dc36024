/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/*
 * The forms in which people keep bytes: as they are, or as text. Names: "binary", "hex", "base64",
 * "base64url", "json", "jwt", "pem", "data-url". Nothing here says what the bytes are.
 */
enum form {
	FORM_BINARY,
	FORM_HEX,       /* of either case, also after "0x" */
	FORM_BASE64,    /* RFC 4648 section 4, padded or not */
	FORM_BASE64URL, /* RFC 4648 section 5, padded or not */
	FORM_JSON,      /* a value of one of the forms above in JSON, see form_quote() */
	FORM_JWT,       /* that JSON as the payload of a compact JWS (RFC 7515): not verified */
	FORM_PEM,       /* RFC 7468, of a label with QUOTE, EVIDENCE or REPORT in it */
	FORM_DATA_URL,  /* RFC 2397, of base64 */
	FORM_COUNT
};
extern const char *const form_names[FORM_COUNT];

struct form_bytes {
	uint8_t *data; /* heap */
	size_t size;
	enum form form;
};
void form_done(struct form_bytes *b);

/*
 * Decodes one text in hexadecimal, base64 or base64url, with white space anywhere; bits that no
 * byte takes must be zero, and the two alphabets may not be mixed. -EBADMSG: none of them, or no
 * byte at all; -ENOMEM.
 */
int form_text(const char *text, size_t length, struct form_bytes *ret);
/* Such a text, or an array of numbers below 256, as JSON libraries write byte buffers. */
int form_json(const json_t *value, struct form_bytes *ret);

/*
 * form_wrap.c: a quote or TDREPORT in any form; one may wrap another, as base64 of JSON does, and
 * the outermost is told. Text may begin with a byte order mark, and be UTF-16 then. In JSON it is the
 * first value in the order of the text, at most eight levels deep, that is called "quote",
 * "td_quote", "tdx_quote", "intel_quote", "raw_quote", "tdreport", "outblob" or "evidence" (or
 * "tdQuote") and that is a quote in any form or form_json() reads: Azure's and Google's services,
 * DCAP libraries, dstack, configfs-tsm, verifiers' requests and tokens name it so. What is no text
 * stays as it is (FORM_BINARY): evidence in binary begins with a version or type and has zeros soon.
 * -EBADMSG and a reason: text in none of the forms, or compressed.
 */
int form_quote(const void *data, size_t size, struct form_bytes *ret, struct err *e);
/* What bytes that are no quote seem to be, or NULL. */
const char *form_hint(const void *data, size_t size);
