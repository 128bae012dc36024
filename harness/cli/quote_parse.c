/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/evidence.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/quote.h"
#include "core/cleanup.h"
#include "core/time.h"
#include "format/bytes.h"
#include "format/tdx.h"
#include "format/text.h"
#include "trust/platform.h"

struct options {
	const char *path;
	bool json;
	bool strict;
};

/* Everything that is shown, once in text and once in JSON. */
struct shown {
	struct quote q;
	const struct input *in;
	bool has_platform;
	struct platform platform;
	struct err no_platform; /* why not */
};

#define SGX(member)                                                              \
	{                                                                        \
#member, offsetof(struct sgx_report, member),                    \
		        sizeof(((struct sgx_report *)0)->member), QUOTE_BODY_SGX \
	}
static const struct quote_field sgx_fields[] = {
        SGX(cpusvn),    SGX(miscselect), SGX(attributes),
        SGX(mrenclave), SGX(mrsigner),   SGX(report_data),
};
#undef SGX

static const char *const body_names[] = {
        [QUOTE_BODY_SGX] = "SGX enclave report",
        [QUOTE_BODY_TDX_10] = "TD report 1.0",
        [QUOTE_BODY_TDX_15] = "TD report 1.5",
        [QUOTE_BODY_TDX_15_EX] = "TD report 1.5 EX",
};

static const char *const cert_names[] = {
        [QUOTE_CERT_PPID_PLAIN] = "PPID, plain",
        [QUOTE_CERT_PPID_RSA2048] = "PPID, RSA-2048",
        [QUOTE_CERT_PPID_RSA3072] = "PPID, RSA-3072",
        [QUOTE_CERT_PCK_LEAF] = "PCK certificate",
        [QUOTE_CERT_PCK_CHAIN] = "PCK certificate chain",
        [QUOTE_CERT_QE_REPORT] = "QE report",
        [QUOTE_CERT_PLATFORM_MANIFEST] = "platform manifest",
};

/* What our own software module puts there: such a quote is never shown without the word. */
static bool says_emulated(const struct quote *q)
{
	return q->body_type != QUOTE_BODY_SGX &&
	       (memcmp(q->td.mrseam, TDX_EMULATED_MRSEAM, strlen(TDX_EMULATED_MRSEAM)) == 0 ||
	        memcmp(q->td.mrsignerseam, TDX_EMULATED_MRSIGNERSEAM,
	               strlen(TDX_EMULATED_MRSIGNERSEAM)) == 0);
}

/* ---- JSON ---- */

static json_t *sgx_json(const struct sgx_report *s)
{
	json_t *root = quote_fields_json(sgx_fields, COUNT_OF(sgx_fields), s, QUOTE_BODY_SGX);

	json_object_set_new(root, "isvprodid", json_integer(s->isvprodid));
	json_object_set_new(root, "isvsvn", json_integer(s->isvsvn));
	return root;
}

static json_t *platform_json(const struct platform *p)
{
	json_t *certs = json_array(), *root;

	for (size_t i = 0; i < p->certs; i++) {
		char before[TIME_TEXT_SIZE], after[TIME_TEXT_SIZE];

		json_array_append_new(
		        certs, json_pack("{s:s, s:s, s:s, s:s, s:s}", "subject", p->cert[i].subject,
		                         "issuer", p->cert[i].issuer, "serial", p->cert[i].serial,
		                         "not_before", time_text(p->cert[i].not_before, before),
		                         "not_after", time_text(p->cert[i].not_after, after)));
	}
	root = pck_json(&p->pck);
	json_object_set_new(root, "certificates", certs);
	return root;
}

static bool names_pck(const struct quote *q)
{
	return q->cert_type <= QUOTE_CERT_PPID_RSA3072;
}

static const char *ppid_name(const struct quote *q)
{
	return q->cert_type == QUOTE_CERT_PPID_PLAIN ? "ppid" : "encrypted_ppid";
}

static json_t *pck_id_json(const struct quote *q)
{
	const struct quote_pck_id *id = &q->pck_id;

	return json_pack("{s:o, s:o, s:i, s:o}", ppid_name(q),
	                 json_hex(id->ppid.data, id->ppid.size), "cpusvn",
	                 json_hex(id->cpusvn, sizeof(id->cpusvn)), "pcesvn", id->pcesvn, "pceid",
	                 json_hex(id->pceid, sizeof(id->pceid)));
}

