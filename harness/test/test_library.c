/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "core/library.h"
#include "test/tests.h"

#define ZLIB(X, api) X(api, zlibVersion) X(api, crc32)
struct zlib_api {
	ZLIB(LIBRARY_MEMBER, struct zlib_api)
};
static const struct library_symbol symbols[] = {ZLIB(LIBRARY_SYMBOL, struct zlib_api)};
static const struct library_symbol no_such[] = {{"zlibVersion", 0}, {"zlibPerversion", 0}};

TEST(loads_the_first_that_is_there)
{
	const struct library want = {"zlib1g", {"libnowhere.so.9", "libz.so.1"}, symbols, 2};
	struct zlib_api api = {0};
	struct err e = {0};

	ck_assert_msg(library_load(&want, &api, &e) == 0, "%s", e.text);
	ck_assert_str_eq(api.zlibVersion(), zlibVersion());
	ck_assert_uint_eq(api.crc32(0, (const Bytef *)"123456789", 9), 0xcbf43926);
}

TEST(says_what_is_missing)
{
	const struct library nowhere = {"zlib1g", {"libnowhere.so.9"}, symbols, 2};
	const struct library other = {"zlib1g", {"libz.so.1"}, no_such, 2};
	struct zlib_api api = {0};
	struct err e = {0};

	ck_assert_int_eq(library_load(&nowhere, &api, &e), -ENOPKG);
	ck_assert_str_eq(e.text, "no libnowhere.so.9: install the package zlib1g");
	ck_assert_int_eq(library_load(&other, &api, &e), -ENOPKG);
	ck_assert_str_eq(e.text, "libz.so.1 has no zlibPerversion");
}

TESTS("library")
