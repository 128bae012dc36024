/* SPDX-License-Identifier: Apache-2.0 */

#include "format/bytes.h"
#include "format/quote.h"
#include "test/facts.h"
#include "test/recertify.h"
#include "test/tests.h"

static void compare_td(const json_t *facts, const char *file, const struct quote *q)
{
	const struct quote_td *t = &q->td;

	facts_hex(facts, file, "tee_tcb_svn", t->tee_tcb_svn, 16);
	facts_hex(facts, file, "mr_seam", t->mrseam, 48);
	facts_hex(facts, file, "mrsigner_seam", t->mrsignerseam, 48);
	facts_hex(facts, file, "seam_attributes", t->seam_attributes, 8);
	facts_hex(facts, file, "td_attributes", &t->attributes, 8);
	facts_hex(facts, file, "xfam", &t->xfam, 8);
	facts_hex(facts, file, "mr_td", t->mrtd, 48);
	facts_hex(facts, file, "mr_config_id", t->mrconfigid, 48);
	facts_hex(facts, file, "mr_owner", t->mrowner, 48);
	facts_hex(facts, file, "mr_owner_config", t->mrownerconfig, 48);
	facts_hex(facts, file, "rtmr0", t->rtmr[0], 48);
	facts_hex(facts, file, "rtmr1", t->rtmr[1], 48);
	facts_hex(facts, file, "rtmr2", t->rtmr[2], 48);
	facts_hex(facts, file, "rtmr3", t->rtmr[3], 48);
	facts_hex(facts, file, "report_data", t->report_data, 64);
	if (q->version < 5) {
		ck_assert_int_eq(q->body_type, QUOTE_BODY_TDX_10);
		return;
	}
	facts_int(facts, file, "body_type", q->body_type);
	facts_hex(facts, file, "tee_tcb_svn2", t->tee_tcb_svn2, 16);
	facts_hex(facts, file, "mr_service_td", t->mrservicetd, 48);
}

static void compare_sgx(const json_t *facts, const char *file, const struct quote *q)
{
	ck_assert_int_eq(q->body_type, QUOTE_BODY_SGX);
	facts_hex(facts, file, "sgx_mrenclave", q->sgx.mrenclave, 32);
	facts_hex(facts, file, "sgx_mrsigner", q->sgx.mrsigner, 32);
	facts_int(facts, file, "isvprodid", q->sgx.isvprodid);
	facts_int(facts, file, "isvsvn", q->sgx.isvsvn);
	facts_hex(facts, file, "report_data", q->sgx.report_data, 64);
}

/* Every collected quote against what another parser read in it. */
TEST(genuine_quotes)
{
	json_t *all = facts_read("quote"), *facts;
	size_t tdx = 0, v5 = 0;
	const char *file;

	json_object_foreach(all, file, facts)
	{
		char path[128];
		struct golden g;
		struct quote q;

		snprintf(path, sizeof(path), "quote/%s", file);
		g = golden_read(path);
		ck_assert_msg(quote_parse(g.data, g.size, &q, NULL) == FORMAT_OK, "%s", file);
		facts_int(facts, file, "version", q.version);
		facts_int(facts, file, "sig_len", q.signature_data.size);
		facts_int(facts, file, "trailing", q.trailing);
		facts_int(facts, file, "qe_auth_len", q.qe_auth.size);
		facts_int(facts, file, "inner_cert_type", q.cert_type);
		facts_int(facts, file, "inner_cert_size", q.cert_data.size);
		facts_hex(facts, file, "qe_mrenclave", q.qe_report.mrenclave, 32);
		facts_hex(facts, file, "qe_mrsigner", q.qe_report.mrsigner, 32);
		facts_int(facts, file, "qe_isvsvn", q.qe_report.isvsvn);
		ck_assert_mem_eq(q.qe_vendor, QUOTE_QE_VENDOR_INTEL, 16);
		ck_assert_ptr_eq(q.cert_data.data + q.cert_data.size + q.trailing, g.data + g.size);
		ck_assert_ptr_eq(q.signed_part.data, g.data);
		ck_assert_ptr_eq(q.signed_part.data + q.signed_part.size,
		                 q.body.data + q.body.size);
		if (q.tee_type == QUOTE_TEE_TDX)
			compare_td(facts, file, &q);
		else
			compare_sgx(facts, file, &q);
		tdx += q.tee_type == QUOTE_TEE_TDX;
		v5 += q.version == 5;
		golden_done(&g);
	}
	ck_assert_uint_ge(tdx, 45);
	ck_assert_uint_ge(v5, 4);
	json_decref(all);
}

