/* SPDX-License-Identifier: Apache-2.0 */

#include "format/bytes.h"
#include "format/eventlog.h"
#include "format/quote.h"
#include "test/facts.h"
#include "test/tests.h"

/* Every collected log against the replay of another parser, whole, and without its padding. */
TEST(genuine_logs)
{
	json_t *all = facts_read("eventlog"), *facts;
	const char *file;

	ck_assert_uint_ge(json_object_size(all), 12);
	json_object_foreach(all, file, facts)
	{
		size_t end = (size_t)json_integer_value(json_object_get(facts, "end"));
		uint8_t rtmr[4][48];
		char path[128];
		struct golden g;
		size_t events;

		if (json_is_true(json_object_get(facts, "json")))
			continue; /* see test_log.c */
		snprintf(path, sizeof(path), "eventlog/%s", file);
		g = golden_read(path);
		for (size_t size = g.size; size >= end; size = size == end ? 0 : end) {
			ck_assert_int_eq(eventlog_replay(g.data, size, rtmr, &events, NULL),
			                 FORMAT_OK);
			facts_int(facts, file, "records", events);
			for (size_t i = 0; i < 4; i++) {
				json_t *hex = json_array_get(json_object_get(facts, "rtmr"), i);

				ck_assert_uint_eq(json_string_length(hex), 96);
				assert_hex(file, rtmr[i], 48, json_string_value(hex));
			}
		}
		golden_done(&g);
	}
	json_decref(all);
}

/* A log and the quote of the same boot: the registers that the log explains. */
static const struct {
	const char *log, *quote;
	int registers; /* RTMR0 up to this one, exclusive */
} pairs[] = {
        {"eventlog/cos-113.bin", "quote/00b2526ab190.bin", 3},
        {"eventlog/evidence-api.bin", "quote/3f49cfeb29e6.bin", 2},
        {"eventlog/trustee-gcp.bin", "quote/c6291192e85e.bin", 1},
        {"eventlog/dstack.bin", "quote/e1f54b3dc60e.bin", 1},
};

TEST_EACH(replays_to_the_quote, pairs)
{
	struct golden log = golden_read(pairs[_i].log), quote = golden_read(pairs[_i].quote);
	uint8_t rtmr[4][48];
	struct quote q;

	ck_assert_int_eq(eventlog_replay(log.data, log.size, rtmr, NULL, NULL), FORMAT_OK);
	ck_assert_int_eq(quote_parse(quote.data, quote.size, &q, NULL), FORMAT_OK);
	for (int i = 0; i < pairs[_i].registers; i++)
		ck_assert_mem_eq(rtmr[i], q.td.rtmr[i], 48);
	golden_done(&log);
	golden_done(&quote);
}

/* trustee-ovmf.bin: 21 records, RTMR0 first; the offsets are those of an independent dump. */
static const char ovmf[] = "eventlog/trustee-ovmf.bin";
#define OVMF_END 2120

TEST(records_of_a_log)
{
	struct golden g = golden_read(ovmf);
	enum format_code code;
	struct eventlog log;
	struct event ev;
	int n = 0;

	ck_assert_int_eq(eventlog_open(g.data, g.size, &log, NULL), FORMAT_OK);
	ck_assert_uint_eq(log.algorithms, 1);
	ck_assert_uint_eq(log.algorithm[0], 0xc);
	while (eventlog_next(&log, &ev, &code, NULL) > 0) {
		switch (n++) {
		case 0:
			ck_assert_uint_eq(ev.offset, 0);
			ck_assert_uint_eq(ev.type, EV_NO_ACTION);
			ck_assert(!ev.has_digest);
			ck_assert_uint_eq(ev.size, 33);
			break;
		case 1:
			ck_assert_uint_eq(ev.offset, 65);
			ck_assert_uint_eq(ev.index, 1);
			ck_assert_uint_eq(ev.type, EV_EFI_HANDOFF_TABLES2);
			assert_hex("digest", ev.digest, 48, "0b8772e5b0b4");
			ck_assert(memcmp(ev.data, "\x09TdxTable", 10) == 0);
			break;
		case 20:
			ck_assert_uint_eq(ev.offset, 2014);
			ck_assert_uint_eq(ev.size, 40);
			ck_assert(memcmp(ev.data, "Exit Boot Services Returned with Success", 40) ==
			          0);
			break;
		}
	}
	ck_assert_int_eq(code, FORMAT_OK);
	ck_assert_int_eq(n, 21);
	golden_done(&g);
}

