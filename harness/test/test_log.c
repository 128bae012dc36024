/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "format/bytes.h"
#include "format/eventlog.h"
#include "format/sha2.h"
#include "measure/log.h"
#include "test/facts.h"
#include "test/tests.h"

static struct log read_golden(const char *name)
{
	struct golden g = golden_read(name);
	struct log l;
	struct err e;

	ck_assert_msg(log_read((struct bytes){g.data, g.size}, &l, NULL, &e) == 0, "%s: %s", name,
	              e.text);
	golden_done(&g); /* the log must hold its own copy */
	return l;
}

/* Every collected log of either kind against the replay of another parser. */
TEST(genuine_logs)
{
	json_t *all = facts_read("eventlog"), *facts;
	const char *file;
	size_t runtime = 0;

	json_object_foreach(all, file, facts)
	{
		char path[128];
		struct log l;

		snprintf(path, sizeof(path), "eventlog/%s", file);
		l = read_golden(path);
		facts_int(facts, file, "records", l.events);
		ck_assert_int_eq(l.json, json_is_true(json_object_get(facts, "json")));
		for (size_t i = 0; i < 4; i++)
			assert_hex(file, l.rtmr[i], 48,
			           json_string_value(
			                   json_array_get(json_object_get(facts, "rtmr"), i)));
		runtime += l.runtime;
		log_done(&l);
	}
	ck_assert_uint_eq(runtime, 5);
	json_decref(all);
}

static const struct {
	const char *log, *quote;
	enum log_match match[4];
} pairs[] = {
        {"eventlog/cos-113.bin", "quote/00b2526ab190.bin", {0}},
        {"eventlog/dstack-e473d06e1bd9.json", "quote/cbdb5b2f12b9.bin", {0}},
        {"eventlog/dstack-7cf7da7bc3ab.json", "quote/e1f54b3dc60e.bin", {0}},
        {"eventlog/dstack-a8c734540d58.json", "quote/d99bed10ec63.bin", {0}},
        {"eventlog/dstack-7d72af3315c4.json", "quote/e59b8d9aa409.bin", {0}},
        {"eventlog/dstack-03ef32484bc3.json", "quote/3f373371b048.bin", {0, 0, 0, LOG_DIFFERS}},
        {"eventlog/evidence-api.bin", "quote/3f49cfeb29e6.bin", {0, 0, LOG_DIFFERS, 0}},
        {"eventlog/dstack.bin",
         "quote/e1f54b3dc60e.bin",
         {0, LOG_DIFFERS, LOG_DIFFERS, LOG_UNEXPLAINED}},
};

TEST_EACH(against_the_quote, pairs)
{
	struct golden quote = golden_read(pairs[_i].quote);
	struct log l = read_golden(pairs[_i].log);
	struct quote q;

	ck_assert_int_eq(quote_parse(quote.data, quote.size, &q, NULL), FORMAT_OK);
	for (unsigned i = 0; i < 4; i++) {
		struct log_compare c;

		log_compare(&l, i, q.td.rtmr[i], &c);
		ck_assert_msg(c.match == pairs[_i].match[i], "%s RTMR%u %s", pairs[_i].log, i,
		              log_match_names[c.match]);
		ck_assert_int_eq(c.match == LOG_MATCHES, c.text[0] == '\0');
	}
	log_done(&l);
	golden_done(&quote);
}

/* ---- one change between what was logged and what was measured ---- */

/* RTMR0 of trustee-ovmf.bin has the events 1..11, 13, 14, 16 of the log. */
static const size_t rtmr0[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 16};
#define RTMR0_EVENTS 14

static void extend(uint8_t rtmr[48], const struct log *l, size_t event)
{
	rtmr_extend(rtmr, l->event[rtmr0[event]].digest);
}

