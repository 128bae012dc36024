// SPDX-License-Identifier: Apache-2.0
#include "trust/refuse.h"

#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/escape.h"
#include "core/time.h"

int refuse(struct err *e, enum verdict_code why, const char *fmt, ...)
{
	char text[sizeof(e->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(e, -EBADMSG, "%s", text);
	e->why = (int)why;
	return -EBADMSG;
}

int refuse_ssl(struct err *e, enum verdict_code why, const char *what)
{
	int r = ssl_err(e, -EBADMSG, what);

	e->why = (int)why;
	return r;
}

static char *label_asn1_time(char out[TIME_TEXT_SIZE], const ASN1_TIME *t)
{
	struct tm tm;

	snprintf(out, TIME_TEXT_SIZE, "?");
	if (t && ASN1_TIME_to_tm(t, &tm) == 1)
		time_text(timegm(&tm), out);
	ERR_clear_error();
	return out;
}

char *label_name(char out[80], const X509_NAME *name)
{
	char plain[80] = "no name";

	X509_NAME_get_text_by_NID((X509_NAME *)name, NID_commonName, plain, sizeof(plain));
	ERR_clear_error();
	return text_escape(out, 80, plain);
}

char *label_cert(char out[LABEL_SIZE], const X509 *cert)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	_cleanup_(BN_freep) BIGNUM *n = serial ? ASN1_INTEGER_to_BN(serial, NULL) : NULL;
	_cleanup_(OPENSSL_freep) char *hex = n ? BN_bn2hex(n) : NULL;
	char name[80], from[TIME_TEXT_SIZE], to[TIME_TEXT_SIZE];

	snprintf(out, LABEL_SIZE, "\"%s\", serial %.42s, valid %.10s to %.10s",
	         label_name(name, X509_get_subject_name(cert)), hex ?: "?",
	         label_asn1_time(from, X509_get0_notBefore(cert)),
	         label_asn1_time(to, X509_get0_notAfter(cert)));
	return out;
}

void crl_number(char out[VERDICT_CRL_NUMBER], const X509_CRL *crl)
{
	_cleanup_(ASN1_INTEGER_freep) ASN1_INTEGER *serial =
	        X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	_cleanup_(BN_freep) BIGNUM *n = serial ? ASN1_INTEGER_to_BN(serial, NULL) : NULL;
	_cleanup_(OPENSSL_freep) char *decimal =
	        n && BN_num_bytes(n) <= 20 ? BN_bn2dec(n) : NULL; /* RFC 5280, 5.2.3 */

	ERR_clear_error();
	snprintf(out, VERDICT_CRL_NUMBER, "%.49s", decimal ?: "");
}

char *label_crl(char out[LABEL_SIZE], const X509_CRL *crl)
{
	char name[80], number[VERDICT_CRL_NUMBER], from[TIME_TEXT_SIZE], to[TIME_TEXT_SIZE];

	crl_number(number, crl);
	snprintf(out, LABEL_SIZE, "of \"%s\", number %s, valid %.10s to %.10s",
	         label_name(name, X509_CRL_get_issuer(crl)), number[0] ? number : "none",
	         label_asn1_time(from, X509_CRL_get0_lastUpdate(crl)),
	         label_asn1_time(to, X509_CRL_get0_nextUpdate(crl)));
	return out;
}
