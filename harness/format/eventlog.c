/* SPDX-License-Identifier: Apache-2.0 */
#include "format/eventlog.h"

#include <string.h>

#include "format/bytes.h"
#include "format/reader.h"

enum { /* TCG algorithm registry */
       ALG_SHA1 = 0x4,
       ALG_SHA256 = 0xb,
       ALG_SHA384 = 0xc,
       ALG_SHA512 = 0xd,
       ALG_SM3_256 = 0x12
};

#define DIGEST_MAX     64
#define ALGORITHMS_MAX 8
#define SPEC_ID        "Spec ID Event03" /* with its NUL: 16 bytes */
#define SHA1_SIZE      20

static const struct {
	uint32_t type;
	const char *name;
} types[] = {
        {EV_POST_CODE, "EV_POST_CODE"},
        {EV_NO_ACTION, "EV_NO_ACTION"},
        {EV_SEPARATOR, "EV_SEPARATOR"},
        {EV_EVENT_TAG, "EV_EVENT_TAG"},
        {EV_PLATFORM_CONFIG_FLAGS, "EV_PLATFORM_CONFIG_FLAGS"},
        {EV_IPL, "EV_IPL"},
        {EV_EFI_VARIABLE_DRIVER_CONFIG, "EV_EFI_VARIABLE_DRIVER_CONFIG"},
        {EV_EFI_VARIABLE_BOOT, "EV_EFI_VARIABLE_BOOT"},
        {EV_EFI_BOOT_SERVICES_APPLICATION, "EV_EFI_BOOT_SERVICES_APPLICATION"},
        {EV_EFI_BOOT_SERVICES_DRIVER, "EV_EFI_BOOT_SERVICES_DRIVER"},
        {EV_EFI_RUNTIME_SERVICES_DRIVER, "EV_EFI_RUNTIME_SERVICES_DRIVER"},
        {EV_EFI_GPT_EVENT, "EV_EFI_GPT_EVENT"},
        {EV_EFI_ACTION, "EV_EFI_ACTION"},
        {EV_EFI_PLATFORM_FIRMWARE_BLOB, "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
        {EV_EFI_HANDOFF_TABLES, "EV_EFI_HANDOFF_TABLES"},
        {EV_EFI_PLATFORM_FIRMWARE_BLOB2, "EV_EFI_PLATFORM_FIRMWARE_BLOB2"},
        {EV_EFI_HANDOFF_TABLES2, "EV_EFI_HANDOFF_TABLES2"},
        {EV_EFI_VARIABLE_BOOT2, "EV_EFI_VARIABLE_BOOT2"},
        {EV_EFI_GPT_EVENT2, "EV_EFI_GPT_EVENT2"},
        {EV_EFI_VARIABLE_AUTHORITY, "EV_EFI_VARIABLE_AUTHORITY"},
};

const char *event_type_name(uint32_t type)
{
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		if (types[i].type == type)
			return types[i].name;
	}
	return NULL;
}

/* The size that an algorithm's digest must have, 0 when the algorithm is not known here. */
static uint16_t digest_size_of(uint16_t algorithm)
{
	switch (algorithm) {
	case ALG_SHA1:
		return SHA1_SIZE;
	case ALG_SHA256:
	case ALG_SM3_256:
		return 32;
	case ALG_SHA384:
		return 48;
	case ALG_SHA512:
		return 64;
	default:
		return 0;
	}
}

static size_t find_algorithm(const struct eventlog *log, uint16_t algorithm)
{
	size_t i = 0;

	while (i < log->algorithms && log->algorithm[i] != algorithm)
		i++;
	return i;
}