TEST_RANGE(change_is_found, 0, 4 * RTMR0_EVENTS)
{
	struct log l = read_golden("eventlog/trustee-ovmf.bin");
	size_t at = (size_t)_i / 4;
	enum log_change expected = LOG_NO_CHANGE;
	uint8_t rtmr[48] = {0};
	struct log_compare c;

	for (size_t i = 0; i < RTMR0_EVENTS; i++) {
		if (i != at) {
			extend(rtmr, &l, i);
			continue;
		}
		switch (_i % 4) {
		case 0: /* never measured; the last one is as if the log went on after the quote */
			expected = at == RTMR0_EVENTS - 1 ? LOG_ENDS_EARLIER : LOG_EVENT_EXTRA;
			break;
		case 1:
			extend(rtmr, &l, i);
			extend(rtmr, &l, i);
			expected = LOG_EVENT_TWICE;
			break;
		case 2:
			if (i + 1 < RTMR0_EVENTS)
				extend(rtmr, &l, i + 1);
			extend(rtmr, &l, i);
			if (++i < RTMR0_EVENTS)
				expected = LOG_EVENT_MOVED;
			break;
		default:
			rtmr_extend(rtmr, (const uint8_t *)"something else, of at least 48 bytes, was "
			                                   "measured");
		}
	}
	log_compare(&l, 0, rtmr, &c);
	if (_i % 4 == 2 && at == RTMR0_EVENTS - 1) {
		ck_assert_int_eq(c.match, LOG_MATCHES); /* nothing follows to change places with */
	} else {
		ck_assert_int_eq(c.match, LOG_DIFFERS);
		ck_assert_int_eq(c.change, expected);
		ck_assert_str_ne(c.text, "");
		if (expected != LOG_NO_CHANGE)
			ck_assert_uint_eq(c.event, rtmr0[at]);
	}
	log_done(&l);
}

TEST(altered_digest_is_found)
{
	struct log l = read_golden("eventlog/trustee-ovmf.bin");
	uint8_t rtmr[48];
	struct log_compare c;

	memcpy(rtmr, l.rtmr[0], sizeof(rtmr));
	ck_assert(l.event[6].data_measured); /* variable db */
	l.event[6].digest[0] ^= 1;
	l.event[6].data_measured = false;
	memset(l.rtmr[0], 0, 48);
	for (size_t i = 0; i < RTMR0_EVENTS; i++)
		extend(l.rtmr[0], &l, i);
	log_compare(&l, 0, rtmr, &c);
	ck_assert_int_eq(c.change, LOG_EVENT_ALTERED);
	ck_assert_uint_eq(c.event, 6);
	log_done(&l);
}

TEST(early_and_empty)
{
	struct log l = read_golden("eventlog/trustee-ovmf.bin");
	uint8_t rtmr[48] = {0}, other[48] = {1};
	struct log_compare c;

	for (size_t i = 0; i < RTMR0_EVENTS; i++) {
		log_compare(&l, 0, rtmr, &c);
		ck_assert_int_eq(c.change, LOG_ENDS_EARLIER);
		ck_assert_uint_eq(c.event, rtmr0[i]);
		extend(rtmr, &l, i);
	}
	log_compare(&l, 0, rtmr, &c);
	ck_assert_int_eq(c.match, LOG_MATCHES);
	log_compare(&l, 3, other, &c);
	ck_assert_int_eq(c.match, LOG_UNEXPLAINED);
	log_done(&l);
	l = read_golden("eventlog/trustee-td-shim.bin");
	log_compare(&l, 2, other, &c);
	ck_assert_int_eq(c.change, LOG_NO_EVENTS);
	log_done(&l);
}

/* ---- what the lines say ---- */

