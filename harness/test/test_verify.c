/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>

#include "core/cleanup.h"
#include "format/bytes.h"
#include "test/golden.h"
#include "test/tests.h"
#include "trust/collateral.h"
#include "trust/verify.h"

/* The full evaluation: genuine quotes with Intel's collateral, and what attackers would serve. */

static const char quote_name[] = "quote/9c3786b9b3d6.bin"; /* UpToDate with this bundle, then */
static const char bundle_name[] = "collateral/60c2bf34.json";
#define AT 1770801952

static struct golden quote_bytes;
static struct quote quote;

static void setup(void)
{
	quote_bytes = golden_read(quote_name);
	ck_assert_int_eq(quote_parse(quote_bytes.data, quote_bytes.size, &quote, NULL), FORMAT_OK);
}

static void teardown(void)
{
	golden_done(&quote_bytes);
}

static struct verifier *with(const void *data, size_t size)
{
	struct verifier *v;
	struct err e;

	ck_assert_int_eq(verifier_new(NULL, &v, &e), 0);
	if (verifier_add(v, data, size, &e) == 0)
		return v;
	ck_assert_int_eq(e.code, -EBADMSG);
	verifier_free(v);
	return NULL;
}

static struct verdict check(struct verifier *v, time_t at)
{
	struct verdict d;
	struct err e;

	ck_assert_int_eq(verifier_check(v, &quote, at, &d, &e), 0);
	return d;
}

static json_t *read_bundle(const char *name)
{
	struct golden g = golden_read(name);
	json_t *o = json_loadb((const char *)g.data, g.size, 0, NULL);

	ck_assert(json_is_object(o));
	golden_done(&g);
	return o;
}

/* The verdict with a bundle; NotEvaluated also when it was refused as a whole. */
static struct verdict check_bundle(const json_t *o, time_t at)
{
	_cleanup_(freep) char *text = json_dumps(o, 0);
	struct verdict d = {.status = TCB_NOT_EVALUATED};
	struct verifier *v = with(text, strlen(text));

	if (v)
		d = check(v, at);
	verifier_free(v);
	return d;
}

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* The status that a bundle gives a quote, whatever the time: certificates and dates left aside. */
static enum tcb_status status_without_time(const struct golden *bundle, const struct quote *q)
{
	struct collateral *c = calloc(1, sizeof(*c));
	struct chain chain;
	struct verdict d = {.status = TCB_NOT_EVALUATED};
	struct pck pck;
	struct err e;

	ck_assert_int_eq(collateral_add(c, bundle->data, bundle->size, &e), 0);
	ck_assert_uint_eq(c->items, 2);
	ck_assert_int_eq(
	        chain_read(q->cert_data.data, q->cert_data.size, CHAIN_PCK, NULL, &chain, &e), 0);
	ck_assert_int_eq(sgxext_read(chain.cert[0], &pck, &e), 0);
	ck_assert_mem_eq(pck.fmspc, c->item[0]->tcb.fmspc, sizeof(pck.fmspc));
	tcb_evaluate(&c->item[0]->tcb, &c->item[1]->qe, &pck, q, &d);
	chain_done(&chain);
	collateral_done(c);
	free(c);
	return d.status;
}

/* Expected: Intel's Quote Verification Library, see cases/golden/collateral/ORIGIN.md. */
TEST(intels_verdicts)
{
	struct golden g = golden_read("collateral/verdicts.json");
	json_t *rows = json_loadb((const char *)g.data, g.size, 0, NULL), *row;
	unsigned equal = 0, early = 0;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		char name[80];
		struct golden q, b;
		struct quote parsed;
		struct verifier *v;
		struct verdict d;
		json_int_t at = json_integer_value(json_object_get(row, "time"));
		const char *status;

		snprintf(name, sizeof(name), "quote/%s", text(row, "quote"));
		q = golden_read(name);
		snprintf(name, sizeof(name), "collateral/%s", text(row, "bundle"));
		b = golden_read(name);
		ck_assert_int_eq(quote_parse(q.data, q.size, &parsed, NULL), FORMAT_OK);
		v = with(b.data, b.size);
		ck_assert_ptr_nonnull(v);
		ck_assert_int_eq(verifier_check(v, &parsed, at, &d, NULL), 0);
		status = tcb_status_names[d.status];
		if (at < json_integer_value(json_object_get(row, "leaf_not_before"))) {
			ck_assert(!d.authentic);
			ck_assert_ptr_nonnull(strstr(d.reason, "not yet valid"));
			status = tcb_status_names[status_without_time(&b, &parsed)];
			ck_assert_str_eq(status, text(row, "qvl")); /* but for that we agree */
			early++;
		} else {
			ck_assert_msg(strcmp(status, text(row, "qvl")) == 0,
			              "%s, %s: %s, QVL says %s (%s)", text(row, "quote"), name,
			              status, text(row, "qvl"), d.reason);
			ck_assert_int_eq(d.origin, ORIGIN_HARDWARE);
			equal++;
		}
		verifier_free(v);
		golden_done(&q);
		golden_done(&b);
	}
	json_decref(rows);
	golden_done(&g);
	ck_assert_uint_ge(equal, 70);
	ck_assert_uint_ge(early, 5);
}

