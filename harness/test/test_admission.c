/* SPDX-License-Identifier: Apache-2.0 */
#include "format/bytes.h"
#include "measure/admission.h"
#include "measure/authenticode.h"
#include "test/golden.h"
#include "test/kernel_image.h"
#include "test/tests.h"

static const uint8_t x509[16] = {0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a,
                                 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72};
static const uint8_t digest256[16] = {0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40,
                                      0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28};
static const uint8_t other_kind[16] = {1};

/* db says what may start: by a certificate, by a digest; what it says of other things is left open. */
TEST(secure_boot_asks_db)
{
	const struct {
		const uint8_t *kind;
		uint8_t size, entry, flip;
		bool on, forbidden;
		enum verdict verdict;
	} rows[] = {
	        {x509, 76, 48, 0, true, false, REFUSED},
	        {digest256, 76, 48, 0, true, false, ADMITTED},
	        {digest256, 76, 48, 1, true, false, REFUSED},
	        {digest256, 76, 48, 0, true, true, REFUSED},
	        {digest256, 77, 48, 0, true, false, UNFORESEEN}, /* beyond the end */
	        {digest256, 27, 48, 0, true, false, UNFORESEEN},
	        {other_kind, 76, 48, 0, true, false, UNFORESEEN},
	        {x509, 76, 48, 0, false, false, ADMITTED},
	};
	static const uint8_t names[] = {'d', 0, 'b', 0, 'x', 0, 'P', 0, 'K', 0};
	uint8_t image[KERNEL_SIZE], list[76], digest[AUTHENTICODE_HASH_MAX];
	struct pe pe;

	kernel_image_make(image);
	ck_assert_int_eq(pe_parse((struct bytes){image, sizeof(image)}, &pe, NULL), 0);
	pe.certificate_size = 0;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct variable v[] = {
		        {guid_image_security, {names, 4}, {list, sizeof(list)}},
		        {guid_global_variable, {names + 6, 4}, {list, 1}},
		        {guid_image_security,
		         {names, rows[i].forbidden ? 6 : 0},
		         {list, sizeof(list)}},
		};
		const struct firmware fw = {.secure_boot = rows[i].on,
		                            .variables = {v, COUNT_OF(v)}};
		bool admitted = rows[i].verdict == ADMITTED && rows[i].on;
		struct event_list l = {0};
		struct admission a;

		memset(list, 0, sizeof(list));
		memcpy(list, rows[i].kind, 16);
		list[16] = rows[i].size;
		list[24] = rows[i].entry;
		ck_assert_uint_eq(authenticode_digest(&pe, AUTHENTICODE_SHA256, digest), 32);
		memcpy(list + 44, digest, 32);
		list[44] ^= rows[i].flip;
		admission_init(&a, &l, &fw);
		for (unsigned twice = 0; twice < 2; twice++) /* measured once */
			ck_assert_msg(admission_ask(&a, &pe, "it") == rows[i].verdict, "row %zu",
			              i);
		ck_assert_uint_eq(l.count, admitted ? 1 : 0);
		ck_assert(!admitted || (l.event[0].rtmr == 0 && l.event[0].type == 0x800000e0));
		ck_assert_int_eq(l.open[0] && l.open[1] && l.open[2],
		                 rows[i].verdict == UNFORESEEN);
		event_list_done(&l);
	}
}

/* ---- a program that sbsign signed: signer <- root ---- */

#define LIST_MAX 2048

static size_t list_of(const uint8_t kind[16], const void *data, size_t size, uint8_t out[LIST_MAX])
{
	memset(out, 0, LIST_MAX);
	memcpy(out, kind, 16);
	put_le(out + 16, 28 + 16 + size, 4);
	put_le(out + 24, 16 + size, 4);
	memcpy(out + 28 + 16, data, size);
	return 28 + 16 + size;
}

