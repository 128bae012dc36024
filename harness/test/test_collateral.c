/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>

#include "core/cleanup.h"
#include "format/tdx.h"
#include "format/text.h"
#include "test/emulated_report.h"
#include "test/golden.h"
#include "test/recertify.h"
#include "test/scratch.h"
#include "test/tests.h"
#include "trust/authority.h"
#include "trust/form.h"
#include "trust/policy.h"
#include "trust/verify.h"

/* Forms in which collateral and quotes come. With all of it a genuine quote is UpToDate. */

static const char quote_name[] = "quote/9c3786b9b3d6.bin";
#define AT 1770801952

static struct verifier *verifier;
static json_t *bundle;

static void setup(void)
{
	struct golden g = golden_read("collateral/60c2bf34.json");
	struct err e;

	bundle = json_loadb((const char *)g.data, g.size, 0, NULL);
	ck_assert_ptr_nonnull(bundle);
	ck_assert_int_eq(verifier_new(NULL, &verifier, &e), 0);
	golden_done(&g);
}

static void teardown(void)
{
	verifier_free(verifier);
	json_decref(bundle);
}

static const char *text(const char *key)
{
	return json_string_value(json_object_get(bundle, key));
}

static struct verdict check_bytes(const void *data, size_t size)
{
	struct verdict d;
	struct quote q;
	struct err e;

	ck_assert_int_eq(quote_parse(data, size, &q, NULL), FORMAT_OK);
	ck_assert_int_eq(verifier_check(verifier, &q, AT, &d, &e), 0);
	return d;
}

static struct verdict check(void)
{
	struct golden g = golden_read(quote_name);
	struct verdict d = check_bytes(g.data, g.size);

	golden_done(&g);
	return d;
}

static void add(const char *data)
{
	struct err e;

	ck_assert_msg(verifier_add(verifier, data, strlen(data), &e) == 0, "%s", e.text);
}

static void add_golden(const char *name)
{
	struct golden g = golden_read(name);
	struct err e;

	ck_assert_msg(verifier_add(verifier, g.data, g.size, &e) == 0, "%s: %s", name, e.text);
	golden_done(&g);
}

static void assert_up_to_date(void)
{
	struct verdict d = check();

	ck_assert_msg(d.status == TCB_UP_TO_DATE, "%s", d.reason);
}

/* Every header block of `before` stands before the answer's own. */
static const char *const blocks[] = {
        "HTTP/1.1 200 Connection established\r\n\r\n",
        "HTTP/1.0 200 OK\nProxy-Agent: x\n\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 301 Moved Permanently\r\nLocation: /\r\nTCB-Info-Issuer-Chain: none\r\n\r\n",
        "HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        "HTTP/1.1 302 Found\r\nSGX-Enclave-Identity-Issuer-Chain: %zz\r\n\r\n",
};

TEST_EACH(header_blocks_before_the_answer, blocks)
{
	struct golden g = golden_read("pieces/served/60c2bf34-tcb.http");
	_cleanup_(freep) char *file = NULL;

	ck_assert_int_gt(asprintf(&file, "%s%.*s", blocks[_i], (int)g.size, (const char *)g.data),
	                 0);
	add(file);
	add(text("root_ca_crl"));
	add(text("pck_crl"));
	ck_assert_ptr_nonnull(strstr(check().reason, "quoting enclave")); /* TCB info is there */
	add_golden("pieces/served/60c2bf34-qe.json");
	add(text("qe_identity_issuer_chain"));
	assert_up_to_date();
	golden_done(&g);
}

TEST(what_the_administration_tool_writes)
{
	add_golden("pieces/served/60c2bf34-tool.json");
	assert_up_to_date();
}