/* As Intel's PCS serves it: separate files, in any order, with and without HTTP headers. */
TEST(files_as_served)
{
	json_t *o = read_bundle(bundle_name);
	char *files[5], escaped[16384];
	size_t used = 0;
	struct verifier *v;
	struct verdict d;
	struct err e;

	for (const char *p = text(o, "tcb_info_issuer_chain"); *p; p++)
		used += (size_t)snprintf(escaped + used, sizeof(escaped) - used,
		                         strchr("\n +/=", *p) ? "%%%02X" : "%c", *p);
	ck_assert_int_gt(asprintf(&files[0],
	                          "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	                          "TCB-Info-Issuer-Chain: %s\r\nRequest-ID: x\r\n\r\n"
	                          "{\"tcbInfo\":%s,\"signature\":\"%s\"}",
	                          escaped, text(o, "tcb_info"), text(o, "tcb_info_signature")),
	                 0);
	ck_assert_int_gt(asprintf(&files[1],
	                          " {\"signature\": \"%s\",\n \"enclaveIdentity\": %s }\n",
	                          text(o, "qe_identity_signature"), text(o, "qe_identity")),
	                 0);
	files[2] = strdup(text(o, "pck_crl"));
	files[3] = strdup(text(o, "root_ca_crl"));
	files[4] = strdup(text(o, "qe_identity_issuer_chain"));
	for (int first = 0; first < 5; first++) {
		ck_assert_int_eq(verifier_new(NULL, &v, &e), 0);
		for (int i = 0; i < 5; i++) {
			const char *file = files[(first + i) % 5];

			d = check(v, AT);
			ck_assert(d.authentic);
			ck_assert_int_eq(d.status, TCB_NOT_EVALUATED);
			ck_assert_str_ne(d.reason, "");
			ck_assert_int_eq(verifier_add(v, file, strlen(file), &e), 0);
		}
		d = check(v, AT);
		ck_assert_msg(d.status == TCB_UP_TO_DATE, "%s", d.reason);
		verifier_free(v);
	}
	for (int i = 0; i < 5; i++)
		free(files[i]);
	json_decref(o);
}

/* Bundles as others write them: 0x before hexadecimal, NUL behind PEM, CRLs in files
 * of their own. */
TEST(bundles_as_written)
{
	static const char *const crls[] = {"root_ca_crl", "pck_crl"};
	json_t *o = read_bundle(bundle_name), *mixed = json_deep_copy(o);
	_cleanup_(freep) char *bundle = NULL;
	struct verifier *v;
	struct err e;

	for (size_t i = 0; i < 2; i++)
		json_object_set_new(mixed, crls[i], json_sprintf("0x%s", text(o, crls[i])));
	json_object_set_new(mixed, "pck_certificate_chain", json_stringn("PEM\0", 4));
	ck_assert_int_eq(check_bundle(mixed, AT).status, TCB_UP_TO_DATE);
	/* a NUL anywhere else is not taken for an end */
	json_object_set_new(mixed, "tcb_info", json_stringn("{}\0{}", 5));
	ck_assert_int_eq(check_bundle(mixed, AT).status, TCB_NOT_EVALUATED);

	json_object_del(o, "root_ca_crl");
	json_object_del(o, "pck_crl");
	bundle = json_dumps(o, 0);
	v = with(bundle, strlen(bundle));
	ck_assert_ptr_nonnull(v);
	ck_assert_ptr_nonnull(strstr(check(v, AT).reason, "no CRL"));
	json_decref(o);
	o = read_bundle(bundle_name);
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(verifier_add(v, text(o, crls[i]), strlen(text(o, crls[i])), &e),
		                 0);
	ck_assert_int_eq(check(v, AT).status, TCB_UP_TO_DATE);
	verifier_free(v);
	json_decref(mixed);
	json_decref(o);
}