TEST(sm3_only_log)
{
	struct golden g = golden_read("eventlog/trustee-csv-sm3.bin");
	uint8_t rtmr[4][48];
	uint64_t at = 0;

	ck_assert_int_eq(eventlog_replay(g.data, g.size, rtmr, NULL, &at), FORMAT_BAD_ALGORITHM);
	ck_assert_uint_eq(at, 32 + 24);
	golden_done(&g);
}

/* Offsets in trustee-ovmf.bin: header 0..64, record 1 (TD HOB) at 65, record 2 at 173. */
static const struct {
	const char *what;
	uint32_t at;
	int width;
	uint32_t value;
	enum format_code code;
	uint32_t offset;
} broken[] = {
        {"header type", 4, 4, 4, FORMAT_BAD_TYPE, 4},
        {"header size past the end", 28, 4, 0x7fffffff, FORMAT_TRUNCATED, 32},
        {"header size one short", 28, 4, 32, FORMAT_TRUNCATED, 64},
        {"header size one more", 28, 4, 34, FORMAT_TRAILING, 65},
        {"header signature", 32, 1, 's', FORMAT_BAD_MAGIC, 32},
        {"no algorithm", 56, 4, 0, FORMAT_BAD_COUNT, 56},
        {"nine algorithms", 56, 4, 9, FORMAT_BAD_COUNT, 56},
        {"2^32-1 algorithms", 56, 4, 0xffffffff, FORMAT_BAD_COUNT, 56},
        {"SHA-1 with SHA-384's size", 60, 2, 4, FORMAT_BAD_SIZE, 62},
        {"SHA-384 of 49 bytes", 62, 2, 49, FORMAT_BAD_SIZE, 62},
        {"unknown algorithm only", 60, 2, 0x77, FORMAT_BAD_ALGORITHM, 56},
        {"digest of 0 bytes", 62, 2, 0, FORMAT_BAD_SIZE, 62},
        {"vendor information past the header", 64, 1, 1, FORMAT_TRUNCATED, 65},
        {"two digests, one declared", 65 + 8, 4, 2, FORMAT_BAD_COUNT, 65 + 8},
        {"2^32-1 digests", 65 + 8, 4, 0xffffffff, FORMAT_BAD_COUNT, 65 + 8},
        {"no digest", 65 + 8, 4, 0, FORMAT_MISSING, 65 + 8},
        {"undeclared algorithm", 65 + 12, 2, 0xb, FORMAT_BAD_ALGORITHM, 65 + 12},
        {"event size past the end", 65 + 62, 4, 0xffffffff, FORMAT_TRUNCATED, 65 + 66},
        {"event size to the end but one", 65 + 62, 4, OVMF_END - 65 - 66 - 1, FORMAT_BAD_COUNT,
         OVMF_END - 1 + 8},
        {"event in the padding", OVMF_END + 100, 1, 0, FORMAT_TRAILING, OVMF_END + 100},
        {"padding of another kind", OVMF_END + 255, 1, 0xfe, FORMAT_TRAILING, OVMF_END + 255},
};

TEST_EACH(broken_field_is_named, broken)
{
	struct golden g = golden_read(ovmf);
	uint8_t rtmr[4][48], untouched[4][48];
	uint64_t at = UINT64_MAX;
	enum format_code code;
	size_t events = 77;

	memset(untouched, 0x5a, sizeof(untouched));
	memcpy(rtmr, untouched, sizeof(rtmr));
	memcpy(g.data + broken[_i].at, &broken[_i].value, (size_t)broken[_i].width);
	code = eventlog_replay(g.data, g.size, rtmr, &events, &at);
	ck_assert_msg(code == broken[_i].code && at == broken[_i].offset,
	              "%s: %s at %ju, expected %s at %u", broken[_i].what, format_code_name(code),
	              (uintmax_t)at, format_code_name(broken[_i].code), broken[_i].offset);
	ck_assert_mem_eq(rtmr, untouched, sizeof(rtmr));
	ck_assert_uint_eq(events, 77);
	golden_done(&g);
}

/* Without padding a cut is seen, but for one between two records. */
TEST(every_truncation)
{
	struct golden g = golden_read(ovmf);
	size_t whole = 0;

	for (size_t n = 0; n <= OVMF_END; n++) {
		uint8_t *cut = malloc(n ? n : 1), rtmr[4][48];
		uint64_t at = 0;
		enum format_code code;

		memcpy(cut, g.data, n);
		code = eventlog_replay(cut, n, rtmr, NULL, &at);
		ck_assert(code == FORMAT_OK || code == FORMAT_TRUNCATED);
		ck_assert_uint_le(at, n);
		whole += code == FORMAT_OK;
		free(cut);
	}
	ck_assert_uint_eq(whole, 21);
	golden_done(&g);
}

