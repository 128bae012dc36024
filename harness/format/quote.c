/* SPDX-License-Identifier: Apache-2.0 */
#include "format/quote.h"

#include <string.h>

#include "format/reader.h"

enum { /* offsets of the header's fields, to say which one is at fault */
       AT_VERSION = 0,
       AT_KEY_TYPE = 2,
       AT_TEE_TYPE = 4,
       AT_BODY_TYPE = 48,
       AT_BODY_SIZE = 50
};

/*
 * A sub-reader over the bytes that a size field at `at` declares. Running past the input is
 * a truncation; running past what encloses it contradicts the encloser's size.
 */
static struct reader sized(struct reader *r, uint32_t size, uint64_t at)
{
	if (reader_ok(r) && r->base > 0 && size > reader_left(r))
		reader_fail(r, FORMAT_BAD_SIZE, at);
	return reader_sub(r, size);
}

static struct bytes view(const struct reader *r)
{
	return (struct bytes){.data = r->data, .size = r->size};
}

static void read_header(struct reader *r, struct quote *q)
{
	q->version = reader_u16(r);
	q->key_type = reader_u16(r);
	q->tee_type = reader_u32(r);
	reader_skip(r, 4); /* QE and PCE SVN in version 3, reserved after */
	reader_copy(r, q->qe_vendor, sizeof(q->qe_vendor));
	reader_copy(r, q->user_data, sizeof(q->user_data));
	if (!reader_ok(r))
		return;
	if (q->version < 3 || q->version > 5)
		reader_fail(r, FORMAT_BAD_VERSION, AT_VERSION);
	if (q->key_type != QUOTE_KEY_ECDSA_P256)
		reader_fail(r, FORMAT_BAD_ALGORITHM, AT_KEY_TYPE);
	if (q->tee_type != QUOTE_TEE_SGX && q->tee_type != QUOTE_TEE_TDX)
		reader_fail(r, FORMAT_BAD_TYPE, AT_TEE_TYPE);
	if (q->version == 3 && q->tee_type != QUOTE_TEE_SGX)
		reader_fail(r, FORMAT_BAD_TYPE, AT_TEE_TYPE);
}

/* The body's type and size: declared in version 5, implied by the TEE before. */
static uint32_t read_body_type(struct reader *r, struct quote *q)
{
	static const uint32_t sizes[] = {
	        [QUOTE_BODY_SGX] = QUOTE_BODY_SGX_SIZE,
	        [QUOTE_BODY_TDX_10] = QUOTE_BODY_TDX_10_SIZE,
	        [QUOTE_BODY_TDX_15] = QUOTE_BODY_TDX_15_SIZE,
	        [QUOTE_BODY_TDX_15_EX] = QUOTE_BODY_TDX_15_EX_SIZE,
	};
	uint16_t type = q->tee_type == QUOTE_TEE_SGX ? QUOTE_BODY_SGX : QUOTE_BODY_TDX_10;
	uint32_t size;

	if (!reader_ok(r))
		return 0;
	if (q->version < 5) {
		q->body_type = (enum quote_body_type)type;
		return sizes[type];
	}
	type = reader_u16(r);
	size = reader_u32(r);
	if (!reader_ok(r))
		return 0;
	if (type < QUOTE_BODY_SGX || type > QUOTE_BODY_TDX_15_EX ||
	    (type == QUOTE_BODY_SGX) != (q->tee_type == QUOTE_TEE_SGX))
		reader_fail(r, FORMAT_BAD_TYPE, AT_BODY_TYPE);
	else if (size != sizes[type])
		reader_fail(r, FORMAT_BAD_SIZE, AT_BODY_SIZE);
	q->body_type = (enum quote_body_type)type;
	return size;
}

static void read_sgx_report(struct reader *r, struct sgx_report *s)
{
	reader_copy(r, s->cpusvn, sizeof(s->cpusvn));
	reader_copy(r, s->miscselect, sizeof(s->miscselect));
	reader_skip(r, 28);
	reader_copy(r, s->attributes, sizeof(s->attributes));
	reader_copy(r, s->mrenclave, sizeof(s->mrenclave));
	reader_skip(r, 32);
	reader_copy(r, s->mrsigner, sizeof(s->mrsigner));
	reader_skip(r, 96);
	s->isvprodid = reader_u16(r);
	s->isvsvn = reader_u16(r);
	reader_skip(r, 60);
	reader_copy(r, s->report_data, sizeof(s->report_data));
}