TEST(expired_and_future)
{
	json_t *o = read_bundle(bundle_name);
	static const time_t at[] = {
	        1769500000, /* 2026-01-27 07:46:40: before the TCB info's issueDate */
	        1772100000, /* 2026-02-26 10:00:00: after its nextUpdate */
	        1900000000, /* 2030 */
	};

	for (size_t i = 0; i < COUNT_OF(at); i++) {
		struct verdict d = check_bundle(o, at[i]);

		ck_assert(d.authentic);
		ck_assert_int_eq(d.status, TCB_NOT_EVALUATED);
		ck_assert(strstr(d.reason, "expired") || strstr(d.reason, "not yet valid"));
	}
	json_decref(o);
}

static void assert_no_status(const json_t *o, const char *what)
{
	struct verdict d = check_bundle(o, AT);

	ck_assert_msg(d.status == TCB_NOT_EVALUATED, "%s: %s", what, tcb_status_names[d.status]);
}

/* A bundle with one text replaced; the reference is stolen. */
static json_t *replaced(const json_t *o, const char *key, json_t *value)
{
	json_t *copy = json_deep_copy(o);

	json_object_set_new(copy, key, value);
	return copy;
}

TEST(pieces_of_other_bundles)
{
	static const struct {
		const char *key, *from, *from_key;
	} swaps[] = {
	        {"tcb_info", "collateral/86e3287e.json",
	         "tcb_info"}, /* another FMSPC's, unsigned */
	        {"tcb_info", "collateral/60c2bf34.json", "qe_identity"}, /* wrong kinds */
	        {"qe_identity", "collateral/60c2bf34.json", "tcb_info"},
	        {"tcb_info_signature", "collateral/60c2bf34.json", "qe_identity_signature"},
	        {"qe_identity_signature", "collateral/60c2bf34.json", "tcb_info_signature"},
	        {"pck_crl", "collateral/60c2bf34.json", "root_ca_crl"},
	        {"root_ca_crl", "collateral/60c2bf34.json", "pck_crl"},
	        {"tcb_info_issuer_chain", "collateral/60c2bf34.json", "pck_crl_issuer_chain"},
	        {"qe_identity_issuer_chain", "collateral/60c2bf34.json", "pck_crl_issuer_chain"},
	        {"pck_crl_issuer_chain", "collateral/60c2bf34.json", "tcb_info_issuer_chain"},
	        {"pck_crl", "collateral/a3ec821c.json", "pck_crl"}, /* of a self-made root */
	        {"root_ca_crl", "collateral/a3ec821c.json", "root_ca_crl"},
	        {"tcb_info_issuer_chain", "collateral/a3ec821c.json", "tcb_info_issuer_chain"},
	        {"pck_crl_issuer_chain", "collateral/a3ec821c.json", "pck_crl_issuer_chain"},
	};
	json_t *o = read_bundle(bundle_name);

	ck_assert_int_eq(check_bundle(o, AT).status, TCB_UP_TO_DATE);
	for (size_t i = 0; i < COUNT_OF(swaps); i++) {
		json_t *other = read_bundle(swaps[i].from);
		json_t *mixed = replaced(o, swaps[i].key,
		                         json_incref(json_object_get(other, swaps[i].from_key)));
		char what[64];

		snprintf(what, sizeof(what), "swap %zu", i);
		assert_no_status(mixed, what);
		json_decref(mixed);
		json_decref(other);
	}
	json_decref(o);
}

/* A whole bundle of another platform: valid, but not for this quote. */
TEST(wrong_fmspc)
{
	json_t *o = read_bundle("collateral/86e3287e.json");
	struct verdict d = check_bundle(o, 1782215795);

	ck_assert(d.authentic);
	ck_assert_int_eq(d.status, TCB_NOT_EVALUATED);
	ck_assert_ptr_nonnull(strstr(d.reason, "no TCB info"));
	json_decref(o);
}