static json_t *signature_json(const struct quote *q)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:i, s:s, s:I}", "signature",
	                 json_hex(q->signature, 64), "attestation_key", json_hex(q->attest_key, 64),
	                 "qe_report", sgx_json(&q->qe_report), "qe_signature",
	                 json_hex(q->qe_signature, 64), "qe_authentication",
	                 json_hex(q->qe_auth.data, q->qe_auth.size), "certification_type",
	                 q->cert_type, "certification", cert_names[q->cert_type],
	                 "certification_size", (json_int_t)q->cert_data.size);
}

static int print_json(const struct shown *s)
{
	const struct quote *q = &s->q;
	bool td = q->body_type != QUOTE_BODY_SGX;
	json_t *root = json_pack(
	        "{s:i, s:s, s:b, s:s, s:s, s:I, s:i, s:s, s:I, s:o, s:o, s:o, s:o}", "version",
	        q->version, "tee", td ? "TDX" : "SGX", "emulated", says_emulated(q), "key_type",
	        "ECDSA P-256", "form", form_names[s->in->form], "size",
	        (json_int_t)(s->in->size - q->trailing), "body_type", q->body_type, "body_name",
	        body_names[q->body_type], "trailing", (json_int_t)q->trailing, "qe_vendor",
	        json_hex(q->qe_vendor, 16), "user_data", json_hex(q->user_data, 20), "body",
	        td ? quote_td_json(q) : sgx_json(&q->sgx), "signature", signature_json(q));

	if (!root)
		return -ENOMEM;
	if (names_pck(q))
		json_object_set_new(root, "pck_id", pck_id_json(q));
	if (s->has_platform)
		json_object_set_new(root, "pck", platform_json(&s->platform));
	else
		json_object_set_new(root, "pck_error", json_string(s->no_platform.text));
	return json_print(root);
}

/* ---- text ---- */

static void print_hex(const char *name, const uint8_t *data, size_t size)
{
	char hex[HEX_ENCODED_SIZE(384)]; /* the longest: an encrypted PPID */

	hex_encode(data, size, hex);
	printf("%-22s %s\n", name, hex);
}

static void print_bits(const char *name, uint64_t value, const char *(*name_of)(unsigned))
{
	printf("%-22s 0x%016jx", name, (uintmax_t)value);
	for (unsigned bit = 0; bit < 64; bit++) {
		if (!(value & 1ull << bit))
			continue;
		if (name_of(bit))
			printf(" %s", name_of(bit));
		else
			printf(" reserved-%u", bit);
	}
	printf("\n");
}

static void print_fields(const struct quote_field *fields, size_t count, const void *base,
                         enum quote_body_type type)
{
	for (size_t i = 0; i < count && fields[i].since <= type; i++)
		print_hex(fields[i].name, (const uint8_t *)base + fields[i].offset, fields[i].size);
}

static void print_sgx(const struct sgx_report *s)
{
	print_fields(sgx_fields, COUNT_OF(sgx_fields), s, QUOTE_BODY_SGX);
	printf("%-22s %u\n%-22s %u\n", "isvprodid", s->isvprodid, "isvsvn", s->isvsvn);
}

static void print_td(const struct quote *q)
{
	static const char *const names[4] = {"rtmr0", "rtmr1", "rtmr2", "rtmr3"};

	print_bits("attributes", q->td.attributes, tdx_attribute_name);
	print_bits("xfam", q->td.xfam, tdx_xfam_name);
	for (unsigned i = 0; i < 4; i++)
		print_hex(names[i], q->td.rtmr[i], 48);
	if (q->body_type >= QUOTE_BODY_TDX_15_EX)
		printf("%-22s %u%s\n", "vmid", q->td.vmid,
		       q->td.vmid ? "" : " (the TD itself, no VM within)");
	print_fields(quote_td_fields, QUOTE_TD_FIELDS, &q->td, q->body_type);
}

