/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SGX extension of PCK certificates: what is read, written and read again, is the same.
 * Seeds: cases/golden/pieces/sgxext
 */
#include "fuzz/golden.h"
#include "trust/sgxext.h"

static X509 *with_extension(const uint8_t *der, size_t size)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(SGXEXT_OID, 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext;
	X509 *cert = X509_new();

	ASN1_OCTET_STRING_set(value, der, (int)size);
	ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value);
	FUZZ_CHECK(cert && ext && X509_add_ext(cert, ext, -1) == 1);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
	return cert;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pck pck = {0}, again = {0};
	X509 *cert, *other;
	struct err e;

	if (size > 4096)
		return 0;
	cert = with_extension(data, size);
	if (sgxext_read(cert, &pck, &e) == 0) {
		other = X509_new();
		FUZZ_CHECK(sgxext_add(other, &pck, &e) == 0);
		FUZZ_CHECK(sgxext_read(other, &again, &e) == 0);
		FUZZ_CHECK(memcmp(&pck, &again, sizeof(pck)) == 0);
		FUZZ_CHECK(sgxext_add(other, &pck, &e) == 0);
		FUZZ_CHECK(sgxext_read(other, &again, &e) < 0); /* it is there twice now */
		X509_free(other);
	}
	X509_free(cert);
	return 0;
}
