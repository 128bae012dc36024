/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/platform.h"

#include <stdio.h>
#include <string.h>

#include "core/escape.h"
#include "trust/chain.h"
#include "trust/sgxext.h"

static int read_name(const X509_NAME *name, char *out, size_t size, struct err *e)
{
	_cleanup_(BIO_freep) BIO *bio = BIO_new(BIO_s_mem());
	char *text, plain[256];
	long n;

	if (!bio || X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0)
		return ssl_err(e, -EBADMSG, "certificate: name");
	n = BIO_get_mem_data(bio, &text);
	if (n < 0 || (size_t)n >= sizeof(plain))
		n = sizeof(plain) - 1;
	memcpy(plain, text, (size_t)n);
	plain[n] = '\0';
	text_escape(out, size, plain);
	return 0;
}

static int read_time(const ASN1_TIME *from, time_t *ret, struct err *e)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(from, &tm) != 1)
		return ssl_err(e, -EBADMSG, "certificate: time");
	*ret = timegm(&tm);
	return 0;
}

static int read_serial(const ASN1_INTEGER *serial, char *out, size_t size, struct err *e)
{
	_cleanup_(BN_freep) BIGNUM *bn = ASN1_INTEGER_to_BN(serial, NULL);
	_cleanup_(OPENSSL_freep) char *hex = bn ? BN_bn2hex(bn) : NULL;

	if (!hex)
		return ssl_err(e, -EBADMSG, "certificate: serial number");
	snprintf(out, size, "%s", hex);
	return 0;
}

static int read_cert(const X509 *cert, struct platform_cert *ret, struct err *e)
{
	int r = read_name(X509_get_subject_name(cert), ret->subject, sizeof(ret->subject), e);

	if (r == 0)
		r = read_name(X509_get_issuer_name(cert), ret->issuer, sizeof(ret->issuer), e);
	if (r == 0)
		r = read_serial(X509_get0_serialNumber(cert), ret->serial, sizeof(ret->serial), e);
	if (r == 0)
		r = read_time(X509_get0_notBefore(cert), &ret->not_before, e);
	if (r == 0)
		r = read_time(X509_get0_notAfter(cert), &ret->not_after, e);
	return r;
}

static int read_chain(const struct quote *q, struct chain *ret, struct err *e)
{
	struct chain leaf = {.count = 1};
	int r;

	if (q->cert_type == QUOTE_CERT_PCK_CHAIN)
		return chain_read(q->cert_data.data, q->cert_data.size, PLATFORM_CERTS, NULL, ret,
		                  e);
	if (q->cert_type != QUOTE_CERT_PCK_LEAF)
		return err_set(e, -EBADMSG, "certification data of type %u, no PCK certificate",
		               q->cert_type);
	r = chain_read_leaf(q->cert_data.data, q->cert_data.size, &leaf.cert[0], e);
	if (r == 0)
		*ret = leaf;
	return r;
}

int platform_read(const struct quote *quote, struct platform *ret, struct err *e)
{
	_cleanup_(chain_done) struct chain chain = {0};
	struct platform p = {0};
	int r;

	r = read_chain(quote, &chain, e);
	for (; r == 0 && p.certs < chain.count; p.certs++)
		r = read_cert(chain.cert[p.certs], &p.cert[p.certs], e);
	if (r == 0)
		r = sgxext_read(chain.cert[0], &p.pck, e);
	if (r < 0)
		return r;
	*ret = p;
	return 0;
}
