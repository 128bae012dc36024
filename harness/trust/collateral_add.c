// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <openssl/pem.h>
#include <string.h>

#include "format/text.h"
#include "trust/collateral.h"

/* Files of collateral, told apart by their content. */

#define FILE_MAX (8u << 20) /* bytes */

static int full(struct err *e)
{
	return err_set(e, -ENOSPC, "more than %d pieces of collateral", COLLATERAL_MAX);
}

/* ---- certificates and CRLs ---- */

static int add_crl(struct collateral *c, const uint8_t *der, size_t size,
                   const struct bytes *issuer, struct err *e)
{
	_cleanup_(X509_CRL_freep) X509_CRL *crl = NULL;
	const unsigned char *p = der;
	struct crl *k;
	int r;

	if (c->crls == COLLATERAL_MAX)
		return full(e);
	if (!(crl = d2i_X509_CRL(NULL, &p, (long)size)) || p != der + size)
		return ssl_err(e, -EBADMSG, "malformed CRL");
	if (!(k = calloc(1, sizeof(*k))))
		return err_nomem(e);
	r = validity_read(X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_nextUpdate(crl),
	                  &k->validity);
	if (r < 0)
		r = ssl_err(e, r, "a CRL without dates");
	else if (issuer)
		r = chain_read(issuer->data, issuer->size, CHAIN_SIGNING, &c->known, &k->issuer, e);
	if (r < 0) {
		free(k);
		return r;
	}
	k->crl = TAKE_PTR(crl);
	c->crl[c->crls++] = k;
	return 0;
}

/* A chain comes along with many a file. */
static bool is_pooled(const struct collateral *c, const X509 *cert)
{
	for (size_t i = 0; i < c->pooled; i++) {
		if (X509_cmp(c->pool[i], cert) == 0)
			return true;
	}
	return false;
}

static int add_der(struct collateral *c, const uint8_t *der, size_t size, struct err *e)
{
	const unsigned char *p = der;
	X509 *cert = d2i_X509(NULL, &p, (long)size);
	int r = 0;

	if (!cert) {
		ERR_clear_error();
		return add_crl(c, der, size, NULL, e);
	}
	if (p != der + size)
		r = err_set(e, -EBADMSG, "bytes after a certificate");
	else if (!is_pooled(c, cert) && c->pooled == COLLATERAL_MAX)
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
		return add_crl(c, der, (size_t)size, NULL, e);
	return add_der(c, der, (size_t)size, e);
}

static int add_pem(struct collateral *c, const char *text, size_t size, struct err *e)
{
	_cleanup_(BIO_freep) BIO *bio = BIO_new_mem_buf(text, (int)size);
	bool end = false;
	int r = bio ? 0 : ssl_err(e, -ENOMEM, "PEM");

	while (r == 0 && !end)
		r = add_block(c, bio, &end, e);
	return r;
}

static size_t trimmed(const char *text, size_t size)
{
	while (size && (isspace((unsigned char)text[size - 1]) || text[size - 1] == '\0'))
		size--;
	return size;
}

/* A CRL as PCCS and bundles have it: hexadecimal of the DER, for some after "0x". */
static int add_hex_crl(struct collateral *c, const char *text, size_t size,
                       const struct bytes *issuer, struct err *e)
{
	_cleanup_(freep) uint8_t *der = malloc(size / 2 + 1);
	size_t n;

	if (!der)
		return err_nomem(e);
	if (size > 2 && memcmp(text, "0x", 2) == 0) {
		text += 2;
		size -= 2;
	}
	if (hex_decode(text, size, der, &n) != FORMAT_OK)
		return err_set(e, -EBADMSG, "neither JSON, PEM, DER nor hexadecimal");
	return add_crl(c, der, n, issuer, e);
}

/* ---- signed JSON ---- */

static int item_fill(struct collateral *c, struct signed_item *i, const char *raw, size_t raw_size,
                     const char *signature, const struct bytes *chain, struct err *e)
{
	size_t n;
	int r;

	if (strlen(signature) != 128 || hex_decode(signature, 128, i->signature, &n) != FORMAT_OK)
		return err_set(e, -EBADMSG, "the signature is not 64 bytes in hexadecimal");
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

static int add_signed(struct collateral *c, enum signed_kind kind, const char *raw, size_t raw_size,
                      const char *signature, const struct bytes *chain, struct err *e)
{
	struct signed_item *i;
	int r;

	if (c->items == COLLATERAL_MAX)
		return full(e);
	if (!(i = calloc(1, sizeof(*i))))
		return err_nomem(e);
	i->kind = kind;
	if ((r = item_fill(c, i, raw, raw_size, signature, chain, e)) == 0) {
		c->item[c->items++] = i;
		return 0;
	}
	chain_done(&i->chain);
	json_decref(i->json);
	free(i);
	return r == -ENOTSUP ? 0 : r; /* of SGX: no concern of ours */
}

/* NULL unless it is a text without NUL; one at its end, as PEM out of quotes has it, is cut. */
static const char *text_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	const char *text = json_string_value(v);

	return text && json_string_length(v) <= strlen(text) + 1 ? text : NULL;
}

/* `key`: of the JSON, its signature, its issuer chain. */
static int add_bundle_json(struct collateral *c, const json_t *o, const char *const key[3],
                           enum signed_kind kind, struct err *e)
{
	const char *raw = text_of(o, key[0]), *signature = text_of(o, key[1]);
	const char *chain = text_of(o, key[2]);
	struct bytes pem = {(const uint8_t *)chain, chain ? strlen(chain) : 0};
	int r;

