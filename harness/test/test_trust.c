/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/cleanup.h"
#include "format/bytes.h"
#include "format/tdx.h"
#include "test/golden.h"
#include "test/recertify.h"
#include "test/scratch_authority.h"
#include "test/tests.h"
#include "trust/authority.h"
#include "trust/chain.h"
#include "trust/marker.h"
#include "trust/verify.h"

#define SEPTEMBER_2026 1790000000 /* within the validity of all genuine chains */
#define SEPTEMBER_2027 1820000000 /* and of emulated ones made in 2026 */

/* Complete quotes that are not of production hardware: synthetic, or of pre-production parts. */
static const char *const not_genuine[] = {"3f49cfeb29e6", "4fbd43612d8c", "6fb27f35022f",
                                          "a15cfbbeef31", "aa2cafadb32b"};

static struct trust_verdict judge(const void *data, size_t size, const char *test_root, time_t at)
{
	struct trust_anchors anchors = {.test_root_pem = test_root};
	struct trust_verdict v = {.origin = ORIGIN_UNKNOWN};
	struct quote q;
	struct err e;

	if (quote_parse(data, size, &q, NULL) != FORMAT_OK)
		snprintf(v.reason, sizeof(v.reason), "parser");
	else
		ck_assert_int_eq(trust_check_quote(&q, &anchors, at, &v, &e), 0);
	ck_assert_int_eq(v.authentic, v.origin != ORIGIN_UNKNOWN);
	ck_assert_int_eq(v.authentic, v.reason[0] == '\0');
	return v;
}

/*
 * The same by a verifier that goes on from quote to quote: what it remembers of a genuine one must
 * not help a changed one, and saves every test of many quotes the same certificates.
 */
static struct verifier *known;

static bool judge_again(const void *data, size_t size, time_t at)
{
	struct verdict d = {.origin = ORIGIN_UNKNOWN};
	struct quote q;
	struct err e;

	known = known ?: authority_verifier();
	if (quote_parse(data, size, &q, NULL) == FORMAT_OK)
		ck_assert_int_eq(verifier_check(known, &q, at, &d, &e), 0);
	ck_assert_int_eq(d.authentic, d.origin != ORIGIN_UNKNOWN);
	return d.authentic;
}

static void forget(void)
{
	verifier_free(known);
	known = NULL;
}

static bool is_genuine(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(not_genuine); i++) {
		if (strncmp(name, not_genuine[i], strlen(not_genuine[i])) == 0)
			return false;
	}
	return true;
}

TEST(genuine_quotes_are_hardware)
{
	DIR *dir = opendir("cases/golden/quote");
	unsigned genuine = 0, others = 0;
	struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		char name[300];
		struct trust_verdict v;
		struct golden g;

		if (!strstr(entry->d_name, ".bin") || strncmp(entry->d_name, "sgx", 3) == 0)
			continue;
		snprintf(name, sizeof(name), "quote/%s", entry->d_name);
		g = golden_read(name);
		v = judge(g.data, g.size, NULL, SEPTEMBER_2026);
		if (is_genuine(entry->d_name)) {
			ck_assert_msg(v.origin == ORIGIN_HARDWARE, "%s: %s", name, v.reason);
			/* a test root beside it changes nothing */
			v = judge(g.data, g.size, authority_root_pem(authority), SEPTEMBER_2026);
			ck_assert_int_eq(v.origin, ORIGIN_HARDWARE);
			genuine++;
		} else {
			ck_assert_msg(v.origin == ORIGIN_UNKNOWN, "%s", name);
			others++;
		}
		golden_done(&g);
	}
	closedir(dir);
	ck_assert_uint_ge(genuine, 12);
	ck_assert_uint_ge(others, 3);
}

static const char *const flipped[] = {"quote/00b2526ab190.bin", "quote/586c2be0dc38.bin"};

/* All certificates of a chain in DER, one after the other. */
static size_t chain_der(const struct bytes *pem, uint8_t *out, size_t size)
{
	_cleanup_(chain_done) struct chain c = {0};
	uint8_t *p = out;
	struct err e;

	if (chain_read(pem->data, pem->size, CHAIN_PCK, NULL, &c, &e) < 0)
		return 0;
	for (size_t i = 0; i < c.count; i++) {
		ck_assert_int_le(i2d_X509(c.cert[i], NULL), (int)(size - (size_t)(p - out)));
		i2d_X509(c.cert[i], &p);
	}
	return (size_t)(p - out);
}