TEST(every_flip)
{
	struct golden g = golden_read(ovmf);
	uint8_t good[4][48], rtmr[4][48];

	ck_assert_int_eq(eventlog_replay(g.data, g.size, good, NULL, NULL), FORMAT_OK);
	for (size_t bit = 0; bit < OVMF_END * 8; bit++) {
		g.data[bit / 8] ^= 1 << bit % 8;
		eventlog_replay(g.data, g.size, rtmr, NULL, NULL);
		g.data[bit / 8] ^= 1 << bit % 8;
	}
	/* a flip of a digest alone changes just that register */
	g.data[65 + 14] ^= 1;
	ck_assert_int_eq(eventlog_replay(g.data, g.size, rtmr, NULL, NULL), FORMAT_OK);
	ck_assert_mem_ne(rtmr[0], good[0], 48);
	ck_assert_mem_eq(rtmr[1], good[1], 96);
	golden_done(&g);
}

/* Records built here: { index, type } with one SHA-384 digest of 0x11 and four bytes of data. */
struct builder {
	uint8_t data[1024];
	size_t size;
};

static void build_open(struct builder *b)
{
	struct golden g = golden_read(ovmf);

	memcpy(b->data, g.data, 65);
	b->size = 65;
	golden_done(&g);
}

static void build_record(struct builder *b, uint32_t index, uint32_t type, const void *data,
                         uint32_t size)
{
	uint8_t *p = b->data + b->size;

	memcpy(p, &index, 4);
	memcpy(p + 4, &type, 4);
	memcpy(p + 8, "\1\0\0\0\x0c\0", 6);
	memset(p + 14, 0x11, 48);
	memcpy(p + 62, &size, 4);
	memcpy(p + 66, data, size);
	b->size += 66 + size;
}

TEST(what_is_not_measured)
{
	uint8_t rtmr[4][48];
	struct builder b;
	size_t events;

	build_open(&b);
	build_record(&b, 0, EV_SEPARATOR, "mrtd", 4);
	build_record(&b, 0xffffffff, EV_SEPARATOR, "gce ", 4);
	build_record(&b, 1, EV_NO_ACTION, "what", 4);
	build_record(&b, 4, EV_SEPARATOR, "mine", 4);
	ck_assert_int_eq(eventlog_replay(b.data, b.size, rtmr, &events, NULL), FORMAT_OK);
	ck_assert_uint_eq(events, 5);
	ck_assert_mem_eq(rtmr[0], rtmr[1], 48);
	/* python3 -c 'import hashlib; print(hashlib.sha384(bytes(48) + b"\x11"*48).hexdigest())' */
	assert_hex("RTMR3", rtmr[3], 48,
	           "c7304e0aec48bbbc703c099b425485b7a60e19b6a83630b0"
	           "fb558ce2f02ec41e4cdf205335b4b613b3537ad83eb62262");
	assert_hex("RTMR0", rtmr[0], 48, "000000000000000000000000000000000000000000000000");
}

/* It has the same form, and is about other registers. */
TEST(log_of_a_tpm_is_refused)
{
	uint8_t rtmr[4][48];
	struct builder b;
	uint64_t at = 0;

	build_open(&b);
	build_record(&b, 1, EV_SEPARATOR, "aaaa", 4);
	build_record(&b, 5, EV_SEPARATOR, "none", 4);
	ck_assert_int_eq(eventlog_replay(b.data, b.size, rtmr, NULL, &at), FORMAT_BAD_VALUE);
	ck_assert_uint_eq(at, 65 + 70);
}

TEST(second_header_measures_nothing)
{
	uint8_t rtmr[4][48], alone[4][48];
	struct builder b, one;
	uint64_t at = 0;

	build_open(&b);
	build_record(&b, 1, EV_SEPARATOR, "aaaa", 4);
	build_record(&b, 1, EV_NO_ACTION, "Spec ID Event03\0more", 20);
	ck_assert_int_eq(eventlog_replay(b.data, b.size, rtmr, NULL, &at), FORMAT_OK);
	build_open(&one);
	build_record(&one, 1, EV_SEPARATOR, "aaaa", 4);
	ck_assert_int_eq(eventlog_replay(one.data, one.size, alone, NULL, &at), FORMAT_OK);
	ck_assert_mem_eq(rtmr, alone, sizeof(rtmr));
}