static const struct {
	const char *log;
	size_t event;
	const char *type;
	int rtmr;
	bool measured;
	const char *what;
} lines[] = {
        {"trustee-ovmf.bin", 1, "EV_EFI_HANDOFF_TABLES2", 0, false, "table TdxTable"},
        {"trustee-ovmf.bin", 2, "EV_EFI_PLATFORM_FIRMWARE_BLOB2", 0, false,
         "firmware Fv(XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX) at 0xffc00000, 540672 bytes"},
        {"trustee-ovmf.bin", 3, "EV_EFI_VARIABLE_DRIVER_CONFIG", 0, true,
         "variable SecureBoot, empty"},
        {"trustee-ovmf.bin", 8, "EV_SEPARATOR", 0, true, "separator 00000000"},
        {"trustee-ovmf.bin", 12, "EV_EFI_BOOT_SERVICES_APPLICATION", 1, false,
         "program, 10854912 bytes, VenMedia(1428f772-b64a-441e-b8c3-9ebdd7f893c7)/kernel"},
        {"trustee-ovmf.bin", 13, "EV_EFI_VARIABLE_BOOT", 0, true, "variable BootOrder 0000"},
        {"trustee-ovmf.bin", 17, "EV_EVENT_TAG", 2, false,
         "kernel command line, as LOADED_IMAGE::LoadOptions"},
        {"trustee-grub.bin", 3, "EV_EFI_VARIABLE_DRIVER_CONFIG", 0, true,
         "variable SecureBoot = 1"},
        {"trustee-grub.bin", 19, "EV_EFI_BOOT_SERVICES_APPLICATION", 1, false,
         "program, 966664 bytes, PciRoot(0)/Pci(1,0)/Pci(0,0)/Pci(1,0)/Pci(0,0)/"
         "HD(15,GPT,00f1275e-5375-43d5-9eb5-de2add4c9932)/EFI/BOOT/BOOTX64.EFI"},
        {"cos-113.bin", 13, "EV_EFI_VARIABLE_BOOT", 0, true,
         "variable Boot0001 \"UEFI nvme_card-pd\" PciRoot(0)/Pci(4,0)/NVMe(1)"},
        {"cos-113.bin", 17, "EV_EFI_GPT_EVENT", 1, true,
         "partition table e0c6c56e-5ef7-8e4a-ace6-3c31a7f75a29, 12 partitions: STATE KERN-A "
         "ROOT-A KERN-B ROOT-B KERN-C ROOT-C OEM reserved reserved RWFW EFI-SYSTEM"},
        {"cos-113.bin", 26, "EV_IPL", 2, true, "grub_cmd: defaultA=2"},
        {"trustee-gke.bin", 1, "EV_NO_ACTION", -1, false, "SP800-155 Event3y+"},
        {"trustee-aael.bin", 86, "EV_EVENT_TAG", 3, true,
         "attestation agent: coco.com some-operation some-content"},
        {"dstack-e473d06e1bd9.json", 27, "runtime", 3, true,
         "LIUM_MINER_HOTKEY = 5D33PtgfkGYQsMLCMrKBjVEMTESqRYDFffT6r9jBdaH3eLt4"},
};

TEST_EACH(line_says, lines)
{
	char path[128], buffer[16];
	const struct log_event *ev;
	struct log l;

	snprintf(path, sizeof(path), "eventlog/%s", lines[_i].log);
	l = read_golden(path);
	ck_assert_uint_lt(lines[_i].event, l.events);
	ev = &l.event[lines[_i].event];
	ck_assert_str_eq(log_type_name(ev, buffer), lines[_i].type);
	ck_assert_str_eq(ev->what, lines[_i].what);
	ck_assert_int_eq(ev->rtmr, lines[_i].rtmr);
	ck_assert_int_eq(ev->data_measured, lines[_i].measured);
	log_done(&l);
}

/* Foreign text never reaches a terminal as it is, and a long one is cut. */
TEST(foreign_text)
{
	static const uint8_t evil[] = "a\x1b[31m\\\xc3\xa9\nb";
	uint8_t wide[2 * sizeof(evil)] = {0}, endless[4096];
	char out[DESCRIBE_MAX];

	event_describe(EV_EFI_ACTION, (struct bytes){evil, sizeof(evil)}, out);
	ck_assert_str_eq(out, "a\\x1b[31m\\x5c\\xc3\\xa9\\x0ab");
	for (size_t i = 0; i < sizeof(evil); i++)
		wide[2 * i] = evil[i];
	event_describe(EV_IPL, (struct bytes){wide, sizeof(wide)}, out);
	ck_assert_str_eq(out, "a\\x1b[31m\\x5c\\xc3\\xa9\\x0ab");
	memset(endless, 'x', sizeof(endless));
	event_describe(EV_IPL, (struct bytes){endless, sizeof(endless)}, out);
	ck_assert_uint_eq(strlen(out), DESCRIBE_MAX - 1);
	ck_assert_str_eq(out + DESCRIBE_MAX - 4, "...");
	event_describe(EV_EFI_GPT_EVENT, (struct bytes){NULL, 0}, out);
	ck_assert_str_eq(out, "malformed partition table");
}

/* ---- JSON ---- */

#define D48 "111111111111111111111111111111111111111111111111"
#define ONE                                                 \
	"{\"imr\":0,\"event_type\":4,\"digest\":\"" D48 D48 \
	"\",\"event\":\"\",\"event_payload\":\"00\"}"