/* Spaces are forgiven there, and nothing else. */
TEST(what_somebody_else_wrote_into_it)
{
	struct golden g = golden_read("pieces/served/60c2bf34-tool.json");
	json_t *o = json_loadb((const char *)g.data, g.size, 0, NULL);
	json_t *all = json_object_get(o, "collaterals"), *tcb;
	_cleanup_(freep) char *file = NULL;
	struct err e;

	tcb = json_object_get(json_array_get(json_object_get(all, "tcbinfos"), 0), "tdx_tcbinfo");
	json_object_set_new(json_object_get(tcb, "tcbInfo"), "tcbEvaluationDataNumber",
	                    json_integer(99));
	file = json_dumps(o, 0);
	ck_assert_int_eq(verifier_add(verifier, file, strlen(file), &e), 0);
	ck_assert_int_eq(check().status, TCB_NOT_EVALUATED);
	json_decref(o);
	golden_done(&g);
}

TEST(byte_buffers_as_numbers)
{
	add_golden("pieces/served/60c2bf34-bytes.json");
	assert_up_to_date();
}

static const char *const crl_files[] = {"root_ca_crl", "pck_crl"};

/* 0: base64, 1: unpadded base64url with line ends, 2 and 3: the same in a bundle. */
TEST_RANGE(base64_crls, 0, 4)
{
	struct form_bytes der;

	for (size_t i = 0; i < 2; i++) {
		const char *hex = text(crl_files[i]);
		char b64[16384], *p = b64;

		ck_assert_int_eq(form_text(hex, strlen(hex), &der), 0);
		base64_encode(der.data, der.size, b64);
		form_done(&der);
		for (; _i % 2 && *p; p++)
			*p = *p == '+' ? '-' : *p == '/' ? '_' : *p == '=' ? '\n' : *p;
		if (_i < 2)
			add(b64);
		json_object_set_new(bundle, crl_files[i], json_string(_i < 2 ? "" : b64));
	}
	_cleanup_(freep) char *rest = json_dumps(bundle, 0);
	add(rest);
	assert_up_to_date();
}

/* PEM in quotes ends with a NUL, or two; so does what was copied from there into bundles. */
TEST_RANGE(nuls_after_pem, 0, 4)
{
	struct golden g = golden_read(quote_name);
	_cleanup_(freep) char *file = NULL;
	uint8_t pem[8192] = {0}, again[QUOTE_MAX];
	char chain[8192] = "";
	struct quote q;
	size_t n;

	snprintf(chain, sizeof(chain), "%s", text("tcb_info_issuer_chain"));
	json_object_set_new(bundle, "tcb_info_issuer_chain",
	                    json_stringn(chain, strlen(chain) + (size_t)_i));
	file = json_dumps(bundle, 0);
	add(file);
	ck_assert_int_eq(quote_parse(g.data, g.size, &q, NULL), FORMAT_OK);
	for (n = q.cert_data.size; q.cert_data.data[n - 1] == '\0';)
		n--;
	memcpy(pem, q.cert_data.data, n);
	n = recertify(g.data, g.size, q.cert_type, pem, n + (size_t)_i, again);
	ck_assert_int_eq(check_bytes(again, n).status, TCB_UP_TO_DATE);
	pem[n / 8] = '\0'; /* in the midst of it: refused */
	n = recertify(g.data, g.size, q.cert_type, pem, q.cert_data.size, again);
	ck_assert(!check_bytes(again, n).authentic);
	golden_done(&g);
}

/* Nothing could be taken from these, and that is said. */
static const char *const nothing[] = {
        "",
        "\n",
        "-----BEGIN%20CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nTCB-Info-Issuer-Chain: %2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\n\r\n<html>sign in</html>",
        "{\"collaterals\":{}}",
        "{\"collaterals\":{\"tcbinfos\":[],\"qeidentity\":\"\",\"rootcacrl\":\"\"}}",
        "{\"collaterals\":{\"tdqeidentity\":{\"collaterals\":{}}}}",
        "{\"collaterals\":{\"rootcacrl\":\"zz\"}}",
        "{\"collaterals\":{\"rootcacrl\":[48,256]}}",
        "{\"collaterals\":{\"pck_certs\":[{\"certs\":[{\"cert\":\"%\"}]}]}}",
        "AAAA",
};