/* Signed JSON put otherwise: same values, other bytes. */
TEST(json_written_otherwise)
{
	json_t *o = read_bundle(bundle_name);
	const char *tcb = text(o, "tcb_info");
	json_t *parsed = json_loads(tcb, 0, NULL);
	char *spaced = json_dumps(parsed, JSON_INDENT(1)),
	     *sorted = json_dumps(parsed, JSON_SORT_KEYS);
	char *twice, *compact = json_dumps(parsed, JSON_COMPACT);
	json_t *mixed;

	ck_assert_int_gt(asprintf(&twice, "{\"version\":3,%s", tcb + 1), 0);
	ck_assert_str_eq(compact, tcb); /* so that only the spelling differs below */
	const char *const spelling[] = {spaced, sorted, twice};
	for (size_t i = 0; i < 3; i++) {
		mixed = replaced(o, "tcb_info", json_string(spelling[i]));
		assert_no_status(mixed, "spelling");
		json_decref(mixed);
	}
	free(spaced);
	free(sorted);
	free(compact);
	free(twice);
	json_decref(parsed);
	json_decref(o);
}

/* A verifier that lacks only what is at `key`. */
static struct verifier *without(const json_t *o, const char *key)
{
	bool crl = strstr(key, "_crl");
	json_t *rest = json_deep_copy(o);
	_cleanup_(freep) char *bundle = NULL;
	struct verifier *v;
	struct err e;

	json_object_del(rest, key);
	bundle = json_dumps(rest, 0);
	ck_assert_int_eq(verifier_new(NULL, &v, &e), 0);
	if (crl)
		ck_assert_int_eq(verifier_add(v, bundle, strlen(bundle), &e), 0);
	for (size_t i = 0; !crl && i < 2; i++) {
		const char *hex = text(o, i ? "pck_crl" : "root_ca_crl");

		ck_assert_int_eq(verifier_add(v, hex, strlen(hex), &e), 0);
	}
	json_decref(rest);
	return v;
}

/* Adds what may be at `key`: a CRL as a file of its own, anything else in a bundle without CRLs. */
static struct verdict check_with(struct verifier *v, const json_t *o, const char *key,
                                 const char *value)
{
	json_t *some = json_deep_copy(o), *string = json_string(value);
	_cleanup_(freep) char *bundle = NULL;
	const char *file = value;
	struct err e;

	if (!strstr(key, "_crl")) {
		json_object_del(some, "pck_crl");
		json_object_del(some, "root_ca_crl");
		json_object_set_new(some, key, string);
		file = bundle = json_dumps(some, 0);
	} else {
		json_decref(string);
	}
	if (verifier_add(v, file, strlen(file), &e) < 0)
		ck_assert_int_eq(e.code, -EBADMSG);
	json_decref(some);
	return check(v, AT);
}

/*
 * One flipped byte of a CRL's DER, of a signature, or of signed JSON: never a status. A verifier
 * gets many of them one after the other, on top of all the rest, which it reads but once; what is
 * wrong stays with it, and the right one helps at the end.
 */
#define FLIPS_MAX 40 /* for one verifier */
TEST_RANGE(every_flipped_byte, 0, 6)
{
	static const char *const hex_keys[] = {"pck_crl", "root_ca_crl", "tcb_info_signature",
	                                       "qe_identity_signature"};
	static const char *const json_keys[] = {"tcb_info", "qe_identity"};
	bool hex = _i < 4;
	const char *key = hex ? hex_keys[_i] : json_keys[_i - 4];
	json_t *o = read_bundle(bundle_name), *valid;
	char *bad = strdup(text(o, key));
	size_t size = strlen(bad), step = TESTS_SHARE ? 7 : 1; /* each, in the plain program */
	struct verifier *v = NULL;

	for (size_t i = 0, tried = 0; i < size; i += step, tried++) {
		static const char digits[] = "0123456789abcdef";
		char good = bad[i];

		if (hex) /* another digit: half a byte */
			bad[i] =
			        digits[((size_t)(strchr(digits, good) - digits) + 1 + i % 15) % 16];
		else
			bad[i] = (char)(good ^ (1 << i % 6));
		if (tried % FLIPS_MAX == 0) {
			verifier_free(v);
			v = without(o, key);
		}
		valid = json_string(bad);
		if (valid) { /* else not UTF-8: no JSON file could hold it */
			struct verdict d = check_with(v, o, key, bad);

			ck_assert_msg(d.status == TCB_NOT_EVALUATED, "%s, character %zu", key, i);
			ck_assert(d.authentic);
		}
		json_decref(valid);
		bad[i] = good;
		if (tried % FLIPS_MAX == FLIPS_MAX - 1 || i + step >= size)
			ck_assert_int_eq(check_with(v, o, key, bad).status, TCB_UP_TO_DATE);
	}
	verifier_free(v);
	free(bad);
	json_decref(o);
}