/* Where a v4 quote's fields lie; a v5 quote with body type 3 has all after the body 70 later. */
static const char v4[] = "quote/00b2526ab190.bin", v5[] = "quote/cf77a6e91e48.bin";
enum { SIG_LEN = 632, OUTER = 764, AUTH = 1218, INNER = 1252, PEM = 1258 };

TEST(views_of_v4)
{
	struct golden g = golden_read(v4);
	struct quote q;

	ck_assert_int_eq(quote_parse(g.data, g.size, &q, NULL), FORMAT_OK);
	ck_assert_uint_eq(q.signed_part.size, SIG_LEN);
	ck_assert_ptr_eq(q.body.data, g.data + 48);
	ck_assert_ptr_eq(q.signature, g.data + 636);
	ck_assert_ptr_eq(q.attest_key, g.data + 700);
	ck_assert_ptr_eq(q.qe_report_raw.data, g.data + 770);
	ck_assert_uint_eq(q.qe_report_raw.size, 384);
	ck_assert_ptr_eq(q.qe_signature, g.data + 1154);
	ck_assert_ptr_eq(q.qe_auth.data, g.data + 1220);
	ck_assert_ptr_eq(q.cert_data.data, g.data + PEM);
	ck_assert(memcmp(q.cert_data.data, "-----BEGIN", 10) == 0);
	ck_assert_uint_eq(q.td.vmid, 0);
	golden_done(&g);
}

