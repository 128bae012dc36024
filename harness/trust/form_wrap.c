// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <errno.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "trust/form.h"
#include "trust/ssl.h"

/* What a quote comes wrapped in: JSON, tokens, PEM, data: URLs, one in the other. */

#define DEPTH_MAX 8 /* of objects and arrays in JSON */
#define WRAPS_MAX 4 /* one in the other, as JSON in a token or base64 of JSON */

static int unwrap(const char *data, size_t size, unsigned wraps, struct form_bytes *ret,
                  struct err *e);

/* Bytes that only binary has are below the space. */
static bool is_text(const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)data[i] < ' ' && !isspace((unsigned char)data[i]))
			return false;
	}
	return size > 0;
}

/* ---- what is none ---- */

static const struct {
	const char *begin;
	size_t size;
	const char *what;
} known[] = {
        {"\x1f\x8b", 2, "compressed by gzip: unpack it first, with gunzip"},
        {"\x28\xb5\x2f\xfd", 4, "compressed by zstd: unpack it first, with unzstd"},
        {"\xfd\x37zXZ", 5, "compressed by xz: unpack it first, with unxz"},
        {"BZh", 3, "compressed by bzip2: unpack it first, with bunzip2"},
        {"PK\x03\x04", 4, "a ZIP archive: unpack it first, with unzip"},
        {"HCLA", 4,
         "Azure's HCL report, which holds a TDREPORT: have the metadata service (/acc/tdquote) "
         "make a quote of that"},
        {"\x30\x82", 2, "DER, as of a certificate or CRL"},
};

static const char *name_binary(const char *data, size_t size)
{
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		if (size > known[i].size && memcmp(data, known[i].begin, known[i].size) == 0)
			return known[i].what;
	}
	return NULL;
}

/* A dump begins with its offset: seven or eight zeros, as xxd, hexdump and od write it. */
static const char *name_text(const char *text, size_t size)
{
	size_t zeros = 0;

	while (zeros < size && text[zeros] == '0')
		zeros++;
	if ((zeros == 7 || zeros == 8) && zeros < size &&
	    (text[zeros] == ':' || text[zeros] == ' '))
		return "a dump of bytes with their offsets: give the file itself, or make it of "
		       "the dump "
		       "(xxd -r)";
	return size && *text == '<' ? "HTML or XML, perhaps a server's error page" : NULL;
}

const char *form_hint(const void *data, size_t size)
{
	const uint8_t *p = data;

	if (size == 1024 && p[0] == 0x81 && !p[1])
		return "a TDREPORT, which only its own machine can check: have a quote made of it";
	if (size >= 1184 && size <= 4000 && p[0] >= 2 && p[0] <= 5 && !p[1] && !p[2] && !p[3])
		return "an attestation report of AMD SEV-SNP, it seems: no TD's";
	return NULL;
}

/* ---- JSON ---- */

/* "tdQuote" is "td_quote": protocol buffers have two ways of writing it. */
static bool same_name(const char *key, const char *name)
{
	for (; *name; key++) {
		if (*key == '_' || *key == '-')
			continue;
		if (tolower((unsigned char)*key) != *name++)
			return false;
	}
	return !*key;
}

static bool is_called_quote(const char *key)
{
	static const char *const names[] = {"quote",    "tdquote",  "tdxquote", "intelquote",
	                                    "rawquote", "tdreport", "outblob",  "evidence"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (same_name(key, names[i]))
			return true;
	}
	return false;
}

/* A text or numbers, or a text that wraps a quote in turn. */
static int from_value(const json_t *value, unsigned wraps, struct form_bytes *ret)
{
	struct err ignored;

	if (json_is_string(value) && !is_text(json_string_value(value), json_string_length(value)))
		return -EBADMSG;
	if (json_is_string(value))
		return unwrap(json_string_value(value), json_string_length(value), wraps + 1, ret,
		              &ignored);
	return form_json(value, ret);
}

