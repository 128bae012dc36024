/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "format/code.h"

/* Base64 (RFC 4648, section 4, with padding, strict) and lower-case hexadecimal. */
#define BASE64_ENCODED_SIZE(n) (((n) + 2) / 3 * 4 + 1) /* with the final NUL */
#define BASE64_DECODED_MAX(n)  ((n) / 4 * 3 + 3)
#define HEX_ENCODED_SIZE(n)    ((n)*2 + 1)

void base64_encode(const void *data, size_t size, char *out); /* BASE64_ENCODED_SIZE(size) bytes */
/* `out` holds BASE64_DECODED_MAX(length) bytes. No white space, no missing padding. */
enum format_code base64_decode(const char *text, size_t length, uint8_t *out, size_t *ret_size);

void hex_encode(const void *data, size_t size, char *out); /* HEX_ENCODED_SIZE(size) bytes */
/* `out` holds length / 2 bytes; either case is read. */
enum format_code hex_decode(const char *text, size_t length, uint8_t *out, size_t *ret_size);