/*
 * One flipped byte anywhere before the certificates is rejected. In the PEM text it is rejected,
 * unless the text still decodes to the very same certificates (armour, padding bits).
 */
TEST_RANGE(every_flipped_byte, 0, 4)
{
	struct golden g = golden_read(flipped[_i / 2]);
	uint8_t mask = _i % 2 ? 0x20 : 0x01, der[8192], other[8192];
	size_t der_size, same = 0, end, pem;
	struct quote q;

	ck_assert_int_eq(quote_parse(g.data, g.size, &q, NULL), FORMAT_OK);
	der_size = chain_der(&q.cert_data, der, sizeof(der));
	ck_assert_uint_gt(der_size, 2000);
	end = g.size - q.trailing;
	pem = (size_t)(q.cert_data.data - g.data);
	ck_assert(judge_again(g.data, g.size, SEPTEMBER_2026));
	for (size_t i = 0; i < end; i++) {
		g.data[i] ^= mask;
		if (judge_again(g.data, g.size, SEPTEMBER_2026)) {
			ck_assert_msg(i >= pem, "byte %zu flipped, still authentic", i);
			ck_assert_uint_eq(chain_der(&q.cert_data, other, sizeof(other)), der_size);
			ck_assert_msg(memcmp(der, other, der_size) == 0, "byte %zu", i);
			same++;
		}
		g.data[i] ^= mask;
	}
	ck_assert_uint_lt(same, 40); /* few such places: mostly there is none */
	golden_done(&g);
}

static size_t with_chain(const struct golden *g, const char *pem, uint8_t *out)
{
	return recertify(g->data, g->size, QUOTE_CERT_PCK_CHAIN, pem, strlen(pem), out);
}

struct der {
	uint8_t *data;
	int size;
};

static void read_der(const struct golden *g, struct der der[CHAIN_PCK])
{
	_cleanup_(chain_done) struct chain c = {0};
	struct quote q;
	struct err e;

	ck_assert_int_eq(quote_parse(g->data, g->size, &q, NULL), FORMAT_OK);
	ck_assert_int_eq(chain_read(q.cert_data.data, q.cert_data.size, CHAIN_PCK, NULL, &c, &e),
	                 0);
	for (size_t i = 0; i < CHAIN_PCK; i++) {
		der[i].data = NULL;
		der[i].size = i2d_X509(c.cert[i], &der[i].data);
		ck_assert_int_gt(der[i].size, 0);
	}
}

static char *write_pem(const struct der *der[], size_t count)
{
	_cleanup_(BIO_freep) BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long size;

	for (size_t i = 0; i < count; i++)
		ck_assert_int_gt(PEM_write_bio(bio, "CERTIFICATE", "", der[i]->data, der[i]->size),
		                 0);
	size = BIO_get_mem_data(bio, &text);
	return size ? strndup(text, (size_t)size) : strdup("");
}

static struct trust_verdict judge_chain(const struct golden *g, const char *pem)
{
	static uint8_t out[QUOTE_MAX];

	return judge(out, with_chain(g, pem, out), NULL, SEPTEMBER_2026);
}

TEST_RANGE(every_flipped_byte_of_a_certificate, 0, CHAIN_PCK)
{
	struct golden g = golden_read(flipped[0]);
	struct der der[CHAIN_PCK];
	const struct der *order[] = {&der[0], &der[1], &der[2]};
	static uint8_t out[QUOTE_MAX];

	read_der(&g, der);
	ck_assert(judge_again(g.data, g.size, SEPTEMBER_2026));
	for (int i = 0; i < der[_i].size; i++) {
		_cleanup_(freep) char *pem = NULL;

		der[_i].data[i] ^= 1 << (i % 8);
		pem = write_pem(order, CHAIN_PCK);
		ck_assert_msg(!judge_again(out, with_chain(&g, pem, out), SEPTEMBER_2026),
		              "certificate %d, byte %d", _i, i);
		der[_i].data[i] ^= 1 << (i % 8);
	}
	for (int i = 0; i < CHAIN_PCK; i++)
		OPENSSL_free(der[i].data);
	golden_done(&g);
}