/* The header's list of algorithms, each with its digest's size. */
static void read_algorithms(struct reader *r, struct eventlog *log)
{
	uint64_t at = reader_offset(r);
	uint32_t count = reader_u32(r);

	if (reader_ok(r) && (count == 0 || count > ALGORITHMS_MAX))
		reader_fail(r, FORMAT_BAD_COUNT, at);
	for (uint32_t i = 0; reader_ok(r) && i < count; i++) {
		uint64_t entry = reader_offset(r);
		uint16_t algorithm = reader_u16(r), size = reader_u16(r);
		uint16_t expected = digest_size_of(algorithm);

		if (size == 0 || size > DIGEST_MAX || (expected && size != expected))
			reader_fail(r, FORMAT_BAD_SIZE, entry + 2);
		if (find_algorithm(log, algorithm) < log->algorithms)
			reader_fail(r, FORMAT_DUPLICATE, entry);
		log->algorithm[i] = algorithm;
		log->digest_size[i] = size;
		log->algorithms = i + 1;
	}
	if (reader_ok(r) && find_algorithm(log, log->bank) == log->algorithms)
		reader_fail(r, FORMAT_BAD_ALGORITHM, at);
}

/* TCG_EfiSpecIDEvent, the data of the log's first record. */
static void read_spec_id(struct reader *r, struct eventlog *log)
{
	uint64_t at = reader_offset(r);
	const uint8_t *signature = reader_bytes(r, sizeof(SPEC_ID));

	if (signature && memcmp(signature, SPEC_ID, sizeof(SPEC_ID)) != 0)
		reader_fail(r, FORMAT_BAD_MAGIC, at);
	reader_skip(r, 8); /* platform class, specification version, size of UINTN */
	read_algorithms(r, log);
	reader_skip(r, reader_u8(r)); /* vendor's information */
	reader_end(r, NULL);
}

/* The first record has the form of TCG 1.2: TCG_PCClientPCREvent, with one SHA-1 digest. */
static void read_header(struct reader *r, struct event *ev)
{
	uint64_t at = reader_offset(r);

	ev->index = reader_u32(r);
	ev->type = reader_u32(r);
	if (reader_ok(r) && ev->type != EV_NO_ACTION)
		reader_fail(r, FORMAT_BAD_TYPE, at + 4);
	reader_skip(r, SHA1_SIZE);
	ev->size = reader_u32(r);
}

enum format_code eventlog_open(const void *data, size_t size, struct eventlog *ret,
                               uint64_t *ret_offset)
{
	return eventlog_open_bank(data, size, ALG_SHA384, ret, ret_offset);
}

enum format_code eventlog_open_bank(const void *data, size_t size, uint16_t bank,
                                    struct eventlog *ret, uint64_t *ret_offset)
{
	struct eventlog log = {.data = data, .size = size, .bank = bank};
	enum format_code code;
	struct event ev;
	struct reader r = reader_of(data, size), spec;

	if (size > EVENTLOG_MAX)
		reader_fail(&r, FORMAT_BAD_SIZE, EVENTLOG_MAX);
	read_header(&r, &ev);
	spec = reader_sub(&r, ev.size);
	read_spec_id(&spec, &log);
	code = reader_result(&spec, ret_offset);
	if (code == FORMAT_OK)
		*ret = log;
	return code;
}

/* Into a register of that kind. */
static bool measures(const struct eventlog *log, const struct event *ev)
{
	if (log->bank == ALG_SHA384)
		return event_extends(ev);
	return ev->type != EV_NO_ACTION && ev->index < 24;
}