/* Each row breaks one field of the v4 or v5 quote. */
static const struct {
	const char *what;
	const char *file;
	uint32_t at;
	int width;
	uint32_t value;
	enum format_code code;
	uint32_t offset;
} broken[] = {
        {"version 2", v4, 0, 2, 2, FORMAT_BAD_VERSION, 0},
        {"version 6", v4, 0, 2, 6, FORMAT_BAD_VERSION, 0},
        {"version 3 of a TD", v4, 0, 2, 3, FORMAT_BAD_TYPE, 4},
        {"version 5 for 4", v4, 0, 2, 5, FORMAT_BAD_TYPE, 48},
        {"P-384 key", v4, 2, 2, 3, FORMAT_BAD_ALGORITHM, 2},
        {"no such TEE", v4, 4, 4, 0x82, FORMAT_BAD_TYPE, 4},
        {"signature size 0", v4, SIG_LEN, 4, 0, FORMAT_TRUNCATED, 636},
        {"signature size one short", v4, SIG_LEN, 4, 4298, FORMAT_BAD_SIZE, OUTER + 2},
        {"signature size one more", v4, SIG_LEN, 4, 4300, FORMAT_TRUNCATED, 636},
        {"signature size 2^32-1", v4, SIG_LEN, 4, 0xffffffff, FORMAT_TRUNCATED, 636},
        {"outer type 5", v4, OUTER, 2, 5, FORMAT_BAD_TYPE, OUTER},
        {"outer size one short", v4, OUTER + 2, 4, 4164, FORMAT_BAD_SIZE, INNER + 2},
        {"outer size one more", v4, OUTER + 2, 4, 4166, FORMAT_BAD_SIZE, OUTER + 2},
        {"outer size 2^32-1", v4, OUTER + 2, 4, 0xffffffff, FORMAT_BAD_SIZE, OUTER + 2},
        {"outer size inside the QE report", v4, OUTER + 2, 4, 100, FORMAT_TRUNCATED, 770},
        {"authentication size past the end", v4, AUTH, 2, 0xffff, FORMAT_BAD_SIZE, AUTH},
        {"inner type 0", v4, INNER, 2, 0, FORMAT_BAD_TYPE, INNER},
        {"inner type 6 within 6", v4, INNER, 2, 6, FORMAT_BAD_TYPE, INNER},
        {"chain as a plain PPID", v4, INNER, 2, 1, FORMAT_BAD_SIZE, INNER + 2},
        {"chain as an RSA-2048 PPID", v4, INNER, 2, 2, FORMAT_BAD_SIZE, INNER + 2},
        {"chain as an RSA-3072 PPID", v4, INNER, 2, 3, FORMAT_BAD_SIZE, INNER + 2},
        {"inner type 8", v4, INNER, 2, 8, FORMAT_BAD_TYPE, INNER},
        {"inner size one short", v4, INNER + 2, 4, 3676, FORMAT_TRAILING, 4934},
        {"inner size one more", v4, INNER + 2, 4, 3678, FORMAT_BAD_SIZE, INNER + 2},
        {"inner size 2^32-1", v4, INNER + 2, 4, 0xffffffff, FORMAT_BAD_SIZE, INNER + 2},
        {"body type 0", v5, 48, 2, 0, FORMAT_BAD_TYPE, 48},
        {"body type 5", v5, 48, 2, 5, FORMAT_BAD_TYPE, 48},
        {"SGX body of a TD", v5, 48, 2, 1, FORMAT_BAD_TYPE, 48},
        {"TD body of an enclave", v5, 4, 4, 0, FORMAT_BAD_TYPE, 48},
        {"type 2 with the size of 3", v5, 48, 2, 2, FORMAT_BAD_SIZE, 50},
        {"type 4 with the size of 3", v5, 48, 2, 4, FORMAT_BAD_SIZE, 50},
        {"body size one short", v5, 50, 4, 647, FORMAT_BAD_SIZE, 50},
        {"body size 2^32-1", v5, 50, 4, 0xffffffff, FORMAT_BAD_SIZE, 50},
        {"v5 signature size", v5, SIG_LEN + 70, 4, 0x7fffffff, FORMAT_TRUNCATED, 706},
};

TEST_EACH(broken_field_is_named, broken)
{
	struct golden g = golden_read(broken[_i].file);
	struct quote q, untouched;
	uint64_t at = UINT64_MAX;
	enum format_code code;

	memset(&untouched, 0x5a, sizeof(untouched));
	memcpy(&q, &untouched, sizeof(q));
	memcpy(g.data + broken[_i].at, &broken[_i].value, (size_t)broken[_i].width);
	code = quote_parse(g.data, g.size, &q, &at);
	ck_assert_msg(code == broken[_i].code && at == broken[_i].offset,
	              "%s: %s at %ju, expected %s at %u", broken[_i].what, format_code_name(code),
	              (uintmax_t)at, format_code_name(broken[_i].code), broken[_i].offset);
	ck_assert_mem_eq(&q, &untouched, sizeof(q));
	golden_done(&g);
}

/* Every length: a copy of exactly that size, so that a read past the end is seen. */
TEST_RANGE(every_truncation, 0, 3)
{
	const char *const files[] = {v4, v5, "quote/sgx-5de6ba428b42.bin"};
	struct golden g = golden_read(files[_i]);

	for (size_t n = 0; n < g.size; n++) {
		uint8_t *cut = malloc(n ? n : 1);
		uint64_t at = UINT64_MAX;
		struct quote q;

		memcpy(cut, g.data, n);
		ck_assert_int_eq(quote_parse(cut, n, &q, &at), FORMAT_TRUNCATED);
		ck_assert_uint_le(at, n);
		free(cut);
	}
	golden_done(&g);
}

