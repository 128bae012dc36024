/* SPDX-License-Identifier: Apache-2.0 */
/* What was measured: the event log, and the registers in sysfs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conformance/conformance.h"
#include "format/eventlog.h"

#define CCEL     "/sys/firmware/acpi/tables/CCEL"
#define CCEL_LOG "/sys/firmware/acpi/tables/data/CCEL"

static uint8_t log_bytes[1 << 20];

/* ---- the event log ---- */
static void look_table(struct outcome *o, const void *of)
{
	uint8_t table[64], sum = 0;
	long n = read_file(CCEL, table, sizeof(table));
	enum format_code code;
	struct ccel c;
	uint64_t at = 0;

	(void)of;
	if (n < 0) {
		(n == -ENOENT ? fail : skip)(o, CCEL ": %s", errno_name(n));
		return;
	}
	for (long i = 0; i < n; i++)
		sum = (uint8_t)(sum + table[i]);
	code = ccel_parse(table, (size_t)n, &c, &at);
	if (code != FORMAT_OK)
		fail(o, "%s at byte %llu", format_code_name(code), (unsigned long long)at);
	else if (c.cc_type != 2 || c.cc_subtype != 0 || sum != 0)
		fail(o, "type %u, subtype %u, sum of its bytes %u", c.cc_type, c.cc_subtype, sum);
	else
		pass(o, "%llu bytes of log", (unsigned long long)c.log_length);
}

static long have_log(struct outcome *o)
{
	long n = read_file(CCEL_LOG, log_bytes, sizeof(log_bytes));

	if (n < 0)
		(n == -ENOENT ? fail : skip)(o, CCEL_LOG ": %s", errno_name(n));
	else if (n == sizeof(log_bytes))
		skip(o, "more than %zu bytes", sizeof(log_bytes));
	return n == sizeof(log_bytes) ? -EFBIG : n;
}

static void look_log(struct outcome *o, const void *of)
{
	long n = have_log(o);
	struct eventlog log;
	enum format_code code;
	uint64_t at = 0;

	(void)of;
	if (n < 0)
		return;
	code = eventlog_open(log_bytes, (size_t)n, &log, &at);
	if (code != FORMAT_OK)
		fail(o, "%s at byte %llu", format_code_name(code), (unsigned long long)at);
	else
		pass(o, "%u algorithms", log.algorithms);
}

static void look_replay(struct outcome *o, const void *of)
{
	int rtmr = *(const int *)of;
	uint8_t replayed[4][48];
	size_t events = 0;
	uint64_t at = 0;
	struct tdreport r;
	long n = have_log(o);

	if (n < 0 || !have_tdreport(o, 0, &r))
		return;
	enum format_code code = eventlog_replay(log_bytes, (size_t)n, replayed, &events, &at);
	if (code != FORMAT_OK)
		fail(o, "%s at byte %llu", format_code_name(code), (unsigned long long)at);
	else if (memcmp(replayed[rtmr], r.td.rtmr[rtmr], 48) != 0)
		fail(o,
		     "the log does not replay to it: events are missing, or it was extended since");
	else
		pass(o, "%zu events", events);
}

/* ---- the registers in sysfs ---- */
static long read_register(const char *name, uint8_t out[49])
{
	char path[128];

	snprintf(path, sizeof(path), MEASUREMENTS "/%s", name);
	return read_file(path, out, 49);
}

static void rtmr_name(int rtmr, char out[16])
{
	snprintf(out, 16, "rtmr%d:sha384", rtmr);
}

/* Compares all with a TDREPORT's: the name of the first that differs, or NULL. */
static const char *differing(const struct tdreport *r, long *ret_error)
{
	static const struct {
		const char *name;
		size_t offset;
	} registers[] = {
	        {"mrtd:sha384", offsetof(struct td_info, mrtd)},
	        {"mrconfigid", offsetof(struct td_info, mrconfigid)},
	        {"mrowner", offsetof(struct td_info, mrowner)},
	        {"mrownerconfig", offsetof(struct td_info, mrownerconfig)},
	        {"rtmr0:sha384", offsetof(struct td_info, rtmr[0])},
	        {"rtmr1:sha384", offsetof(struct td_info, rtmr[1])},
	        {"rtmr2:sha384", offsetof(struct td_info, rtmr[2])},
	        {"rtmr3:sha384", offsetof(struct td_info, rtmr[3])},
	};
	uint8_t value[49];

	for (size_t i = 0; i < COUNTED(registers); i++) {
		*ret_error = read_register(registers[i].name, value);
		if (*ret_error != 48 ||
		    memcmp(value, (const uint8_t *)&r->td + registers[i].offset, 48) != 0)
			return registers[i].name;
	}
	return NULL;
}

static bool have_sysfs(struct outcome *o)
{
	uint8_t value[49];
	long n = read_register("rtmr3:sha384", value);

	if (n == -ENOENT || n == -EACCES)
		skip(o, MEASUREMENTS ": %s (kernels since 6.16 have it)", errno_name(n));
	else if (n < 0)
		fail(o, "rtmr3: %s", errno_name(n));
	return n >= 0;
}

static void look_sysfs(struct outcome *o, const void *of)
{
	struct tdreport r;
	const char *name;
	long n = 0;

	(void)of;
	if (!have_sysfs(o) || !have_tdreport(o, 0, &r))
		return;
	name = differing(&r, &n);
	if (name)
		fail(o, "%s: %s", name, n < 0 ? errno_name(n) : "another value, or size");
	else
		pass(o, "8 registers, equal to the TDREPORT's");
}