/* TPML_DIGEST_VALUES: only what the header declared, each once. */
static void read_digests(struct reader *r, const struct eventlog *log, struct event *ev)
{
	uint64_t at = reader_offset(r);
	uint32_t count = reader_u32(r), seen = 0;

	if (reader_ok(r) && count > log->algorithms)
		reader_fail(r, FORMAT_BAD_COUNT, at);
	for (uint32_t i = 0; reader_ok(r) && i < count; i++) {
		uint64_t entry = reader_offset(r);
		uint16_t algorithm = reader_u16(r);
		size_t which = find_algorithm(log, algorithm);

		if (which == log->algorithms) {
			reader_fail(r, FORMAT_BAD_ALGORITHM, entry);
			return;
		}
		if (seen & 1u << which)
			reader_fail(r, FORMAT_DUPLICATE, entry);
		seen |= 1u << which;
		if (algorithm == log->bank && log->digest_size[which] <= sizeof(ev->digest)) {
			reader_copy(r, ev->digest, log->digest_size[which]);
			ev->has_digest = true;
		} else {
			reader_skip(r, log->digest_size[which]);
		}
	}
	/* What was measured into an RTMR without saying how cannot be replayed. */
	if (reader_ok(r) && !ev->has_digest && measures(log, ev))
		reader_fail(r, FORMAT_MISSING, at);
}

static void read_record(struct reader *r, const struct eventlog *log, struct event *ev)
{
	ev->index = reader_u32(r);
	ev->type = reader_u32(r);
	read_digests(r, log, ev);
	ev->size = reader_u32(r);
}

/*
 * Whether the log ends at `pos`: nothing is left, or only padding. Register -1 alone is no sign, as
 * some firmware logs that; neither event type is one that exists.
 */
static bool at_end(const struct eventlog *log, struct reader *r)
{
	uint8_t fill;

	if (reader_left(r) == 0)
		return true;
	fill = r->data[r->pos];
	if (fill != 0 && fill != 0xff)
		return false;
	for (size_t i = 0; i < 8 && i < reader_left(r); i++) {
		if (r->data[r->pos + i] != fill)
			return false;
	}
	for (size_t i = r->pos; i < log->size; i++) {
		if (r->data[i] != fill) {
			reader_fail(r, FORMAT_TRAILING, i);
			break;
		}
	}
	return true;
}

int eventlog_next(struct eventlog *log, struct event *ret, enum format_code *ret_code,
                  uint64_t *ret_offset)
{
	struct event ev = {.offset = log->pos};
	struct reader r = reader_of(log->data, log->size);

	reader_skip(&r, log->pos);
	if (at_end(log, &r)) {
		*ret_code = reader_result(&r, ret_offset);
		return *ret_code == FORMAT_OK ? 0 : -1;
	}
	if (log->pos == 0)
		read_header(&r, &ev);
	else
		read_record(&r, log, &ev);
	ev.data = reader_bytes(&r, ev.size);
	*ret_code = reader_result(&r, ret_offset);
	if (*ret_code != FORMAT_OK)
		return -1;
	log->pos = r.pos;
	*ret = ev;
	return 1;
}

bool event_extends(const struct event *ev)
{
	return ev->type != EV_NO_ACTION && ev->index >= 1 && ev->index <= TDX_RTMR_COUNT;
}

bool event_of_tpm(const struct event *ev)
{
	return ev->type != EV_NO_ACTION && ev->index > TDX_RTMR_COUNT && ev->index < 24;
}

enum format_code eventlog_replay(const void *data, size_t size, uint8_t ret_rtmr[4][48],
                                 size_t *ret_events, uint64_t *ret_offset)
{
	uint8_t rtmr[TDX_RTMR_COUNT][TDX_DIGEST_SIZE] = {0};
	struct eventlog log;
	struct event ev;
	enum format_code code = eventlog_open(data, size, &log, ret_offset);
	size_t events = 0;
	int more;

	if (code != FORMAT_OK)
		return code;
	while ((more = eventlog_next(&log, &ev, &code, ret_offset)) > 0) {
		events++;
		if (event_of_tpm(&ev)) {
			if (ret_offset)
				*ret_offset = ev.offset;
			return FORMAT_BAD_VALUE;
		}
		if (event_extends(&ev))
			rtmr_extend(rtmr[ev.index - 1], ev.digest);
	}
	if (more < 0)
		return code;
	memcpy(ret_rtmr, rtmr, sizeof(rtmr));
	if (ret_events)
		*ret_events = events;
	return FORMAT_OK;
}