/* Every bit of everything before the certificates: never a crash, and views stay inside. */
TEST_RANGE(every_flip, 0, 3)
{
	const char *const files[] = {v4, v5, "quote/sgx-5de6ba428b42.bin"};
	struct golden g = golden_read(files[_i]);

	for (size_t bit = 0; bit < 1400 * 8; bit++) {
		struct quote q;

		g.data[bit / 8] ^= 1 << bit % 8;
		if (quote_parse(g.data, g.size, &q, NULL) == FORMAT_OK) {
			ck_assert(q.cert_data.data >= g.data);
			ck_assert(q.cert_data.data + q.cert_data.size + q.trailing <=
			          g.data + g.size);
		}
		g.data[bit / 8] ^= 1 << bit % 8;
	}
	golden_done(&g);
}

/* No such quote was collected: see cases/golden/quote/ORIGIN.md. */
TEST_RANGE(named_certificates, 0, 3)
{
	static const struct {
		const char *name;
		uint16_t type;
		size_t ppid_size;
		const char *ppid; /* where it begins; of an encrypted one SHA-256 of a zero byte */
	} files[] = {
	        {"quote/certification/ppid-plain.bin", 1, 16, NULL},
	        {"quote/certification/ppid-rsa2048.bin", 2, 256,
	         "6e340b9cffb37a989ca544e6bb780a2c"},
	        {"quote/certification/ppid-rsa3072.bin", 3, 384,
	         "6e340b9cffb37a989ca544e6bb780a2c"},
	};
	json_t *all = facts_read("quote");
	const json_t *pck = json_object_get(json_object_get(all, "9c3786b9b3d6.bin"), "pck");
	const char *file = files[_i].name;
	struct golden g = golden_read(file);
	static const uint8_t zeros[500];
	uint8_t out[QUOTE_MAX];
	struct quote q;
	uint64_t at;

	ck_assert_int_eq(quote_parse(g.data, g.size, &q, NULL), FORMAT_OK);
	ck_assert_uint_eq(q.cert_type, files[_i].type);
	ck_assert_uint_eq(q.pck_id.ppid.size, files[_i].ppid_size);
	ck_assert_ptr_eq(q.pck_id.ppid.data, q.cert_data.data);
	if (files[_i].ppid)
		assert_hex("encrypted PPID", q.pck_id.ppid.data, 16, files[_i].ppid);
	else
		facts_hex(pck, file, "ppid", q.pck_id.ppid.data, 16);
	facts_hex(pck, file, "cpusvn", q.pck_id.cpusvn, 16);
	facts_int(pck, file, "pcesvn", q.pck_id.pcesvn);
	facts_hex(pck, file, "pceid", q.pck_id.pceid, 2);
	for (size_t size = 0; size <= 500; size++) { /* only one size is its own */
		size_t n = recertify(g.data, g.size, files[_i].type, zeros, size, out);

		ck_assert_int_eq(quote_parse(out, n, &q, &at),
		                 size == files[_i].ppid_size + 20 ? FORMAT_OK : FORMAT_BAD_SIZE);
		ck_assert(size == files[_i].ppid_size + 20 || at == INNER + 2);
	}
	golden_done(&g);
	json_decref(all);
}

TEST(padding_is_counted)
{
	struct golden g = golden_read(v4);
	struct quote q;
	size_t size = g.size;

	g.data = realloc(g.data, QUOTE_MAX + 1);
	memset(g.data + size, 0, QUOTE_MAX + 1 - size);
	ck_assert_int_eq(quote_parse(g.data, 8000, &q, NULL), FORMAT_OK);
	ck_assert_uint_eq(q.trailing, 8000 - size);
	ck_assert_int_eq(quote_parse(g.data, QUOTE_MAX, &q, NULL), FORMAT_OK);
	ck_assert_int_eq(quote_parse(g.data, QUOTE_MAX + 1, &q, NULL), FORMAT_BAD_SIZE);
	golden_done(&g);
}

/*
 * Type 4 has no collected sample: a genuine type 3 quote with 237 bytes let in after its body,
 * each holding its own offset in the body, per the layout in Intel's quote verification library.
 */