static void print_pck_id(const struct quote *q)
{
	const struct quote_pck_id *id = &q->pck_id;

	print_hex(ppid_name(q), id->ppid.data, id->ppid.size);
	print_hex("cpusvn", id->cpusvn, sizeof(id->cpusvn));
	printf("%-22s %u\n", "pcesvn", id->pcesvn);
	print_hex("pceid", id->pceid, sizeof(id->pceid));
}

static void print_platform(const struct shown *s)
{
	const struct platform *p = &s->platform;
	char before[TIME_TEXT_SIZE], after[TIME_TEXT_SIZE];

	if (!s->has_platform) {
		printf("%-22s %s\n", "PCK", s->no_platform.text);
		return;
	}
	print_hex("fmspc", p->pck.fmspc, sizeof(p->pck.fmspc));
	print_hex("pceid", p->pck.pceid, sizeof(p->pck.pceid));
	print_hex("ppid", p->pck.ppid, sizeof(p->pck.ppid));
	print_hex("pck cpusvn", p->pck.cpusvn, sizeof(p->pck.cpusvn));
	print_hex("pck components", p->pck.component, sizeof(p->pck.component));
	printf("%-22s %u\n", "pcesvn", p->pck.pcesvn);
	for (size_t i = 0; i < p->certs; i++) {
		printf("%-22s %s\n%22s issued by %s, %.10s to %.10s\n", "certificate",
		       p->cert[i].subject, "", p->cert[i].issuer,
		       time_text(p->cert[i].not_before, before),
		       time_text(p->cert[i].not_after, after));
	}
}

static void print_text(const struct shown *s)
{
	const struct quote *q = &s->q;

	printf("%s quote, version %u, %s (%zu bytes), ECDSA P-256; not verified%s\n",
	       q->tee_type == QUOTE_TEE_TDX ? "TDX" : "SGX", q->version, body_names[q->body_type],
	       s->in->size - q->trailing,
	       says_emulated(q) ? "\nEMULATED: it says itself that no TDX hardware made it" : "");
	if (q->trailing)
		printf("%zu bytes follow its end\n", q->trailing);
	printf("\n");
	if (q->body_type == QUOTE_BODY_SGX)
		print_sgx(&q->sgx);
	else
		print_td(q);
	printf("\nsigned by the attestation key, which this quoting enclave vouches for:\n");
	print_hex("attestation key", q->attest_key, 64);
	print_hex("user data", q->user_data, 20);
	print_sgx(&q->qe_report);
	printf("\nand for that, certification data of type %u (%s, %zu bytes):\n", q->cert_type,
	       cert_names[q->cert_type], q->cert_data.size);
	if (names_pck(q))
		print_pck_id(q);
	else
		print_platform(s);
}

/* ---- the verb ---- */

static int run(const void *options, struct format_fault *fault, struct err *e)
{
	const struct options *o = options;
	_cleanup_(input_done) struct input in = {0};
	struct shown s = {.in = &in};
	int r = input_quote(o->path, &in, &s.q, fault, e);

	if (r < 0)
		return r;
	if (o->strict && s.q.trailing > 0) {
		*fault = (struct format_fault){FORMAT_TRAILING, in.size - s.q.trailing};
		return err_set(e, -EBADMSG, "%.200s: trailing: %zu bytes follow the quote's end",
		               o->path, s.q.trailing);
	}
	s.has_platform = platform_read(&s.q, &s.platform, &s.no_platform) == 0;
	if (!o->json)
		print_text(&s);
	else if (print_json(&s) < 0)
		return err_nomem(e);
	return 0;
}

int cmd_quote_parse(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_FLAG(strict, "strict", "refuse bytes after the quote's end"),
	        OPTION_JSON,
	        {0},
	};
	static const struct options_of options = {
	        .about = "Shows what a quote says: binary, hexadecimal, base64, base64url, or in "
	                 "JSON, a token, PEM or a data: URL; - is standard input. Nothing is verified.\vExit "
	                 "status: 0; 1 when the bytes are no quote; 2 when they cannot be read.",
	        OPTION_OPERAND(path, "FILE", "no quote given"),
	        .rows = rows,
	};
	struct options o = {0};

	return evidence_verb(&options, argc, argv, &o, &o.json, run);
}
