// SPDX-License-Identifier: Apache-2.0
#include "run/fetch_check.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "core/escape.h"
#include "format/text.h"

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static int check_fmspc(const json_t *o, const uint8_t wanted[6], struct err *e)
{
	const char *got = text(o, "fmspc");
	char asked[HEX_ENCODED_SIZE(6)], shown[64];

	hex_encode(wanted, 6, asked);
	if (got && strcasecmp(got, asked) == 0)
		return 0;
	text_escape(shown, sizeof(shown), got ?: "none");
	return err_set(e, -EBADMSG, "TCB info of FMSPC %s, asked for %s", shown, asked);
}

static int check_evaluation(const json_t *o, uint32_t wanted, struct err *e)
{
	json_int_t got = json_integer_value(json_object_get(o, "tcbEvaluationDataNumber"));

	if (!wanted || got == (json_int_t)wanted)
		return 0;
	return err_set(e, -EBADMSG, "evaluation %lld, asked for %u", (long long)got, wanted);
}

static int check_object(const json_t *o, const struct fetch_wanted *w, struct err *e)
{
	const char *id = text(o, "id"), *want = w->kind == FETCH_TCB ? (w->sgx ? "SGX" : "TDX")
	                                                             : (w->sgx ? "QE" : "TD_QE");
	char shown[64];
	int r;

	if (!id || strcmp(id, want) != 0) {
		text_escape(shown, sizeof(shown), id ?: "none");
		return err_set(e, -EBADMSG, "collateral for '%s', asked for '%s'", shown, want);
	}
	r = w->kind == FETCH_TCB ? check_fmspc(o, w->fmspc, e) : 0;
	return r < 0 ? r : check_evaluation(o, w->evaluation, e);
}

int fetch_check(const char *body, size_t size, const struct fetch_wanted *wanted, struct err *e)
{
	json_auto_t *json = json_loadb(body, size, JSON_REJECT_DUPLICATES, NULL);
	const json_t *o =
	        json_object_get(json, wanted->kind == FETCH_TCB ? "tcbInfo" : "enclaveIdentity");
	int r = json_is_object(o) ? check_object(o, wanted, e)
	                          : err_set(e, -EBADMSG, "no %s in the answer",
	                                    wanted->kind == FETCH_TCB ? "TCB info" : "identity");

	return r;
}

int fetch_numbers(const char *body, size_t size, uint32_t ret[FETCH_NUMBERS_MAX], size_t *ret_count,
                  struct err *e)
{
	json_auto_t *json = json_loadb(body, size, JSON_REJECT_DUPLICATES, NULL);
	const json_t *list = json_object_get(json_object_get(json, "tcbEvaluationDataNumbers"),
	                                     "tcbEvalNumbers");
	size_t count = json_array_size(list), i;
	const json_t *one;
	int r = 0;

	if (!count || count > FETCH_NUMBERS_MAX)
		r = err_set(e, -EBADMSG, "no list of 1 to %d evaluation numbers",
		            FETCH_NUMBERS_MAX);
	json_array_foreach(list, i, one)
	{
		json_int_t n = json_integer_value(json_object_get(one, "tcbEvaluationDataNumber"));

		if (r == 0 && (n <= 0 || n > UINT32_MAX))
			r = err_set(e, -EBADMSG, "an evaluation number that is none");
		if (r == 0)
			ret[i] = (uint32_t)n;
	}
	if (r == 0)
		*ret_count = count;
	return r;
}
