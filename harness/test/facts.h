/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "test/golden.h"

/* cases/golden/<what>/facts.json: what another parser read in the golden files beside it. */

static inline json_t *facts_read(const char *what)
{
	json_error_t error;
	char path[256];
	json_t *facts;

	snprintf(path, sizeof(path), "cases/golden/%s/facts.json", what);
	facts = json_load_file(path, 0, &error);
	ck_assert_msg(facts != NULL, "%s: %s", path, error.text);
	ck_assert_uint_gt(json_object_size(facts), 0);
	return facts;
}

/* Both fail the test when the fact is not there, so that no comparison is left out unseen. */
static inline void facts_hex(const json_t *facts, const char *file, const char *key,
                             const void *data, size_t size)
{
	const char *hex = json_string_value(json_object_get(facts, key));
	char what[128];

	snprintf(what, sizeof(what), "%s %s", file, key);
	ck_assert_msg(hex != NULL && strlen(hex) == 2 * size, "%s: no such fact", what);
	assert_hex(what, data, size, hex);
}

static inline void facts_int(const json_t *facts, const char *file, const char *key, uint64_t value)
{
	const json_t *fact = json_object_get(facts, key);

	ck_assert_msg(json_is_integer(fact), "%s %s: no such fact", file, key);
	ck_assert_msg((uint64_t)json_integer_value(fact) == value, "%s %s: %ju", file, key,
	              (uintmax_t)value);
}
