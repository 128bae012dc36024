/* SPDX-License-Identifier: Apache-2.0 */
/* Every metadata field, against the tables of Intel's module: cases/golden/tdx-module. */
#include <stdlib.h>

#include "tdxemu/core/field.h"
#include "tdxemu/test/fake.h"
#include "test/golden.h"
#include "test/tests.h"

#define ROWS         399
#define CPUID_VALUES 0x9410000300000000ull /* named by leaf and subleaf: see test_tdcall.c */
#define TD_CTLS      0x1110000300000017ull /* later releases let more of it be written */
#define NOT_WRITABLE 0xc0000c0100000000ull
#define NOT_READABLE 0xc0000c0200000000ull
#define ID_INCORRECT 0xc0000c0000000000ull

static struct golden_row {
	char context[4];
	uint64_t id;
	unsigned elements;
	uint64_t read, write;
} rows[ROWS];

static const char *const contexts[] = {
        [TD_CONTEXT_SYS] = "sys", [TD_CONTEXT_TD] = "td", [TD_CONTEXT_VCPU] = "vp"};

static void setup(void)
{
	struct golden g = golden_read("tdx-module/fields");
	char *text = calloc(g.size + 1, 1);
	unsigned n = 0;

	fake_start(0);
	memcpy(text, g.data, g.size);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), n++) {
		struct golden_row *r = &rows[n];

		ck_assert_uint_lt(n, ROWS);
		ck_assert_int_eq(sscanf(line, "%3s %lx %u %lx %lx", r->context, &r->id,
		                        &r->elements, &r->read, &r->write),
		                 5);
	}
	ck_assert_uint_eq(n, ROWS);
	free(text);
	golden_done(&g);
}

static enum td_context context_of(const struct golden_row *r)
{
	enum td_context context = TD_CONTEXT_SYS;

	while (strcmp(contexts[context], r->context) != 0)
		context++;
	return context;
}

/* A VMCS field's high half is a number of its own. */
static uint64_t stride(const struct golden_row *r)
{
	return r->id >> 50 & 1 ? 2 : 1;
}

static uint64_t read_status(enum td_context context, uint64_t id, uint64_t *ret_next)
{
	uint64_t value;

	return td_field_read(&td, &vcpu, context, id, &value, ret_next);
}

TEST(reads)
{
	for (unsigned n = 0; n < ROWS; n++) {
		const struct golden_row *r = &rows[n];
		uint64_t next;

		for (unsigned i = 0; i < r->elements && r->id != CPUID_VALUES; i++)
			ck_assert_uint_eq(read_status(context_of(r), r->id + i * stride(r), &next),
			                  r->read ? 0 : NOT_READABLE);
	}
}

TEST(writes)
{
	for (unsigned n = 0; n < ROWS; n++) {
		const struct golden_row *r = &rows[n];

		if (r->id == CPUID_VALUES || r->id == TD_CTLS || context_of(r) == TD_CONTEXT_SYS)
			continue; /* nothing writes the last */
		for (unsigned bit = 0; bit < 64; bit++) {
			uint64_t old, status;

			status = td_field_write(&td, &vcpu, context_of(r), r->id, 0, 1ull << bit,
			                        &old);
			ck_assert_msg(r->write >> bit & 1 ? status == 0 : status == NOT_WRITABLE,
			              "%s %#lx bit %u: %#lx", r->context, r->id, bit, status);
		}
	}
}

/* Of later releases: TOPOLOGY_ENUM_CONFIGURED, FEATURE_PARAVIRT_CTRL. */
static bool is_later(uint64_t id)
{
	return id == 0x9110000000000019 || id == 0x9110000300000022;
}

/* From the first on, each names the next, in the order of the tables. */
TEST(order)
{
	for (enum td_context context = TD_CONTEXT_SYS; context <= TD_CONTEXT_VCPU; context++) {
		uint64_t id = td_field_first(context), next;

		for (unsigned n = 0; n < ROWS; n++) {
			if (context_of(&rows[n]) != context || !rows[n].read)
				continue;
			for (unsigned i = 0; i < rows[n].elements; i++, id = next) {
				ck_assert_uint_eq(id, rows[n].id + i);
				ck_assert_uint_eq(read_status(context, id, &next), 0);
				while (is_later(next))
					ck_assert_uint_eq(read_status(context, next, &next), 0);
			}
		}
		ck_assert_uint_eq(id, UINT64_MAX);
	}
}

static bool is_known(enum td_context context, uint64_t id)
{
	for (unsigned n = 0; n < ROWS; n++) {
		const struct golden_row *r = &rows[n];
		uint64_t first = r->id & FIELD_NUMBER, number = id & FIELD_NUMBER;

		if (context_of(r) == context && FIELD_CLASS(r->id) == FIELD_CLASS(id) &&
		    number >= first && number < first + r->elements * stride(r) &&
		    (number - first) % stride(r) == 0)
			return true;
	}
	return is_later(id);
}

/* Beside each row, and in every class that has none. */
TEST(nothing_else)
{
	uint64_t next;

	for (unsigned n = 0; n < ROWS; n++) {
		const struct golden_row *r = &rows[n];
		uint64_t end = r->id + r->elements * stride(r);

		for (uint64_t id = r->id ? r->id - 1 : 0; id <= end;
		     id += id == r->id ? end - id : 1)
			if (FIELD_CLASS(id) != FIELD_CLASS_CPUID_VALUES)
				ck_assert_msg(is_known(context_of(r), id) ==
				                      (read_status(context_of(r), id, &next) !=
				                       ID_INCORRECT),
				              "%s %#lx", r->context, id);
	}
	for (enum td_context context = TD_CONTEXT_SYS; context <= TD_CONTEXT_VCPU; context++)
		for (uint64_t class = 0; class < 64; class ++)
			if (context != TD_CONTEXT_TD || class != FIELD_CLASS_CPUID_VALUES)
				ck_assert_int_eq(is_known(context, class << 56),
				                 read_status(context, class << 56, &next) !=
				                         ID_INCORRECT);
}

TESTS("field", .apart = true, .setup = setup)