TEST(chains_put_together_wrongly)
{
	struct golden g = golden_read(flipped[0]), h = golden_read("quote/3507b5f7e612.bin");
	struct der a[CHAIN_PCK], b[CHAIN_PCK];
	const struct {
		const struct der *order[5];
		size_t count;
		bool authentic;
	} chains[] = {
	        {{&a[0], &a[1], &a[2]}, 3, true},  {{&a[1], &a[0], &a[2]}, 3, false},
	        {{&a[2], &a[1], &a[0]}, 3, false}, {{&a[0], &a[1]}, 2, false},
	        {{&a[0], &a[2], &a[1]}, 3, false}, {{&a[0], &a[1], &a[2], &a[2]}, 4, false},
	        {{&b[0], &b[1], &b[2]}, 3, false}, {{&a[0], &a[0], &a[2]}, 3, false},
	        {{&a[1], &a[1], &a[2]}, 3, false}, {{&a[1], &a[2], &a[2]}, 3, false},
	        {{&a[2], &a[2], &a[2]}, 3, false}, {{NULL}, 0, false},
	};

	read_der(&g, a);
	read_der(&h, b);
	for (size_t i = 0; i < COUNT_OF(chains); i++) {
		_cleanup_(freep) char *pem =
		        write_pem((const struct der **)chains[i].order, chains[i].count);

		ck_assert_msg(judge_chain(&g, pem).authentic == chains[i].authentic, "chain %zu",
		              i);
	}
	for (int i = 0; i < CHAIN_PCK; i++) {
		OPENSSL_free(a[i].data);
		OPENSSL_free(b[i].data);
	}
	golden_done(&g);
	golden_done(&h);
}

/* Certificates must be PEM text: DER in its place, or PEM inside PEM, is no chain. */
TEST(der_for_pem)
{
	struct golden g = golden_read(flipped[0]);
	struct der der[CHAIN_PCK];
	uint8_t out[QUOTE_MAX], row[8192];
	_cleanup_(freep) char *pem = NULL;
	uint8_t *first;
	char text[8192] = {0};
	size_t size = 0;

	read_der(&g, der);
	for (int i = 0; i < CHAIN_PCK; i++) {
		memcpy(row + size, der[i].data, (size_t)der[i].size);
		size += (size_t)der[i].size;
	}
	/* `with_chain` takes text: DER is put in its place afterwards */
	memset(text, 'x', size);
	size = with_chain(&g, text, out);
	memcpy(out + size - strlen(text), row, strlen(text));
	ck_assert(!judge(out, size, NULL, SEPTEMBER_2026).authentic);
	pem = write_pem((const struct der *[]){&der[0], &der[1], &der[2]}, CHAIN_PCK);
	first = der[0].data;
	der[0] = (struct der){(uint8_t *)pem, (int)strlen(pem)};
	_cleanup_(freep) char *nested =
	        write_pem((const struct der *[]){&der[0], &der[1], &der[2]}, CHAIN_PCK);
	ck_assert(!judge_chain(&g, nested).authentic);
	der[0].data = first;
	for (int i = 0; i < CHAIN_PCK; i++)
		OPENSSL_free(der[i].data);
	golden_done(&g);
}

/* OpenSSL would ask for a password on the terminal; we must not. */
TEST(pem_that_asks_for_a_password)
{
	struct golden g = golden_read(flipped[0]);
	struct trust_verdict v = judge_chain(&g,
	                                     "-----BEGIN CERTIFICATE-----\n"
	                                     "Proc-Type: 4,ENCRYPTED\n"
	                                     "DEK-Info: AES-256-CBC,00112233445566778899AABBCC"
	                                     "DDEEFF\n\nAAAA\n-----END CERTIFICATE-----\n");

	ck_assert(!v.authentic);
	golden_done(&g);
}

TEST(both_ends_of_validity)
{
	struct golden g = golden_read(flipped[0]);
	struct trust_verdict v = judge(g.data, g.size, NULL, 1500000000); /* 2017 */

	ck_assert_ptr_nonnull(strstr(v.reason, "not yet valid"));
	v = judge(g.data, g.size, NULL, 2540000000); /* 2050 */
	ck_assert_ptr_nonnull(strstr(v.reason, "expired"));
	golden_done(&g);
}

/* The root of a pre-production chain is self-signed, but no test authority made it. */
TEST(test_root_without_marker)
{
	struct golden g = golden_read("quote/4fbd43612d8c.bin");
	struct der der[CHAIN_PCK];
	_cleanup_(freep) char *root = NULL;
	struct trust_verdict v;

	read_der(&g, der);
	root = write_pem((const struct der *[]){&der[2]}, 1);
	v = judge(g.data, g.size, root, SEPTEMBER_2026);
	ck_assert_ptr_nonnull(strstr(v.reason, "marker"));
	for (int i = 0; i < CHAIN_PCK; i++)
		OPENSSL_free(der[i].data);
	golden_done(&g);
}