/*
 * A flip in the PEM text of an issuer chain: no status, unless it still decodes to the very same
 * certificates (a flipped bit of padding, or of what stands around the blocks).
 */
TEST_RANGE(flipped_issuer_chains, 0, 3)
{
	static const char *const keys[] = {"tcb_info_issuer_chain", "qe_identity_issuer_chain",
	                                   "pck_crl_issuer_chain"};
	json_t *o = read_bundle(bundle_name), *mixed = json_deep_copy(o);
	char *bad = strdup(text(o, keys[_i]));
	struct chain good, other;
	struct err e;

	ck_assert_int_eq(chain_read(bad, strlen(bad), CHAIN_SIGNING, NULL, &good, &e), 0);
	for (size_t i = 0, size = strlen(bad); i < size; i += 3) {
		bad[i] ^= (char)(1 << i % 6);
		json_object_set_new(mixed, keys[_i], json_stringn(bad, size));
		if (check_bundle(mixed, AT).status != TCB_NOT_EVALUATED) {
			ck_assert_int_eq(chain_read(bad, size, CHAIN_SIGNING, NULL, &other, &e), 0);
			for (size_t k = 0; k < CHAIN_SIGNING; k++)
				ck_assert(cert_equal(good.cert[k], other.cert[k]));
			chain_done(&other);
		}
		bad[i] ^= (char)(1 << i % 6);
	}
	chain_done(&good);
	free(bad);
	json_decref(mixed);
	json_decref(o);
}