	if (!raw || !signature || !chain)
		return err_set(e, -EBADMSG,
		               "bundle: %s or its signature or issuer chain is missing", key[0]);
	r = add_signed(c, kind, raw, strlen(raw), signature, &pem, e);
	return r < 0 ? err_prefix(e, "bundle: %s", key[0]) : 0;
}

/* CRLs may be left to other files. */
static int add_bundle_crl(struct collateral *c, const json_t *o, const char *key,
                          const struct bytes *issuer, struct err *e)
{
	const char *text = text_of(o, key);
	int r;

	if (!json_object_get(o, key))
		return 0;
	if (!text)
		return err_set(e, -EBADMSG, "bundle: %s is no text", key);
	r = strstr(text, "-----BEGIN") ? add_pem(c, text, strlen(text), e)
	                               : add_hex_crl(c, text, strlen(text), issuer, e);
	return r < 0 ? err_prefix(e, "bundle: %s", key) : 0;
}

/* The quote's own certificates, for those who fetched them with the rest. */
static int add_bundle_pck(struct collateral *c, const json_t *o, struct err *e)
{
	static const char key[] = "pck_certificate_chain";
	const json_t *value = json_object_get(o, key);
	const char *text = text_of(o, key);
	int r;

	if (!value || json_is_null(value))
		return 0;
	r = text ? add_pem(c, text, strlen(text), e) : err_set(e, -EBADMSG, "no text");
	return r < 0 ? err_prefix(e, "bundle: %s", key) : 0;
}

static int add_bundle(struct collateral *c, const json_t *o, struct err *e)
{
	static const char *const tcb[] = {"tcb_info", "tcb_info_signature",
	                                  "tcb_info_issuer_chain"};
	static const char *const qe[] = {"qe_identity", "qe_identity_signature",
	                                 "qe_identity_issuer_chain"};
	const char *issuer = text_of(o, "pck_crl_issuer_chain");
	struct bytes pem = {(const uint8_t *)issuer, issuer ? strlen(issuer) : 0};
	int r;

	if ((r = add_bundle_json(c, o, tcb, SIGNED_TCB_INFO, e)) < 0 ||
	    (r = add_bundle_json(c, o, qe, SIGNED_QE_IDENTITY, e)) < 0 ||
	    (r = add_bundle_crl(c, o, "root_ca_crl", NULL, e)) < 0 ||
	    (r = add_bundle_pck(c, o, e)) < 0)
		return r;
	return add_bundle_crl(c, o, "pck_crl", issuer ? &pem : NULL, e);
}

/* What Intel's PCS serves: {"tcbInfo": {...}, "signature": "..."}, or with "enclaveIdentity". */
static int add_pcs(struct collateral *c, const json_t *o, const char *text, size_t size,
                   const struct bytes *chain, struct err *e)
{
	bool tcb = json_object_get(o, "tcbInfo") != NULL;
	const char *signature = text_of(o, "signature");
	size_t raw_size;
	const char *raw = jsonx_raw(text, size, tcb ? "tcbInfo" : "enclaveIdentity", &raw_size);

	if (!raw || !signature)
		return err_set(e, -EBADMSG, "JSON that is no collateral");
	return add_signed(c, tcb ? SIGNED_TCB_INFO : SIGNED_QE_IDENTITY, raw, raw_size, signature,
	                  chain, e);
}

static int add_json(struct collateral *c, const char *text, size_t size, const struct bytes *chain,
                    struct err *e)
{
	json_t *o = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	int r;

	if (!json_is_object(o))
		r = err_set(e, -EBADMSG, "malformed JSON");
	else if (json_object_get(o, "tcb_info"))
		r = add_bundle(c, o, e);
	else
		r = add_pcs(c, o, text, size, chain, e);
	json_decref(o);
	return r;
}

/* ---- HTTP headers ---- */

/* URL-decodes in place; false when a % is not followed by two digits. */
static bool url_decode(char *s)
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
 * Splits what `curl -i` saved. Returns where the body starts, NULL when there is no end of headers;
 * *ret_chain becomes the issuer chain, or stays NULL. Caller frees it.
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
		return add_json(c, text, size, chain, e);
	/* of a CRL or a PCK certificate: found there when a quote needs it */
	if (chain && (r = add_pem(c, (const char *)chain->data, chain->size, e)) < 0)
		return err_prefix(e, "issuer chain");
	if (der)
		return add_der(c, (const uint8_t *)text, size, e);
	if (size > 10 && memmem(text, size, "-----BEGIN", 10))
		return add_pem(c, text, size, e);
	return add_hex_crl(c, text, size, NULL, e);
}

int collateral_add(struct collateral *c, const void *data, size_t size, struct err *e)
{
	_cleanup_(freep) char *chain = NULL;
	const char *body;
	struct bytes pem;

	if (size > FILE_MAX)
		return err_set(e, -EFBIG, "more than %u bytes", FILE_MAX);
	if (size < 5 || memcmp(data, "HTTP/", 5) != 0)
		return add_body(c, data, size, NULL, e);
	if (!(body = skip_headers(data, size, &chain)) || (chain && !url_decode(chain)))
		return err_set(e, -EBADMSG, "malformed HTTP headers");
	pem = (struct bytes){(const uint8_t *)chain, chain ? strlen(chain) : 0};
	return add_body(c, body, size - (size_t)(body - (const char *)data), chain ? &pem : NULL,
	                e);
}
