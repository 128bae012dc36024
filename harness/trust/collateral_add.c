// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <openssl/pem.h>
#include <string.h>

#include "format/text.h"
#include "trust/collateral_add.h"
#include "trust/form.h"

/* Files of collateral, told apart by their content. */

#define FILE_MAX (8u << 20) /* bytes */

static int full(struct err *e)
{
	return err_set(e, -ENOSPC, "more than %d pieces of collateral", COLLATERAL_MAX);
}

/* ---- certificates and CRLs ---- */

int collateral_add_crl(struct collateral *c, const uint8_t *der, size_t size,
                       const struct bytes *issuer, struct err *e)
{
	_cleanup_(X509_CRL_freep) X509_CRL *crl = NULL;
	const unsigned char *p = der;
	struct crl *k;
	int r;

	c->given = true;
	if (c->crls == COLLATERAL_MAX)
		return full(e);
	if (!(crl = d2i_X509_CRL(NULL, &p, (long)size)) || p != der + size)
		return ssl_err(e, -EBADMSG, "neither a certificate nor a CRL");
	if (!(k = calloc(1, sizeof(*k))))
		return err_nomem(e);
	r = dates_read(X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_nextUpdate(crl), &k->dates);
	if (r < 0)
		r = ssl_err(e, r, "a CRL without dates");
	else if (issuer)
		r = chain_read(issuer->data, issuer->size, CHAIN_SIGNING, &c->known, &k->issuer, e);
	if (r < 0) {
		free(k);
		return r;
	}
	crl_number(k->number, crl);
	k->crl = TAKE_PTR(crl);
	c->crl[c->crls++] = k;
	return 0;
}

/* A chain comes along with many a file. */
static bool is_pooled(const struct collateral *c, const X509 *cert)
{
	for (size_t i = 0; i < c->pooled; i++) {
		if (cert_equal(c->pool[i], cert))
			return true;
	}
	return false;
}

static int add_der(struct collateral *c, const uint8_t *der, size_t size, struct err *e)
{
	X509 *cert = cert_parse(der, (long)size);
	int r = 0;

	if (!cert)
		return collateral_add_crl(c, der, size, NULL, e);
	if (!is_pooled(c, cert) && c->pooled == COLLATERAL_MAX)
		r = full(e);
	else if (!is_pooled(c, cert))
		c->pool[c->pooled++] = TAKE_PTR(cert);
	X509_free(cert);
	return r;
}

static int add_block(struct collateral *c, BIO *bio, bool *ret_end, struct err *e)
{
	_cleanup_(OPENSSL_freep) char *name = NULL;
	_cleanup_(OPENSSL_freep) char *header = NULL;
	_cleanup_(OPENSSL_freep) unsigned char *der = NULL;
	long size;

	*ret_end = false;
	if (PEM_read_bio(bio, &name, &header, &der, &size) != 1) {
		if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
			return ssl_err(e, -EBADMSG, "PEM");
		ERR_clear_error();
		*ret_end = true;
		return 0;
	}
	if (header[0] ||
	    (strcmp(name, PEM_STRING_X509) != 0 && strcmp(name, PEM_STRING_X509_CRL) != 0))
		return err_set(e, -EBADMSG, "PEM: neither a certificate nor a CRL");
	if (strcmp(name, PEM_STRING_X509_CRL) == 0)
		return collateral_add_crl(c, der, (size_t)size, NULL, e);
	return add_der(c, der, (size_t)size, e);
}

static int read_pem(struct collateral *c, const char *text, size_t size, size_t *ret_blocks,
                    struct err *e)
{
	_cleanup_(BIO_freep) BIO *bio = BIO_new_mem_buf(text, (int)size);
	bool end = false;
	int r = bio ? 0 : ssl_err(e, -ENOMEM, "PEM");

	for (*ret_blocks = 0; r == 0 && !end; *ret_blocks += !end)
		r = add_block(c, bio, &end, e);
	return r;
}

int collateral_add_pem(struct collateral *c, const char *text, size_t size, struct err *e)
{
	size_t blocks;

	return read_pem(c, text, size, &blocks, e);
}

static size_t trimmed(const char *text, size_t size)
{
	while (size && (isspace((unsigned char)text[size - 1]) || text[size - 1] == '\0'))
		size--;
	return size;
}

/* ---- signed JSON ---- */

static int item_fill(struct collateral *c, struct signed_item *i, const char *raw, size_t raw_size,
                     const uint8_t signature[ECDSA_RAW_SIZE], const struct bytes *chain,
                     struct err *e)
{
	int r;

	memcpy(i->signature, signature, ECDSA_RAW_SIZE);
	i->json = json_loadb(raw, raw_size, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(i->json))
		return err_set(e, -EBADMSG, "malformed JSON");
	r = i->kind == SIGNED_TCB_INFO ? tcb_info_read(i->json, &i->tcb, e)
	                               : qe_identity_read(i->json, &i->qe, e);
	if (r < 0)
		return r;
	if (chain &&
	    (r = chain_read(chain->data, chain->size, CHAIN_SIGNING, &c->known, &i->chain, e)) < 0)
		return r;
	if (!(i->raw = malloc(raw_size)))
		return err_nomem(e);
	memcpy(i->raw, raw, raw_size);
	i->raw_size = raw_size;
	return 0;
}