/* -EBADMSG: there is none. */
static int find_quote(const json_t *json, unsigned depth, unsigned wraps, struct form_bytes *ret)
{
	const json_t *value;
	const char *key;
	int r = -EBADMSG;
	size_t i;

	if (json_is_array(json)) {
		json_array_foreach(json, i, value)
		{
			if (depth < DEPTH_MAX &&
			    (r = find_quote(value, depth + 1, wraps, ret)) != -EBADMSG)
				return r;
		}
	}
	json_object_foreach((json_t *)json, key, value)
	{
		if (is_called_quote(key) && (r = from_value(value, wraps, ret)) != -EBADMSG)
			return r;
		if (depth < DEPTH_MAX && (r = find_quote(value, depth + 1, wraps, ret)) != -EBADMSG)
			return r;
	}
	return -EBADMSG;
}

static int from_json(const char *text, size_t size, unsigned wraps, struct form_bytes *ret,
                     struct err *e)
{
	json_auto_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	int r = json ? find_quote(json, 1, wraps, ret) : -EBADMSG;

	if (r == -ENOMEM)
		return err_nomem(e);
	if (!json)
		return err_set(e, r, "malformed JSON");
	if (r < 0)
		return err_set(e, r,
		               "JSON without a quote (\"quote\", \"td_quote\", \"tdx_quote\", "
		               "\"intel_quote\", \"raw_quote\", \"tdreport\", \"outblob\" or "
		               "\"evidence\")");
	return r;
}

/* ---- tokens ---- */

/* HEADER.PAYLOAD.SIGNATURE; NULL when the text is not of that form. */
static const char *jwt_payload(const char *text, size_t size, size_t *ret_size)
{
	const char *first = memchr(text, '.', size), *last;

	if (!first || first == text)
		return NULL;
	last = memchr(first + 1, '.', size - (size_t)(first + 1 - text));
	if (!last || memchr(last + 1, '.', size - (size_t)(last + 1 - text)))
		return NULL;
	*ret_size = (size_t)(last - first - 1);
	return first + 1;
}

static int from_jwt(const char *payload, size_t size, unsigned wraps, struct form_bytes *ret,
                    struct err *e)
{
	_cleanup_(form_done) struct form_bytes json = {0};
	int r = form_text(payload, size, &json);

	if (r == -ENOMEM)
		return err_nomem(e);
	if (r < 0)
		return err_set(e, r, "a token whose payload is not base64url");
	r = from_json((const char *)json.data, json.size, wraps, ret, e);
	return r < 0 ? err_prefix(e, "a token's payload") : 0;
}

/* ---- PEM and data: URLs ---- */

static int from_pem(const char *text, size_t size, struct form_bytes *ret, struct err *e)
{
	_cleanup_(BIO_freep) BIO *bio = BIO_new_mem_buf(text, (int)size);
	_cleanup_(OPENSSL_freep) char *name = NULL;
	_cleanup_(OPENSSL_freep) char *header = NULL;
	_cleanup_(OPENSSL_freep) unsigned char *der = NULL;
	uint8_t *copy;
	long length;

	if (!bio)
		return err_nomem(e);
	if (PEM_read_bio(bio, &name, &header, &der, &length) != 1 || header[0] || length <= 0) {
		ERR_clear_error();
		return err_set(e, -EBADMSG, "malformed PEM");
	}
	if (!strstr(name, "QUOTE") && !strstr(name, "EVIDENCE") && !strstr(name, "REPORT"))
		return err_set(e, -EBADMSG, "PEM of a %.40s", name);
	if (!(copy = malloc((size_t)length)))
		return err_nomem(e);
	memcpy(copy, der, (size_t)length);
	*ret = (struct form_bytes){copy, (size_t)length, FORM_PEM};
	return 0;
}

static int from_data_url(const char *text, size_t size, unsigned wraps, struct form_bytes *ret,
                         struct err *e)
{
	static const char mark[] = ";base64";
	const char *comma = memchr(text, ',', size);
	size_t head = comma ? (size_t)(comma - text) : 0;

	if (head < strlen(mark) || memcmp(comma - strlen(mark), mark, strlen(mark)) != 0)
		return err_set(e, -EBADMSG, "a data: URL that is not of base64");
	return unwrap(comma + 1, size - head - 1, wraps + 1, ret, e);
}

/* ---- text ---- */