TEST(hostile_files)
{
	char *deep = malloc(200001), *deep_in;
	static const char *const bad[] = {
	        "",
	        "{",
	        "{}",
	        "[]",
	        "null",
	        "{\"tcbInfo\":{}}",
	        "{\"tcbInfo\":{},\"signature\":\"00\"}",
	        "{\"tcbInfo\":[],\"signature\":\"00\"}",
	        "{\"tcbInfo\":{},\"tcbInfo\":{},\"signature\":\"00\"}",
	        "{\"tcbInfo\":{\"version\":99999999999999999999},\"signature\":\"00\"}",
	        "{\"tcbInfo\":{\"version\":1e999},\"signature\":\"00\"}",
	        "{\"tcb_info\":1}",
	        "{\"tcb_info\":\"{}\"}",
	        "-----BEGIN CERTIFICATE-----\n",
	        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	        "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n",
	        "HTTP/1.1 200 OK\r\n",
	        "HTTP/1.1 200 OK\r\nTCB-Info-Issuer-Chain: %\r\n\r\n{}",
	        "HTTP/1.1 200 OK\r\nTCB-Info-Issuer-Chain: %00\r\n\r\n{}",
	        "HTTP/1.1 200 OK\r\nTCB-Info-Issuer-Chain: -----BEGIN\r\n\r\n{\"tcbInfo\":{},"
	        "\"signature\":\"\"}",
	        "3",
	        "30",
	        "3000",
	        "30820120",
	        "0",
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_msg(!with(bad[i], strlen(bad[i])), "text %zu was taken", i);
	memset(deep, '[', 200000);
	deep[200000] = '\0';
	ck_assert_int_gt(asprintf(&deep_in, "{\"tcbInfo\":{\"id\":%s", deep), 0);
	ck_assert(!with(deep, 200000));
	ck_assert(!with(deep_in, strlen(deep_in)));
	free(deep);
	free(deep_in);
}

/* Puts `value` (NULL: nothing) in the place of a key; no status may come of it. */
static void mutate(const json_t *o, const char *key, json_t *root, json_t *at, const char *name,
                   json_t *value)
{
	char *spelled;
	json_t *mixed;

	if (value)
		json_object_set_new(at, name, value);
	else
		json_object_del(at, name);
	spelled = json_dumps(root, JSON_COMPACT);
	mixed = replaced(o, key, json_string(spelled));
	assert_no_status(mixed, name);
	json_decref(mixed);
	free(spelled);
}

/* Anything of TCB info and QE identity may be of any type: refused, never worse. */
static void mutate_each(const json_t *o, const char *key, json_t *root, json_t *at)
{
	json_t *keys = json_array(), *k;
	const char *name;
	json_t *child;
	size_t i;

	json_object_foreach(at, name, child) json_array_append_new(keys, json_string(name));
	json_array_foreach(keys, i, k)
	{
		name = json_string_value(k);
		child = json_incref(json_object_get(at, name));
		mutate(o, key, root, at, name, json_null());
		mutate(o, key, root, at, name, json_integer(-1));
		mutate(o, key, root, at, name, json_integer(70000));
		mutate(o, key, root, at, name, json_string("x"));
		mutate(o, key, root, at, name, json_array());
		mutate(o, key, root, at, name, json_object());
		mutate(o, key, root, at, name, NULL);
		json_object_set_new(at, name, child);
		if (json_is_object(child))
			mutate_each(o, key, root, child);
		if (json_is_array(child) && json_is_object(json_array_get(child, 0)))
			mutate_each(o, key, root, json_array_get(child, 0));
	}
	json_decref(keys);
}

TEST(wrong_types_everywhere)
{
	json_t *o = read_bundle(bundle_name);
	static const char *const keys[] = {"tcb_info", "qe_identity"};

	for (size_t i = 0; i < 2; i++) {
		json_t *root = json_loads(text(o, keys[i]), 0, NULL);

		mutate_each(o, keys[i], root, root);
		json_decref(root);
	}
	json_decref(o);
}

/* Older and newer collateral together: the newest that holds decides, in whatever order. */
TEST_RANGE(newest_decides, 0, 2)
{
	static const char *const names[2][2] = {
	        {"collateral/a81a37a6.json", "collateral/08fbdc64.json"},
	        {"collateral/08fbdc64.json", "collateral/a81a37a6.json"},
	};
	struct golden q = golden_read("quote/f1c850330112.bin");
	struct golden a = golden_read(names[_i][0]), b = golden_read(names[_i][1]);
	struct quote parsed;
	struct verdict d;
	struct verifier *v = with(a.data, a.size);
	struct err e;

	ck_assert_int_eq(quote_parse(q.data, q.size, &parsed, NULL), FORMAT_OK);
	ck_assert_int_eq(verifier_add(v, b.data, b.size, &e), 0);
	/* evaluation 19 says UpToDate until 2026-09-06, 20 OutOfDate from 2026-08-13 */
	ck_assert_int_eq(verifier_check(v, &parsed, 1786500000, &d, &e), 0); /* 2026-08-12 */
	ck_assert_int_eq(d.status, TCB_UP_TO_DATE);
	ck_assert_uint_eq(d.tcb_evaluation, 19);
	ck_assert_int_eq(verifier_check(v, &parsed, 1787894484, &d, &e), 0); /* 2026-08-28 */
	ck_assert_msg(d.status == TCB_OUT_OF_DATE, "%s", d.reason);
	ck_assert_uint_eq(d.collateral.tcb_info_evaluation, 20);
	ck_assert_uint_eq(d.tcb_evaluation, 19); /* the QE identity's */
	ck_assert_uint_gt(d.launch.advisories, 0);
	verifier_free(v);
	golden_done(&q);
	golden_done(&a);
	golden_done(&b);
}

/* The cache holds what was verified, not what was believed. */
TEST(seen_before)
{
	struct golden b = golden_read(bundle_name);
	struct verifier *v = with(b.data, b.size);
	uint8_t *late = (uint8_t *)(uintptr_t)quote.signed_part.data + 500;
	struct verdict d;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(check(v, AT).status, TCB_UP_TO_DATE);
		*late ^= 1;
		d = check(v, AT);
		ck_assert(!d.authentic);
		ck_assert_int_eq(d.status, TCB_NOT_EVALUATED);
		ck_assert_int_eq(d.origin, ORIGIN_UNKNOWN);
		*late ^= 1;
		ck_assert(!check(v, 2540000000).authentic);
		ck_assert_int_eq(check(v, 1900000000).status, TCB_NOT_EVALUATED);
	}
	verifier_free(v);
	golden_done(&b);
}

TESTS("verify", .timeout = 240, .setup = setup, .teardown = teardown)