int collateral_add_signed(struct collateral *c, enum signed_kind kind, const char *raw,
                          size_t raw_size, const uint8_t signature[ECDSA_RAW_SIZE],
                          const struct bytes *chain, struct err *e)
{
	struct signed_item *i;
	int r;

	c->given = true;
	if (c->items == COLLATERAL_MAX)
		return full(e);
	if (!(i = calloc(1, sizeof(*i))))
		return err_nomem(e);
	i->kind = kind;
	if ((r = item_fill(c, i, raw, raw_size, signature, chain, e)) == 0) {
		c->item[c->items++] = i;
		return 0;
	}
	if (r == -ENOTSUP && c->others < COLLATERAL_MAX) {
		c->other[c->others].kind = kind;
		c->other[c->others++].json = json_incref(i->json);
	}
	chain_done(&i->chain);
	json_decref(i->json);
	free(i);
	return r == -ENOTSUP ? 0 : r; /* of SGX: no concern of ours */
}

/* ---- HTTP headers ---- */

bool collateral_url_decode(char *s)
{
	char *out = s;

	for (; *s; s++) {
		uint8_t byte;
		size_t n;

		if (*s != '%') {
			*out++ = *s;
			continue;
		}
		if (!s[1] || hex_decode(s + 1, 2, &byte, &n) != FORMAT_OK || byte == 0)
			return false;
		*out++ = (char)byte;
		s += 2;
	}
	*out = '\0';
	return true;
}

/*
 * Reads the headers of one answer. Returns where what follows starts, NULL when there is no end of
 * headers; *ret_chain becomes the issuer chain, or stays NULL. Caller frees it.
 */
static const char *skip_headers(const char *text, size_t size, char **ret_chain)
{
	static const char wanted[] = "-issuer-chain:";
	const char *end = text + size, *line = text, *next;

	for (; line < end; line = next) {
		const char *eol = memchr(line, '\n', (size_t)(end - line));
		size_t length;
		const char *colon;

		if (!eol)
			return NULL;
		next = eol + 1;
		length = (size_t)(eol - line);
		if (length && line[length - 1] == '\r')
			length--;
		if (length == 0)
			return next;
		colon = memchr(line, ':', length);
		if (*ret_chain || !colon || colon - line + 1 < (ptrdiff_t)strlen(wanted) ||
		    strncasecmp(colon + 1 - strlen(wanted), wanted, strlen(wanted)) != 0)
			continue;
		for (colon++; colon < line + length && *colon == ' '; colon++)
			;
		*ret_chain = strndup(colon, (size_t)(line + length - colon));
	}
	return NULL;
}

static int add_text(struct collateral *c, const char *text, size_t size, struct err *e)
{
	_cleanup_(form_done) struct form_bytes der = {0};
	size_t blocks;
	int r;

	if (size > 10 && memmem(text, size, "-----BEGIN", 10)) {
		r = read_pem(c, text, size, &blocks, e);
		return r < 0 || blocks ? r : err_set(e, -EBADMSG, "PEM without any block");
	}
	if ((r = form_text(text, size, &der)) == 0)
		return add_der(c, der.data, der.size, e);
	return err_set(e, r, "neither JSON, PEM, DER, hexadecimal nor base64");
}

static int add_body(struct collateral *c, const char *text, size_t size, const struct bytes *chain,
                    struct err *e)
{
	bool der = size && (uint8_t)text[0] == 0x30 && !isxdigit((unsigned char)text[size > 1]);
	size_t start = 0;
	int r;

	while (!der && start < size && isspace((unsigned char)text[start]))
		start++;
	text += start;
	size = der ? size : trimmed(text, size - start);
	if (size && text[0] == '{')
		return collateral_add_json(c, text, size, chain, e);
	/* of a CRL or a PCK certificate: found there when a quote needs it */
	if (chain && (r = collateral_add_pem(c, (const char *)chain->data, chain->size, e)) < 0)
		return err_prefix(e, "issuer chain");
	if (der)
		return add_der(c, (const uint8_t *)text, size, e);
	return add_text(c, text, size, e);
}

static bool is_http(const char *text, size_t size)
{
	return size >= 5 && memcmp(text, "HTTP/", 5) == 0;
}

/*
 * What `curl -i` saved: before the answer's own headers there may be those of a proxy's answer to
 * CONNECT, of "100 Continue", of redirects; only the last ones say anything about the body.
 */
static int add_file(struct collateral *c, const void *data, size_t size, struct err *e)
{
	_cleanup_(freep) char *chain = NULL;
	const char *body = data, *end = body + size;
	struct bytes pem;

	if (size > FILE_MAX)
		return err_set(e, -EFBIG, "more than %u bytes", FILE_MAX);
	while (is_http(body, (size_t)(end - body))) {
		free(TAKE_PTR(chain));
		if (!(body = skip_headers(body, (size_t)(end - body), &chain)))
			return err_set(e, -EBADMSG, "HTTP headers without an end");
	}
	if (chain && !collateral_url_decode(chain))
		return err_set(e, -EBADMSG, "HTTP headers: malformed issuer chain");
	pem = (struct bytes){(const uint8_t *)chain, chain ? strlen(chain) : 0};
	return add_body(c, body, (size_t)(end - body), chain ? &pem : NULL, e);
}

int collateral_add(struct collateral *c, const void *data, size_t size, struct err *e)
{
	int r = add_file(c, data, size, e);

	c->given |= r < 0;
	return r;
}