static const struct {
	const char *text;
	enum format_code code; /* FORMAT_OK: one event or more */
	uint64_t offset;
} texts[] = {
        {"[" ONE "]", FORMAT_OK, 0},
        {" \n{\"events\": [" ONE "], \"quote\": \"x\"}", FORMAT_OK, 0},
        {"{\"event_log\":\"[{\\\"imr\\\":3,\\\"event_type\\\":134217729,\\\"digest\\\":\\\"\\\"}]"
         "\"}",
         FORMAT_OK, 0},
        {"[" ONE "] x", FORMAT_BAD_ENCODING, 0},
        {"[" ONE, FORMAT_BAD_ENCODING, 0},
        {"{}", FORMAT_MISSING, 0},
        {"{\"events\": 5}", FORMAT_MISSING, 0},
        {"{\"event_log\": \"{}\"}", FORMAT_MISSING, 0},
        {"[" ONE ", 5]", FORMAT_MISSING, 1},
        {"[" ONE ", {\"imr\":0,\"event_type\":4}]", FORMAT_MISSING, 1},
        {"[{\"imr\":4,\"event_type\":4,\"digest\":\"" D48 D48 "\"}]", FORMAT_BAD_VALUE, 0},
        {"[{\"imr\":-1,\"event_type\":4,\"digest\":\"" D48 D48 "\"}]", FORMAT_BAD_VALUE, 0},
        {"[{\"imr\":0,\"event_type\":4294967296,\"digest\":\"" D48 D48 "\"}]", FORMAT_BAD_VALUE, 0},
        {"[{\"imr\":0,\"event_type\":4,\"digest\":\"" D48 "\"}]", FORMAT_BAD_SIZE, 0},
        {"[{\"imr\":0,\"event_type\":4,\"digest\":\"" D48 D48 "11\"}]", FORMAT_BAD_SIZE, 0},
        {"[{\"imr\":0,\"event_type\":4,\"digest\":\"\"}]", FORMAT_MISSING, 0},
        {"[{\"imr\":0,\"event_type\":4,\"digest\":\"" D48
         "1111111111111111111111111111111111111111111111"
         "1g\"}]",
         FORMAT_BAD_ENCODING, 0},
        {"[{\"imr\":0,\"event_type\":4,\"digest\":\"" D48 D48 "\",\"event_payload\":\"0\"}]",
         FORMAT_BAD_ENCODING, 0},
};

TEST_EACH(json_forms, texts)
{
	struct bytes data = {(const uint8_t *)texts[_i].text, strlen(texts[_i].text)};
	struct format_fault fault = {FORMAT_OK, 0};
	struct log l = {0};
	struct err e;
	int r = log_read(data, &l, &fault, &e);

	ck_assert_msg(fault.code == texts[_i].code, "%s: %s", texts[_i].text,
	              format_code_name(fault.code));
	ck_assert_int_eq(r, texts[_i].code == FORMAT_OK ? 0 : -EBADMSG);
	if (r == 0)
		ck_assert_uint_ge(l.events, 1);
	else if (fault.code != FORMAT_BAD_ENCODING)
		ck_assert_uint_eq(fault.offset, texts[_i].offset);
	log_done(&l);
}

/* A runtime event without a digest gets the one its name and payload have. Expected:
 * python3 -c 'import hashlib; print(hashlib.sha384((0x08000001).to_bytes(4, "little") +
 * b":app-id:" + bytes.fromhex("abcd")).hexdigest())' */
TEST(runtime_digest)
{
	static const char text[] =
	        "[{\"imr\":3,\"event_type\":134217729,\"digest\":\"\","
	        "\"event\":\"app-id\",\"event_payload\":\"abcd\"}]";
	struct log l;

	ck_assert_int_eq(
	        log_read((struct bytes){(const uint8_t *)text, strlen(text)}, &l, NULL, NULL), 0);
	assert_hex("digest", l.event[0].digest, 48,
	           "8d70337cb34e7719eecb5cf5d10cbde0c8ffd4afb4592ae2"
	           "0b128d3d6f422d48d468c775f6ffd4505192284e12665052");
	ck_assert_str_eq(l.event[0].what, "app-id = abcd");
	ck_assert(l.runtime);
	log_done(&l);
}

TEST(refusals_are_named)
{
	struct golden g = golden_read("eventlog/trustee-csv-sm3.bin");
	struct format_fault fault;
	struct log l;
	struct err e;

	ck_assert_int_eq(log_read((struct bytes){g.data, g.size}, &l, &fault, &e), -EBADMSG);
	ck_assert_int_eq(fault.code, FORMAT_BAD_ALGORITHM);
	ck_assert_uint_eq(fault.offset, 56);
	ck_assert_ptr_nonnull(strstr(e.text, "bad-algorithm at byte 56"));
	ck_assert_int_eq(log_read((struct bytes){NULL, 0}, &l, &fault, &e), -EBADMSG);
	ck_assert_int_eq(fault.code, FORMAT_BAD_TYPE);
	ck_assert_ptr_nonnull(strstr(e.text, "an empty file"));
	golden_done(&g);
}

TESTS("log")