/* Writes that must change nothing. */
static void look_refused(struct outcome *o, const void *of)
{
	uint8_t before[49], after[49], data[48] = {0};
	char path[128], name[16];
	long part, past;

	(void)of;
	if (!have_sysfs(o))
		return;
	for (int rtmr = 0; rtmr < TDX_RTMR_COUNT; rtmr++) {
		rtmr_name(rtmr, name);
		snprintf(path, sizeof(path), MEASUREMENTS "/%s", name);
		read_register(name, before);
		part = write_file(path, data, 47, 0);
		past = write_file(path, data, 47, 1);
		read_register(name, after);
		if (part == -EACCES) {
			skip(o, "%s: EACCES", name);
			return;
		}
		if (part != -EINVAL || past != -EINVAL || memcmp(before, after, 48) != 0) {
			fail(o, "%s: 47 bytes gave %ld, at offset 1 %ld, and the register is %s",
			     name, part, past, memcmp(before, after, 48) ? "another" : "as it was");
			return;
		}
	}
	pass(o, "EINVAL, and no register changed");
}

static void look_fixed(struct outcome *o, const void *of)
{
	static const char *const names[] = {"mrtd:sha384", "mrconfigid", "mrowner",
	                                    "mrownerconfig"};
	uint8_t data[48] = {0};
	char path[128];
	struct tdreport r;
	long n;

	(void)of;
	if (!have_sysfs(o) || !have_tdreport(o, 0, &r))
		return;
	for (size_t i = 0; i < COUNTED(names); i++) {
		snprintf(path, sizeof(path), MEASUREMENTS "/%s", names[i]);
		n = write_file(path, data, sizeof(data), 0);
		if (n >= 0) {
			fail(o, "%s could be written", names[i]);
			return;
		}
	}
	pass(o, "no write was taken");
}

/* ---- extending, for good ---- */
static void look_extend(struct outcome *o, const void *of)
{
	static const uint8_t digest[48] = "conformance: RTMR' = SHA-384(RTMR || digest)";
	int rtmr = *(const int *)of;
	struct tdreport before, after;
	uint8_t expected[48], value[49] = {0};
	char path[128], name[16];
	long n;

	if (!have_sysfs(o) || !have_tdreport(o, 0, &before))
		return;
	rtmr_name(rtmr, name);
	snprintf(path, sizeof(path), MEASUREMENTS "/%s", name);
	n = write_file(path, digest, sizeof(digest), 0);
	if (n == -EACCES || n == -EROFS) {
		skip(o, "%s: %s", name, errno_name(n));
		return;
	}
	if (n != sizeof(digest)) {
		fail(o, "%s: %s", name, n < 0 ? errno_name(n) : "a short write");
		return;
	}
	memcpy(expected, before.td.rtmr[rtmr], sizeof(expected));
	rtmr_extend(expected, digest);
	if (!have_tdreport(o, 0, &after))
		return;
	read_register(name, value);
	memcpy(before.td.rtmr[rtmr], expected, sizeof(expected));
	if (memcmp(value, expected, 48) != 0 || memcmp(after.td.rtmr[rtmr], expected, 48) != 0)
		fail(o, "the new value is not SHA-384 of the old one and what was written");
	else if (memcmp(&before.td, &after.td, sizeof(before.td)) != 0)
		fail(o, "another part of TDINFO_STRUCT changed too");
	else
		pass(o, "RTMR%d, and nothing else", rtmr);
}

static const int number[] = {0, 1, 2, 3};
static const struct row rows[] = {
        {"ccel-table", "the ACPI table CCEL names TDX and its bytes add up to 0",
         "ACPI 6.5, section 5.2.34", look_table, NULL},
        {"ccel-log", "the event log begins with a header that knows SHA-384",
         "TCG PC Client Platform Firmware Profile, section 10", look_log, NULL},
        {"ccel-rtmr0", "the event log replays to RTMR0", "UEFI 2.10, section 38.4", look_replay,
         &number[0]},
        {"ccel-rtmr1", "the event log replays to RTMR1", "UEFI 2.10, section 38.4", look_replay,
         &number[1]},
        {"ccel-rtmr2", "the event log replays to RTMR2, until something extends it",
         "UEFI 2.10, section 38.4", look_replay, &number[2]},
        {"rtmr-read", "sysfs shows the TDREPORT's registers", OF_SYSFS, look_sysfs, NULL},
        {"rtmr-sizes", "a write that is not 48 bytes at offset 0: EINVAL, and nothing is extended",
         OF_SYSFS ", rtmr[0123]", look_refused, NULL},
        {"rtmr-fixed", "MRTD and what the owner gave can't be written", OF_SYSFS ", mrtd",
         look_fixed, NULL},
};
const struct rows rows_measured = {rows, COUNTED(rows)};

#define OF_EXTEND "Intel TDX module ABI specification, TDG.MR.RTMR.EXTEND; " OF_SYSFS
static const struct row extend[] = {
        {"extend-rtmr2", "a write extends RTMR2 by SHA-384, and nothing else", OF_EXTEND,
         look_extend, &number[2]},
        {"extend-rtmr3", "a write extends RTMR3 by SHA-384, and nothing else", OF_EXTEND,
         look_extend, &number[3]},
};
const struct rows rows_extend = {extend, COUNTED(extend)};
