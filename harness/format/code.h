/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * Why bytes were refused. Every parser of this room returns one of these (FORMAT_OK is 0) and, on
 * failure, stores the byte offset of the field at fault in `*ret_offset` (when not NULL) and leaves
 * its other outputs untouched. Freestanding: no malloc, no I/O, no errno.
 */
enum format_code {
	FORMAT_OK = 0,
	FORMAT_TRUNCATED,     /* the input ends inside a field */
	FORMAT_TRAILING,      /* bytes are left over after the last field */
	FORMAT_BAD_MAGIC,     /* a signature or GUID is not the expected one */
	FORMAT_BAD_VERSION,   /* a version this parser does not know */
	FORMAT_BAD_TYPE,      /* a type or kind field has an unknown value */
	FORMAT_BAD_SIZE,      /* a declared size contradicts the type or the container */
	FORMAT_BAD_COUNT,     /* a declared count is impossible */
	FORMAT_BAD_VALUE,     /* a field has a forbidden value (reserved bits, misalignment ...) */
	FORMAT_BAD_ALGORITHM, /* a digest or key algorithm that cannot be handled */
	FORMAT_OVERLAP,       /* two ranges overlap */
	FORMAT_DUPLICATE,     /* something that must be unique occurs twice */
	FORMAT_MISSING,       /* a mandatory part is absent */
	FORMAT_BAD_ENCODING,  /* not valid base64, hexadecimal or text */
	FORMAT_CODE_COUNT
};

/* A refusal as one value, for hosted code that hands it on. */
struct format_fault {
	enum format_code code;
	uint64_t offset; /* bytes; in a list, the place of the item */
};

/* The code's stable name, as printed in reports: "truncated", "bad-magic" ... */
const char *format_code_name(enum format_code code);
