/* SPDX-License-Identifier: Apache-2.0 */
#include "format/code.h"

#include "format/bytes.h"

static const char *const names[] = {
        [FORMAT_OK] = "ok",
        [FORMAT_TRUNCATED] = "truncated",
        [FORMAT_TRAILING] = "trailing",
        [FORMAT_BAD_MAGIC] = "bad-magic",
        [FORMAT_BAD_VERSION] = "bad-version",
        [FORMAT_BAD_TYPE] = "bad-type",
        [FORMAT_BAD_SIZE] = "bad-size",
        [FORMAT_BAD_COUNT] = "bad-count",
        [FORMAT_BAD_VALUE] = "bad-value",
        [FORMAT_BAD_ALGORITHM] = "bad-algorithm",
        [FORMAT_OVERLAP] = "overlap",
        [FORMAT_DUPLICATE] = "duplicate",
        [FORMAT_MISSING] = "missing",
        [FORMAT_BAD_ENCODING] = "bad-encoding",
};
_Static_assert(COUNT_OF(names) == FORMAT_CODE_COUNT, "a code without a name");

const char *format_code_name(enum format_code code)
{
	return (unsigned)code < FORMAT_CODE_COUNT ? names[code] : "?";
}