/* Base 128. */
static void assert_small_arcs(const ASN1_OBJECT *oid)
{
	const unsigned char *p = OBJ_get0_data(oid);
	uint64_t arc = 0;

	for (size_t i = 0; i < OBJ_length(oid); i++) {
		arc = arc << 7 | (p[i] & 0x7f);
		ck_assert_uint_lt(arc, 1ull << 31);
		if (!(p[i] & 0x80))
			arc = 0;
	}
}

/* Of a run made before the marker's object identifier changed: emulated still, and not hardware. */
TEST(test_root_with_the_old_marker)
{
	struct golden quote = golden_read("emulated/old-marker.bin");
	struct golden pem = golden_read("emulated/old-marker-root.pem");
	_cleanup_(freep) char *root = strndup((const char *)pem.data, pem.size);

	ck_assert_int_eq(judge(quote.data, quote.size, root, SEPTEMBER_2027).origin,
	                 ORIGIN_EMULATED);
	ck_assert_int_eq(judge(quote.data, quote.size, NULL, SEPTEMBER_2027).origin,
	                 ORIGIN_UNKNOWN);
	golden_done(&quote);
	golden_done(&pem);
}

/*
 * Arcs and length that common parsers take: Go's below 2^31 (encoding/asn1), RustCrypto's below
 * 2^32 and 39 bytes in all (const-oid); every certificate has the marker, once.
 */
TEST(marker_that_others_can_read)
{
	_cleanup_(ASN1_OBJECT_freep) ASN1_OBJECT *oid = OBJ_txt2obj(TRUST_MARKER_OID, 1);
	const char *chain[] = {authority->pck_pem, authority->signing_pem};
	struct err e;

	ck_assert_uint_le(OBJ_length(oid), 39);
	for (size_t i = 0; i < 2; i++) {
		_cleanup_(chain_done) struct chain c = {0};

		ck_assert_int_eq(chain_read(chain[i], strlen(chain[i]), 3 - i, NULL, &c, &e), 0);
		for (size_t k = 0; k < c.count; k++) {
			ck_assert_int_ge(X509_get_ext_by_OBJ(c.cert[k], oid, -1), 0);
			for (int n = 0; n < X509_get_ext_count(c.cert[k]); n++)
				assert_small_arcs(
				        X509_EXTENSION_get_object(X509_get_ext(c.cert[k], n)));
		}
	}
}

static struct tdreport labelled_report(void)
{
	struct tdreport r = emulated_report();

	r.td.attributes = TDX_ATTR_SEPT_VE_DISABLE;
	memset(r.td.mrtd, 0x11, sizeof(r.td.mrtd));
	memset(r.mac.report_data, 0x22, sizeof(r.mac.report_data));
	return r;
}

TEST_RANGE(emulated_quotes, 4, 6)
{
	struct tdreport report = labelled_report();
	uint16_t version = (uint16_t)_i;
	struct authority *other;
	struct quote q;
	uint8_t *quote;
	size_t size;
	struct err e;

	ck_assert_int_eq(authority_quote(authority, &report, version, &quote, &size, &e), 0);
	ck_assert_uint_ge(size, 1020);
	ck_assert_int_eq(quote_parse(quote, size, &q, NULL), FORMAT_OK);
	ck_assert_uint_eq(q.version, version);
	ck_assert_uint_eq(q.trailing, 0);
	ck_assert_mem_eq(q.td.report_data, report.mac.report_data, 64);
	ck_assert_mem_eq(q.td.mrtd, report.td.mrtd, 48);

	ck_assert_int_eq(judge(quote, size, authority_root_pem(authority), time(NULL)).origin,
	                 ORIGIN_EMULATED);
	ck_assert_int_eq(judge(quote, size, NULL, time(NULL)).origin, ORIGIN_UNKNOWN);
	ck_assert_int_eq(authority_open(scratch_path("other"), &other, &e), 0);
	ck_assert_int_eq(judge(quote, size, authority_root_pem(other), time(NULL)).origin,
	                 ORIGIN_UNKNOWN);
	authority_free(other);
	ck_assert(judge_again(quote, size, time(NULL)));
	for (size_t i = 0; i < q.signed_part.size; i++) {
		quote[i] ^= 0x40;
		ck_assert(!judge_again(quote, size, time(NULL)));
		quote[i] ^= 0x40;
	}
	free(quote);
}