/* UTF-16 with its mark, as PowerShell writes it: its ASCII. NULL: no such text, or no memory. */
static char *narrow(const char *data, size_t size)
{
	size_t high = data[0] == '\xfe' ? 0 : 1, n = 0;
	char *text = malloc(size);

	for (size_t i = 2; text && i + 1 < size; i += 2) {
		if (data[i + high] || data[i + 1 - high] <= 0) {
			free(text);
			return NULL;
		}
		text[n++] = data[i + 1 - high];
	}
	if (text)
		text[n] = '\0';
	return text;
}

static int from_utf16(const char *data, size_t size, unsigned wraps, struct form_bytes *ret,
                      struct err *e)
{
	_cleanup_(freep) char *text = narrow(data, size);

	if (!text || size % 2 || !is_text(text, strlen(text)))
		return err_set(e, -EBADMSG, "UTF-16 text that is not ASCII");
	return unwrap(text, strlen(text), wraps + 1, ret, e);
}

/* Hexadecimal or base64, of a quote or of text that wraps one. */
static int from_text(const char *text, size_t size, unsigned wraps, struct form_bytes *ret,
                     struct err *e)
{
	_cleanup_(form_done) struct form_bytes b = {0};
	enum form form;
	int r = form_text(text, size, &b);

	if (r == -ENOMEM)
		return err_nomem(e);
	if (r < 0)
		return err_set(e, r,
		               "text that is neither hexadecimal, base64, base64url nor JSON, PEM, "
		               "a data: URL or a token with a quote in it");
	form = b.form;
	if ((r = unwrap((const char *)b.data, b.size, wraps + 1, ret, e)) < 0)
		return err_prefix(e, "%s", form_names[form]);
	ret->form = form;
	return 0;
}

static int as_it_is(const void *data, size_t size, struct form_bytes *ret, struct err *e)
{
	uint8_t *copy = malloc(size + 1);

	if (!copy)
		return err_nomem(e);
	memcpy(copy, data, size);
	*ret = (struct form_bytes){copy, size, FORM_BINARY};
	return 0;
}

/* *ret_form: what the text is. */
static int unwrap_text(const char *text, size_t size, unsigned wraps, enum form *ret_form,
                       struct form_bytes *ret, struct err *e)
{
	static const char pem[] = "-----BEGIN ", url[] = "data:";
	const char *payload;
	size_t payload_size;

	if (size && (*text == '{' || *text == '[')) {
		*ret_form = FORM_JSON;
		return from_json(text, size, wraps, ret, e);
	}
	if (size > strlen(pem) && memcmp(text, pem, strlen(pem)) == 0) {
		*ret_form = FORM_PEM;
		return from_pem(text, size, ret, e);
	}
	if (size > strlen(url) && memcmp(text, url, strlen(url)) == 0) {
		*ret_form = FORM_DATA_URL;
		return from_data_url(text, size, wraps, ret, e);
	}
	if ((payload = jwt_payload(text, size, &payload_size))) {
		*ret_form = FORM_JWT;
		return from_jwt(payload, payload_size, wraps, ret, e);
	}
	*ret_form = FORM_COUNT; /* the one that is found */
	return from_text(text, size, wraps, ret, e);
}

static int unwrap(const char *data, size_t size, unsigned wraps, struct form_bytes *ret,
                  struct err *e)
{
	const char *what = NULL;
	enum form form;
	int r;

	if (wraps > WRAPS_MAX || (wraps && !size))
		return err_set(e, -EBADMSG, wraps > WRAPS_MAX ? "wrapped too often" : "empty");
	if (size > 3 && (memcmp(data, "\xff\xfe", 2) == 0 || memcmp(data, "\xfe\xff", 2) == 0))
		return from_utf16(data, size, wraps, ret, e);
	if (!is_text(data, size))
		return (what = name_binary(data, size)) ? err_set(e, -EBADMSG, "%s", what)
		                                        : as_it_is(data, size, ret, e);
	if (size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
		data += 3;
		size -= 3;
	}
	for (; size && isspace((unsigned char)*data); data++)
		size--;
	if ((what = name_text(data, size)))
		return err_set(e, -EBADMSG, "%s", what);
	if ((r = unwrap_text(data, size, wraps, &form, ret, e)) == 0 && form != FORM_COUNT)
		ret->form = form;
	return r;
}

int form_quote(const void *data, size_t size, struct form_bytes *ret, struct err *e)
{
	return unwrap(data, size, 0, ret, e);
}