TEST_EACH(files_that_give_nothing, nothing)
{
	struct err e = {0};

	ck_assert_int_eq(verifier_add(verifier, nothing[_i], strlen(nothing[_i]), &e), -EBADMSG);
	ck_assert_str_ne(e.text, "");
	ck_assert_int_eq(check().status, TCB_NOT_EVALUATED);
}

/* Evaluations 1 and 2, valid side by side: the policy says which decides. */
static const struct {
	const char *policy;  /* NULL: the default one */
	uint32_t evaluation; /* that decides; 0: there is none */
} choices[] = {
        {NULL, 2},
        {"{\"tcb_update\":\"early\"}", 2},
        {"{\"tcb_update\":\"standard\"}", 1},
        {"{\"tcb_evaluation\":1}", 1},
        {"{\"tcb_evaluation\":2}", 2},
        {"{\"tcb_evaluation\":3}", 0},
};

static json_t *with_evaluation(const json_t *all, const char *key, json_int_t n)
{
	json_t *o = json_loads(json_string_value(json_object_get(all, key)), 0, NULL);

	json_object_set_new(o, "tcbEvaluationDataNumber", json_integer(n));
	return o;
}

TEST_EACH(policy_chooses, choices)
{
	struct bundle_contents second = {.at = time(NULL)};
	const char *choice = choices[_i].policy;
	struct trust_anchors anchors;
	struct tdreport report = emulated_report();
	struct verifier *v;
	struct authority *a;
	struct policy *policy;
	char *first, *other;
	uint8_t *bytes;
	struct quote q;
	struct verdict d;
	json_t *all;
	size_t size;
	struct err e;

	scratch_make();
	ck_assert_int_eq(authority_open(scratch, &a, &e), 0);
	ck_assert_int_eq(authority_bundle(a, second.at, &first, &e), 0);
	all = json_loads(first, 0, NULL);
	second.tcb_info = with_evaluation(all, "tcb_info", 2);
	second.qe_identity = with_evaluation(all, "qe_identity", 2);
	ck_assert_int_eq(authority_bundle_of(a, &second, &other, &e), 0);
	ck_assert_int_eq(authority_quote(a, &report, 4, &bytes, &size, &e), 0);
	ck_assert_int_eq(quote_parse(bytes, size, &q, NULL), FORMAT_OK);
	ck_assert_int_eq(policy_read(choice, choice ? strlen(choice) : 0, &policy, &e), 0);
	for (int swapped = 0; swapped < 2; swapped++) {
		anchors.test_root_pem = authority_root_pem(a);
		ck_assert_int_eq(verifier_new(&anchors, &v, &e), 0);
		policy_choose(policy, v);
		ck_assert_int_eq(verifier_add(v, swapped ? other : first,
		                              strlen(swapped ? other : first), &e),
		                 0);
		ck_assert_int_eq(verifier_add(v, swapped ? first : other,
		                              strlen(swapped ? first : other), &e),
		                 0);
		ck_assert_int_eq(verifier_check(v, &q, second.at, &d, &e), 0);
		ck_assert_uint_eq(d.tcb_evaluation, choices[_i].evaluation);
		ck_assert_int_eq(d.status,
		                 choices[_i].evaluation ? TCB_UP_TO_DATE : TCB_NOT_EVALUATED);
		ck_assert(choices[_i].evaluation ||
		          strstr(d.reason, "and not 3, which was chosen"));
		verifier_free(v);
	}
	policy_free(policy);
	free(bytes);
	free(other);
	free(first);
	json_decref(all);
	authority_free(a);
	scratch_remove();
}

TESTS("collateral", .timeout = 60, .setup = setup, .teardown = teardown)