TEST(reports_that_could_pass_for_hardware)
{
	struct tdreport report = labelled_report();
	uint8_t *quote = NULL;
	size_t size;
	struct err e;

	report.tcb.mrseam[0] ^= 1;
	ck_assert_int_eq(authority_quote(authority, &report, 4, &quote, &size, &e), -EINVAL);
	report = labelled_report();
	memset(report.tcb.mrsignerseam, 0, 48);
	ck_assert_int_eq(authority_quote(authority, &report, 4, &quote, &size, &e), -EINVAL);
	report = labelled_report();
	ck_assert_int_eq(authority_quote(authority, &report, 3, &quote, &size, &e), -EINVAL);
	ck_assert_ptr_null(quote);
}

/* Several runs may start at once on a new machine: they must all end up with one authority. */
TEST(authority_made_by_many)
{
	const char *dir = scratch_path("many/levels");
	struct authority *a;
	struct err e;
	int pipes[2], status;

	ck_assert_int_eq(pipe(pipes), 0);
	for (int i = 0; i < 8; i++) {
		if (fork() == 0) {
			if (authority_open(dir, &a, &e) < 0)
				_exit(1);
			/* the tail of a certificate is its signature: differs between any two */
			if (write(pipes[1],
			          authority_root_pem(a) + strlen(authority_root_pem(a)) - 64,
			          16) != 16)
				_exit(1);
			_exit(0);
		}
	}
	for (int i = 0; i < 8; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_int_eq(authority_open(dir, &a, &e), 0);
	for (int i = 0; i < 8; i++) {
		char tail[16];

		ck_assert_int_eq(read(pipes[0], tail, 16), 16);
		ck_assert_mem_eq(tail, authority_root_pem(a) + strlen(authority_root_pem(a)) - 64,
		                 16);
	}
	authority_free(a);
}

TEST(authority_keeps_its_keys_to_itself)
{
	struct authority *a;
	struct stat st;
	struct err e;

	ck_assert_int_eq(authority_open(scratch_path("modes"), &a, &e), 0);
	authority_free(a);
	ck_assert_int_eq(stat(scratch_path("modes"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(stat(scratch_path("modes/authority-2.pem"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(st.st_nlink, 1);
	ck_assert_int_eq(chmod(scratch_path("modes/authority-2.pem"), 0640), 0);
	ck_assert_int_eq(authority_open(scratch_path("modes"), &a, &e), -EPERM);
	ck_assert_int_eq(truncate(scratch_path("modes/authority-2.pem"), 900), 0);
	ck_assert_int_eq(chmod(scratch_path("modes/authority-2.pem"), 0600), 0);
	ck_assert_int_eq(authority_open(scratch_path("modes"), &a, &e), -EBADMSG);
}

TEST(default_dir)
{
	char *dir;

	setenv("XDG_STATE_HOME", "/x/state", 1);
	ck_assert_int_eq(authority_default_dir(&dir, NULL), 0);
	ck_assert_str_eq(dir, "/x/state/tception");
	free(dir);
	unsetenv("XDG_STATE_HOME");
	setenv("HOME", "/home/u", 1);
	ck_assert_int_eq(authority_default_dir(&dir, NULL), 0);
	ck_assert_str_eq(dir, "/home/u/.local/state/tception");
	free(dir);
	unsetenv("HOME");
	ck_assert_int_eq(authority_default_dir(&dir, NULL), -ENOENT);
}

/* The root that is built in signed itself, and its key is the one that is pinned. */
TEST(the_root_built_in)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	X509 *root = cert_intel_root();
	struct golden g = golden_read("quote/9c3786b9b3d6.bin");
	struct chain chain;
	struct quote q;
	struct err e;

	ck_assert_ptr_nonnull(root);
	ck_assert_int_eq(cert_key(root, &key, &e), 0);
	ck_assert(cert_signed_by(root, key));
	ck_assert_int_eq(quote_parse(g.data, g.size, &q, NULL), FORMAT_OK);
	ck_assert_int_eq(
	        chain_read(q.cert_data.data, q.cert_data.size, CHAIN_PCK, NULL, &chain, &e), 0);
	ck_assert_ptr_eq(chain.cert[2], root); /* as Intel's platforms give it */
	chain_done(&chain);
	golden_done(&g);
}

TESTS("trust", .timeout = 120, .teardown = forget, .before = authority_make,
      .after = authority_drop)