/* A header that declares SHA-256 and SHA-384, and records with what each row says. */
static const struct {
	const char *what;
	const char *digests; /* '2': SHA-256, '3': SHA-384 */
	uint32_t type;
	enum format_code code;
	uint32_t offset; /* in the record */
} banks[] = {
        {"both", "23", EV_SEPARATOR, FORMAT_OK, 0},
        {"the other way round", "32", EV_SEPARATOR, FORMAT_OK, 0},
        {"SHA-384 alone", "3", EV_SEPARATOR, FORMAT_OK, 0},
        {"SHA-256 alone", "2", EV_SEPARATOR, FORMAT_MISSING, 8},
        {"SHA-256 alone, not measured", "2", EV_NO_ACTION, FORMAT_OK, 0},
        {"none, not measured", "", EV_NO_ACTION, FORMAT_OK, 0},
        {"SHA-384 twice", "33", EV_SEPARATOR, FORMAT_DUPLICATE, 12 + 50},
        {"SHA-256 twice", "22", EV_SEPARATOR, FORMAT_DUPLICATE, 12 + 34},
        {"three digests of two", "233", EV_SEPARATOR, FORMAT_BAD_COUNT, 8},
};

static void append_le(struct builder *b, uint64_t value, size_t size)
{
	memcpy(b->data + b->size, &value, size);
	b->size += size;
}

static void build_two_banks(struct builder *b)
{
	build_open(b);
	b->data[28] += 4; /* the header's size */
	b->size = 56;
	append_le(b, 2, 4);
	append_le(b, 0xb | 32 << 16, 4);
	append_le(b, 0xc | 48 << 16, 4);
	append_le(b, 0, 1);
}

TEST_EACH(several_banks, banks)
{
	const char *digests = banks[_i].digests;
	uint8_t rtmr[4][48];
	enum format_code code;
	struct builder b;
	uint64_t at = 0;
	size_t record;

	build_two_banks(&b);
	record = b.size;
	append_le(&b, 1, 4);
	append_le(&b, banks[_i].type, 4);
	append_le(&b, strlen(digests), 4);
	for (; *digests; digests++) {
		append_le(&b, *digests == '2' ? 0xb : 0xc, 2);
		memset(b.data + b.size, 0x11, 48);
		b.size += *digests == '2' ? 32 : 48;
	}
	append_le(&b, 0, 4);
	code = eventlog_replay(b.data, b.size, rtmr, NULL, &at);
	ck_assert_msg(code == banks[_i].code, "%s: %s", banks[_i].what, format_code_name(code));
	if (code != FORMAT_OK)
		ck_assert_uint_eq(at, record + banks[_i].offset);
	else if (banks[_i].type == EV_SEPARATOR)
		assert_hex("RTMR0", rtmr[0], 48,
		           "c7304e0aec48bbbc703c099b425485b7a60e19b6a83630b0"
		           "fb558ce2f02ec41e4cdf205335b4b613b3537ad83eb62262");
}

TEST(bank_declared_twice)
{
	struct eventlog log;
	struct builder b;
	uint64_t at = 0;

	build_two_banks(&b);
	b.data[60] = 0xc;
	b.data[62] = 48;
	ck_assert_int_eq(eventlog_open(b.data, b.size, &log, &at), FORMAT_DUPLICATE);
	ck_assert_uint_eq(at, 64);
}

TEST(event_names)
{
	ck_assert_str_eq(event_type_name(EV_SEPARATOR), "EV_SEPARATOR");
	ck_assert_str_eq(event_type_name(EV_EFI_VARIABLE_AUTHORITY), "EV_EFI_VARIABLE_AUTHORITY");
	ck_assert_ptr_null(event_type_name(0x12345678));
}

TEST(ccel_table)
{
	struct golden g = golden_read("eventlog/cos-113-ccel.bin");
	struct ccel c = {.cc_type = 99};
	uint64_t at = 0;

	ck_assert_uint_eq(g.size, 56);
	for (size_t bit = 0; bit < 56 * 8; bit++) {
		g.data[bit / 8] ^= 1 << bit % 8; /* the checksum sees every single flip */
		ck_assert_int_ne(ccel_parse(g.data, g.size, &c, &at), FORMAT_OK);
		g.data[bit / 8] ^= 1 << bit % 8;
	}
	for (size_t n = 0; n < 56; n++)
		ck_assert_int_eq(ccel_parse(g.data, n, &c, &at), FORMAT_TRUNCATED);
	ck_assert_uint_eq(c.cc_type, 99);
	ck_assert_int_eq(ccel_parse(g.data, g.size, &c, NULL), FORMAT_OK);
	ck_assert_uint_eq(c.cc_type, 2);
	ck_assert_uint_eq(c.cc_subtype, 0);
	ck_assert_uint_eq(c.log_length, 262144);
	ck_assert_uint_eq(c.log_address, 0xbedbf000);
	g.data[20]++;
	ck_assert_int_eq(ccel_parse(g.data, g.size, &c, &at), FORMAT_BAD_VALUE);
	ck_assert_uint_eq(at, 9);
	golden_done(&g);
}

TESTS("eventlog", .timeout = 60)