TEST(partitioned_td)
{
	struct golden g = golden_read(v5);
	const size_t end = 54 + QUOTE_BODY_TDX_15_SIZE;
	const size_t more = QUOTE_BODY_TDX_15_EX_SIZE - QUOTE_BODY_TDX_15_SIZE;
	struct quote q;

	g.data = realloc(g.data, g.size + more);
	memmove(g.data + end + more, g.data + end, g.size - end);
	g.size += more;
	for (size_t i = 0; i < more; i++)
		g.data[end + i] = (uint8_t)(QUOTE_BODY_TDX_15_SIZE + i);
	g.data[48] = QUOTE_BODY_TDX_15_EX;
	g.data[50] = QUOTE_BODY_TDX_15_EX_SIZE & 0xff;
	g.data[51] = QUOTE_BODY_TDX_15_EX_SIZE >> 8;
	ck_assert_int_eq(quote_parse(g.data, g.size, &q, NULL), FORMAT_OK);
	ck_assert_uint_eq(q.body.size, QUOTE_BODY_TDX_15_EX_SIZE);
	ck_assert_uint_eq(q.td.vmid, 648 & 0xff);
	ck_assert_uint_eq(q.td.td_id[0], 649 & 0xff);
	ck_assert_uint_eq(q.td.dev_info[0], 681 & 0xff);
	ck_assert_uint_eq(q.td.init_servtd_hash[0], 729 & 0xff);
	ck_assert_uint_eq(q.td.init_servtd_attributes[0], 777 & 0xff);
	ck_assert_uint_eq(q.td.init_cpusvn[0], 785 & 0xff);
	ck_assert_uint_eq(q.td.init_tee_tcb_svn[0], 801 & 0xff);
	ck_assert_uint_eq(q.td.init_tee_fmspc[0], 817 & 0xff);
	ck_assert_uint_eq(q.td.cur_servtd_hash[0], 829 & 0xff);
	ck_assert_uint_eq(q.td.cur_servtd_attributes[7], 884 & 0xff);
	golden_done(&g);
}

/* A genuine TDREPORT turned into quote bodies, read back at the absolute offsets of the sheets. */
TEST(body_from_report)
{
	struct golden g = golden_read("tdreport/coco-tdx15.bin");
	const struct tdreport *t = (const struct tdreport *)g.data;
	const uint8_t user_data[20] = "quoting enclave id.";
	uint8_t out[702];

	ck_assert_uint_eq(quote_body_from_report(t, 3, user_data, out, sizeof(out)), 0);
	ck_assert_uint_eq(quote_body_from_report(t, 4, user_data, out, 631), 0);
	ck_assert_uint_eq(quote_body_from_report(t, 5, user_data, out, 701), 0);
	ck_assert_uint_eq(quote_body_from_report(t, 4, user_data, out, 632), 632);
	assert_hex("header", out, 28,
	           "0400020081000000"
	           "00000000"
	           "939a7233f79c4ca9940a0db3957f0607");
	ck_assert_mem_eq(out + 28, user_data, 20);
	ck_assert_mem_eq(out + 48, g.data + 264, 16);   /* TEE_TCB_SVN */
	ck_assert_mem_eq(out + 64, g.data + 280, 48);   /* MRSEAM */
	ck_assert_mem_eq(out + 168, g.data + 512, 16);  /* attributes and XFAM */
	ck_assert_mem_eq(out + 184, g.data + 528, 48);  /* MRTD */
	ck_assert_mem_eq(out + 376, g.data + 720, 192); /* RTMR0 to 3 */
	ck_assert_mem_eq(out + 568, g.data + 128, 64);  /* REPORTDATA */
	ck_assert_uint_eq(quote_body_from_report(t, 5, user_data, out, 702), 702);
	assert_hex("body head", out, 2, "0500");
	assert_hex("body head", out + 48, 6, "030088020000");
	ck_assert_mem_eq(out + 54 + 136, g.data + 528, 48);
	ck_assert_mem_eq(out + 54 + 584, g.data + 384, 16); /* TEE_TCB_SVN2 */
	ck_assert_mem_eq(out + 54 + 600, g.data + 912, 48); /* SERVTD_HASH */
	golden_done(&g);
}

TESTS("quote", .timeout = 60)