static enum verdict verdict_of(struct bytes file, struct bytes db, struct bytes dbx,
                               size_t *ret_authorities)
{
	static const uint8_t names[] = {'d', 0, 'b', 0, 'x', 0, 'P', 0, 'K', 0};
	struct variable v[] = {
	        {guid_image_security, {names, 4}, db},
	        {guid_global_variable, {names + 6, 4}, db},
	        {guid_image_security, {names, dbx.size ? 6 : 0}, dbx},
	};
	const struct firmware fw = {.secure_boot = true, .variables = {v, COUNT_OF(v)}};
	struct event_list l = {0};
	struct admission a;
	enum verdict verdict;
	struct pe pe;

	ck_assert_int_eq(pe_parse(file, &pe, NULL), 0);
	admission_init(&a, &l, &fw);
	verdict = admission_ask(&a, &pe, "it");
	*ret_authorities = l.count;
	event_list_done(&l);
	return verdict;
}

static const struct {
	const char *db, *dbx; /* certificates */
	int flip;             /* offset of a byte that is changed; negative: from the end */
	enum verdict verdict;
} programs[] = {
        {"root", NULL, 0, ADMITTED},
        {"leaf", NULL, 0, ADMITTED}, /* no issuer is asked for, nor the time */
        {"other", NULL, 0, REFUSED},
        {"root", "leaf", 0, REFUSED},
        {"leaf", "root", 0, REFUSED},
        {"root", "other", 0, ADMITTED},
        {"root", NULL, 0x1010, REFUSED},      /* in a section */
        {"root", NULL, 0x98, ADMITTED},       /* its checksum, which no digest has */
        {"root", NULL, 0x9c, REFUSED},        /* behind that */
        {"root", NULL, -20, REFUSED},         /* the signature itself */
        {"root", NULL, 0x1400 + 4, ADMITTED}, /* a revision, which nobody reads */
        {"root", NULL, 0x1400 + 6, REFUSED},  /* the kind of the certificate */
        {"root", NULL, 0x1400, REFUSED},      /* its length */
};

TEST_RANGE(asks_for_the_signer, 0, COUNT_OF(programs))
{
	struct golden file = golden_read("pe/signed.efi"), cert;
	uint8_t db[LIST_MAX], dbx[LIST_MAX];
	size_t db_size, dbx_size = 0, authorities;
	char path[64];
	int flip = programs[_i].flip;

	snprintf(path, sizeof(path), "pe/%s.der", programs[_i].db);
	cert = golden_read(path);
	db_size = list_of(x509, cert.data, cert.size, db);
	golden_done(&cert);
	if (programs[_i].dbx) {
		snprintf(path, sizeof(path), "pe/%s.der", programs[_i].dbx);
		cert = golden_read(path);
		dbx_size = list_of(x509, cert.data, cert.size, dbx);
		golden_done(&cert);
	}
	if (flip)
		file.data[flip < 0 ? file.size - (size_t)-flip : (size_t)flip] ^= 1;
	ck_assert_int_eq(verdict_of((struct bytes){file.data, file.size},
	                            (struct bytes){db, db_size}, (struct bytes){dbx, dbx_size},
	                            &authorities),
	                 programs[_i].verdict);
	ck_assert_uint_eq(authorities, programs[_i].verdict == ADMITTED);
	golden_done(&file);
}

/* dbx forbids it by its digest, which stands in the signature. The certificate that would have
 * admitted it was measured by then. */
TEST(revokes_by_digest)
{
	struct golden file = golden_read("pe/signed.efi"), cert = golden_read("pe/root.der");
	uint8_t db[LIST_MAX], dbx[LIST_MAX], digest[AUTHENTICODE_HASH_MAX];
	size_t db_size = list_of(x509, cert.data, cert.size, db), dbx_size, authorities;
	const struct bytes image = {file.data, file.size};
	struct pe pe;

	ck_assert_int_eq(pe_parse(image, &pe, NULL), 0);
	ck_assert_uint_eq(authenticode_digest(&pe, AUTHENTICODE_SHA256, digest), 32);
	ck_assert_ptr_nonnull(memmem(file.data + 0x1400, file.size - 0x1400, digest, 32));
	for (unsigned flip = 0; flip < 2; flip++) {
		digest[31] ^= flip;
		dbx_size = list_of(digest256, digest, 32, dbx);
		ck_assert_int_eq(verdict_of(image, (struct bytes){db, db_size},
		                            (struct bytes){dbx, dbx_size}, &authorities),
		                 flip ? ADMITTED : REFUSED);
		ck_assert_uint_eq(authorities, 1);
	}
	golden_done(&cert);
	golden_done(&file);
}

TESTS("admission")
