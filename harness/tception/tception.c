/* SPDX-License-Identifier: Apache-2.0 */
#include "tception/tception.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/version.h"
#include "tception/answer.h"
#include "tception/fields.h"

struct tception_verifier {
	struct verifier *verifier;
	struct policy *policy;
	bool used; /* a quote was verified */
};

/* What the caller holds, and what its pointers lead to. */
struct answer_held {
	struct tception_answer said; /* first: it is what the caller has the address of */
	struct answer answer;
	char *json;
};

/* Hands an error on; returns its code. */
static int failed(struct tception_error *e, const struct err *why, int code)
{
	if (e) {
		e->code = code;
		snprintf(e->text, sizeof(e->text), "%s", why->text);
	}
	return code;
}

const char *tception_version(void)
{
	return TCEPTION_VERSION;
}

/* ---- verifiers ---- */

void tception_verifier_free(struct tception_verifier *v)
{
	if (!v)
		return;
	verifier_free(v->verifier);
	policy_free(v->policy);
	free(v);
}

int tception_verifier_new(const char *test_root_pem, struct tception_verifier **ret,
                          struct tception_error *e)
{
	const struct trust_anchors anchors = {.test_root_pem = test_root_pem};
	struct tception_verifier *v = calloc(1, sizeof(*v));
	struct err why = {0};
	int r = v ? verifier_new(&anchors, &v->verifier, &why) : err_nomem(&why);

	if (r == 0)
		r = policy_read(NULL, 0, &v->policy, &why);
	if (r < 0) {
		tception_verifier_free(v);
		return failed(e, &why, r);
	}
	policy_choose(v->policy, v->verifier);
	*ret = v;
	return 0;
}

int tception_verifier_add(struct tception_verifier *v, const void *data, size_t size,
                          struct tception_error *e)
{
	struct err why = {0};
	int r = verifier_add(v->verifier, data, size, &why);

	return r < 0 ? failed(e, &why, r) : 0;
}

int tception_verifier_policy(struct tception_verifier *v, const char *text, size_t size,
                             struct tception_error *e)
{
	struct policy *policy;
	struct err why = {0};
	int r = v->used ? err_set(&why, -EBUSY, "the policy comes before the first quote")
	                : policy_read(text, size, &policy, &why);

	if (r < 0)
		return failed(e, &why, r);
	policy_free(v->policy);
	v->policy = policy;
	policy_choose(policy, v->verifier);
	return 0;
}

/* ---- answers ---- */

void tception_answer_free(struct tception_answer *a)
{
	struct answer_held *held = (struct answer_held *)a;

	if (!held)
		return;
	answer_done(&held->answer);
	free(held->json);
	free(held);
}

/* One line of JSON; ends `json`. */
static char *line_of(json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	return text;
}

static int say(struct answer_held *held, struct err *e)
{
	const struct answer *a = &held->answer;

	held->json = line_of(answer_json(a));
	if (!held->json)
		return err_nomem(e);
	held->said = (struct tception_answer){
	        .accepted = a->policy.accepted,
	        .authentic = a->v.authentic,
	        .origin = origin_names[a->v.origin],
	        .status = a->v.status == TCB_NOT_EVALUATED ? NULL : tcb_status_names[a->v.status],
	        .reason_code = a->v.code ? verdict_code_names[a->v.code] : NULL,
	        .reason = a->v.reason,
	        .json = held->json,
	};
	if (a->fault.code != FORMAT_OK) {
		held->said.reason_code = format_code_name(a->fault.code);
		held->said.reason = "not a quote";
	} else if (a->text[0]) {
		held->said.reason_code = "unreadable";
		held->said.reason = a->text;
	}
	return 0;
}

static bool is_utf8(const char *name)
{
	json_t *string = json_string(name);

	json_decref(string);
	return string;
}

int tception_verify(struct tception_verifier *v, const void *data, size_t size, const char *name,
                    int64_t at, struct tception_answer **ret, struct tception_error *e)
{
	struct answer_held *held = calloc(1, sizeof(*held));
	struct err why = {0};
	int r = 0;

	if (!held)
		r = err_nomem(&why);
	else if (!is_utf8(name))
		r = err_set(&why, -EINVAL, "the quote's name is not UTF-8");
	if (r == 0) {
		v->used = true;
		held->answer.name = name;
		r = answer_judge(&held->answer, v->verifier, v->policy, data, size, (time_t)at,
		                 &why);
	}
	if (r == 0)
		r = say(held, &why);
	if (r < 0) {
		tception_answer_free((struct tception_answer *)held);
		return failed(e, &why, r);
	}
	*ret = &held->said;
	return 0;
}

/* ---- quotes ---- */

int tception_quote_measurements(const void *data, size_t size, char **ret, struct tception_error *e)
{
	struct answer a = {.name = "quote"};
	struct err why = {0};
	char *text = NULL;
	int r = answer_read(&a, data, size, &why);

	if (r == 0 && a.text[0])
		r = err_set(&why, -EFBIG, "%s", a.text);
	else if (r == 0 && !a.quote)
		r = err_set(&why, -EBADMSG, "not a quote: %s at byte %ju",
		            format_code_name(a.fault.code), (uintmax_t)a.fault.offset);
	else if (r == 0 && a.quote->body_type == QUOTE_BODY_SGX)
		r = err_set(&why, -EBADMSG, "an SGX quote, not one of a trust domain");
	if (r == 0 && !(text = line_of(quote_td_json(a.quote))))
		r = err_nomem(&why);
	answer_done(&a);
	if (r < 0)
		return failed(e, &why, r);
	*ret = text;
	return 0;
}

void tception_text_free(char *text)
{
	free(text);
}