static void read_body(struct reader *r, struct quote *q)
{
	uint32_t size = read_body_type(r, q);
	const uint8_t *start = r->data;
	struct reader body = reader_sub(r, size);

	q->body = view(&body);
	if (reader_ok(r))
		q->signed_part = (struct bytes){.data = start, .size = r->pos};
	if (q->body_type == QUOTE_BODY_SGX)
		read_sgx_report(&body, &q->sgx);
	else
		reader_copy(&body, &q->td, body.size); /* laid out as struct quote_td is */
	if (reader_ok(r) && reader_end(&body, NULL) != FORMAT_OK)
		reader_fail(r, body.code, body.fail_at);
}

/* Types 1 to 3: a PPID and a fixed rest, whose size the one declared at `at` must be. */
static void read_pck_id(struct reader *r, struct reader cert, uint64_t at, struct quote *q)
{
	static const uint16_t ppid_size[] = {
	        [QUOTE_CERT_PPID_PLAIN] = 16,
	        [QUOTE_CERT_PPID_RSA2048] = 256,
	        [QUOTE_CERT_PPID_RSA3072] = 384,
	};
	struct quote_pck_id *id = &q->pck_id;
	struct reader ppid;

	if (!reader_ok(r) || q->cert_type > QUOTE_CERT_PPID_RSA3072)
		return;
	ppid = reader_sub(&cert, ppid_size[q->cert_type]);
	id->ppid = view(&ppid);
	reader_copy(&cert, id->cpusvn, sizeof(id->cpusvn));
	id->pcesvn = reader_u16(&cert);
	reader_copy(&cert, id->pceid, sizeof(id->pceid));
	if (reader_end(&cert, NULL) != FORMAT_OK)
		reader_fail(r, FORMAT_BAD_SIZE, at);
}

/* QE report, its signature, authentication data, and the PCK certification of all that. */
static void read_certification(struct reader *r, struct quote *q)
{
	struct reader qe = reader_sub(r, QUOTE_BODY_SGX_SIZE), auth, cert;
	uint64_t at;

	q->qe_report_raw = view(&qe);
	read_sgx_report(&qe, &q->qe_report);
	q->qe_signature = reader_bytes(r, 64);
	at = reader_offset(r);
	auth = sized(r, reader_u16(r), at);
	q->qe_auth = view(&auth);
	at = reader_offset(r);
	q->cert_type = reader_u16(r);
	if (reader_ok(r) &&
	    (q->cert_type < QUOTE_CERT_PPID_PLAIN || q->cert_type > QUOTE_CERT_PLATFORM_MANIFEST ||
	     q->cert_type == QUOTE_CERT_QE_REPORT))
		reader_fail(r, FORMAT_BAD_TYPE, at);
	at = reader_offset(r);
	cert = sized(r, reader_u32(r), at);
	q->cert_data = view(&cert);
	read_pck_id(r, cert, at, q);
}

/* Nothing may be left over in the signature data, nor in the certification within it. */
static void read_signature(struct reader *r, struct quote *q)
{
	struct reader outer;
	uint64_t at;

	q->signature = reader_bytes(r, 64);
	q->attest_key = reader_bytes(r, 64);
	if (q->version == 3) {
		read_certification(r, q);
		reader_end(r, NULL);
		return;
	}
	at = reader_offset(r);
	q->outer_cert_type = reader_u16(r);
	if (reader_ok(r) && q->outer_cert_type != QUOTE_CERT_QE_REPORT)
		reader_fail(r, FORMAT_BAD_TYPE, at);
	at = reader_offset(r);
	outer = sized(r, reader_u32(r), at);
	read_certification(&outer, q);
	if (reader_end(&outer, NULL) != FORMAT_OK)
		reader_fail(r, outer.code, outer.fail_at);
	reader_end(r, NULL);
}

enum format_code quote_parse(const void *data, size_t size, struct quote *ret, uint64_t *ret_offset)
{
	enum format_code code;
	struct quote q = {0};
	struct reader r = reader_of(data, size), signature;

	if (size > QUOTE_MAX)
		reader_fail(&r, FORMAT_BAD_SIZE, QUOTE_MAX);
	read_header(&r, &q);
	read_body(&r, &q);
	signature = reader_sub(&r, reader_u32(&r));
	q.signature_data = view(&signature);
	read_signature(&signature, &q);
	q.trailing = reader_left(&r);
	code = reader_result(&signature, ret_offset);
	if (code == FORMAT_OK)
		*ret = q;
	return code;
}
