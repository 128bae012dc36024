/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "core/cleanup.h"
#include "format/qgs.h"
#include "format/tdx.h"
#include "run/qgs_answer.h"
#include "test/scratch_authority.h"
#include "test/tests.h"
#include "trust/verify.h"

/* The quoting service's answers about collateral and platform, laid out by qgs_msg_lib.h. */

static uint32_t u32_at(const uint8_t *p, size_t at)
{
	uint32_t value;

	memcpy(&value, p + at, 4);
	return value;
}

/* A genuine form of quote, to be verified by what came. */
static struct quote make_quote(uint8_t **ret, size_t *ret_size)
{
	struct tdreport r = emulated_report();
	struct quote q;
	struct err e;

	ck_assert_int_eq(authority_quote(authority, &r, 4, ret, ret_size, &e), 0);
	ck_assert_int_eq(quote_parse(*ret, *ret_size, &q, NULL), FORMAT_OK);
	return q;
}

/* GET_COLLATERAL_REQ. */
static size_t collateral_request(const uint8_t fmspc[6], const char *ca, uint8_t *out)
{
	const uint32_t head[] = {0x00010001, 2, (uint32_t)(30 + strlen(ca) + 1),
	                         0,          6, (uint32_t)strlen(ca) + 1};

	memcpy(out, head, sizeof(head));
	memcpy(out + 24, fmspc, 6);
	strcpy((char *)out + 30, ca);
	return 30 + strlen(ca) + 1;
}

/* Our own verifier accepts a quote by what came. */
TEST_RANGE(collateral, 0, 2)
{
	_cleanup_(freep) uint8_t *got = NULL;
	_cleanup_(freep) uint8_t *quote = NULL;
	uint8_t request[64], *p;
	struct verifier *v;
	struct verdict d;
	size_t size, quote_size;
	struct quote q;
	struct err e;

	size = collateral_request(authority_fmspc(), _i ? "processor" : "PLATFORM", request);
	ck_assert_int_eq(
	        qgs_answer_collateral(authority, time(NULL), false, request, size, &got, &size), 0);
	ck_assert_uint_eq(u32_at(got, 4), QGS_GET_COLLATERAL_RESPONSE);
	ck_assert_uint_eq(u32_at(got, 8), size);
	ck_assert_uint_eq(u32_at(got, 12), QGS_OK);
	ck_assert_uint_eq(u32_at(got, 16), 3); /* version 3.0 */
	v = authority_verifier();
	p = got + 16 + 4 + 7 * 4;
	for (size_t i = 0; i < 7; i++) {
		size_t part = u32_at(got, 20 + 4 * i);

		ck_assert_uint_gt(part, 1);
		ck_assert_uint_eq(p[part - 1], 0);
		ck_assert_msg(verifier_add(v, p, part - 1, &e) == 0, "%zu: %s", i, e.text);
		p += part;
	}
	ck_assert_ptr_eq(p, got + size);
	q = make_quote(&quote, &quote_size);
	ck_assert_int_eq(verifier_check(v, &q, time(NULL), &d, &e), 0);
	ck_assert_msg(d.status == TCB_UP_TO_DATE, "%s", d.reason);
	verifier_free(v);
}

TEST_RANGE(collateral_of_others, 0, 4)
{
	static const uint8_t intels[6] = {0x00, 0x80, 0x6f, 0x05};
	_cleanup_(freep) uint8_t *got = NULL;
	uint8_t request[64];
	size_t size = collateral_request(_i == 0 ? intels : authority_fmspc(),
	                                 _i == 1 ? "root" : "platform", request);

	if (_i == 2)
		request[0] = 9; /* version */
	ck_assert_int_eq(
	        qgs_answer_collateral(authority, time(NULL), _i == 3, request, size, &got, &size),
	        0);
	ck_assert_uint_eq(size, 48);
	ck_assert_uint_eq(u32_at(got, 4), QGS_GET_COLLATERAL_RESPONSE);
	ck_assert_uint_eq(u32_at(got, 12),
	                  _i == 2 ? QGS_ERROR_INVALID_VERSION : QGS_ERROR_UNEXPECTED);
}

TEST_RANGE(platform_info, 0, 2)
{
	static const uint8_t request[17] = {1, 0, 1, 0, 4, 0, 0, 0, 16};
	_cleanup_(freep) uint8_t *quote = NULL;
	_cleanup_(freep) uint8_t *got = NULL;
	size_t size;
	struct quote q = make_quote(&quote, &size);

	ck_assert_int_eq(
	        qgs_answer_platform(authority, false, request, _i == 1 ? 17 : 16, &got, &size), 0);
	ck_assert_uint_eq(u32_at(got, 4), QGS_GET_PLATFORM_INFO_RESPONSE);
	ck_assert_uint_eq(u32_at(got, 8), size);
	if (_i == 1) {
		ck_assert_uint_eq(size, 28);
		ck_assert_uint_eq(u32_at(got, 12), QGS_ERROR_INVALID_SIZE);
		return;
	}
	ck_assert_uint_eq(size, 60);
	ck_assert_uint_eq(u32_at(got, 12), QGS_OK);
	ck_assert_uint_eq(u32_at(got, 16), 4 | 1u << 16); /* TD_QE's and the PCE's SVN */
	ck_assert_mem_eq(got + 28, q.user_data, 16);      /* the quoting enclave of the quotes */
}

TESTS("qgs_answer", .before = authority_make, .after = authority_drop)
