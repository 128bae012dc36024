/* SPDX-License-Identifier: Apache-2.0 */
/* configfs-tsm, and the quote that it gives. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conformance/conformance.h"
#include "format/quote.h"

#define TSM "/sys/kernel/config/tsm/report"

struct entry {
	char dir[96];
};

/* Makes a report entry; false, with the outcome said, when there can be none. */
static bool entry_make(struct outcome *o, struct entry *ret)
{
	int error = 0;

	snprintf(ret->dir, sizeof(ret->dir), TSM "/conformance-%d", (int)getpid());
	if (mkdir(ret->dir, 0700) < 0)
		error = errno;
	if (error == ENOENT || error == EACCES || error == EPERM || error == EROFS)
		skip(o, TSM ": %s", errno_name(error));
	else if (error)
		fail(o, "an entry of " TSM ": %s", errno_name(error));
	return error == 0;
}

static void entry_done(const struct entry *e)
{
	rmdir(e->dir);
}

static long entry_read(const struct entry *e, const char *name, void *out, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", e->dir, name);
	return read_file(path, out, size);
}

static long entry_write(const struct entry *e, size_t size)
{
	uint8_t data[128];
	char path[128];

	memset(data, 0xc3, sizeof(data));
	snprintf(path, sizeof(path), "%s/inblob", e->dir);
	return write_file(path, data, size, 0);
}

static long generation(const struct entry *e)
{
	char text[32] = "";
	long n = entry_read(e, "generation", text, sizeof(text) - 1);

	return n < 0 ? n : strtol(text, NULL, 10);
}

static void look_provider(struct outcome *o, const void *of)
{
	struct entry e;
	char text[40] = "";

	(void)of;
	if (!entry_make(o, &e))
		return;
	long n = entry_read(&e, "provider", text, sizeof(text) - 1);
	entry_done(&e);
	if (n < 0)
		fail(o, "%s", errno_name(n));
	else
		(strcmp(text, "tdx_guest\n") == 0 ? pass : fail)(o, "'%.*s'",
		                                                 (int)strcspn(text, "\n"), text);
}

static void look_generation(struct outcome *o, const void *of)
{
	struct entry e;
	long before, once, twice;

	(void)of;
	if (!entry_make(o, &e))
		return;
	before = generation(&e);
	entry_write(&e, 64);
	once = generation(&e);
	entry_write(&e, 64);
	twice = generation(&e);
	entry_done(&e);
	(before >= 0 && once == before + 1 && twice == once + 1 ? pass : fail)(o, "%ld, %ld, %ld",
	                                                                       before, once, twice);
}

static void look_sizes(struct outcome *o, const void *of)
{
	long full, more;
	struct entry e;

	(void)of;
	if (!entry_make(o, &e))
		return;
	full = entry_write(&e, 64);
	more = entry_write(&e, 65);
	entry_done(&e);
	if (full != 64 || more >= 0)
		fail(o, "64 bytes: %ld, 65 bytes: %ld", full, more);
	else
		pass(o, "64 bytes, and 65: %s", errno_name(more));
}

static void look_empty(struct outcome *o, const void *of)
{
	uint8_t byte;
	struct entry e;

	(void)of;
	if (!entry_make(o, &e))
		return;
	long n = entry_read(&e, "outblob", &byte, 1);
	entry_done(&e);
	(n == -EINVAL ? pass : fail)(o, "%s", n < 0 ? errno_name(n) : "bytes");
}

static void look_auxblob(struct outcome *o, const void *of)
{
	uint8_t byte;
	struct entry e;

	(void)of;
	if (!entry_make(o, &e))
		return;
	long n = entry_read(&e, "auxblob", &byte, 1);
	entry_done(&e);
	(n <= 0 ? pass : fail)(o, "%s", n < 0 ? errno_name(n) : n == 0 ? "nothing" : "bytes");
}

static void look_privlevel(struct outcome *o, const void *of)
{
	char path[128];
	struct entry e;
	struct stat st;

	(void)of;
	if (!entry_make(o, &e))
		return;
	snprintf(path, sizeof(path), "%s/privlevel_floor", e.dir);
	int error = stat(path, &st) < 0 ? errno : 0;
	entry_done(&e);
	/* Until 6.10 each provider had it, whatever it meant there. */
	if (!error)
		skip(o, "an older kernel shows it for each provider");
	else
		(error == ENOENT ? pass : fail)(o, "%s", errno_name(error));
}

/* ---- the quote ---- */
static uint8_t quote_bytes[QUOTE_MAX + 1];

/* Reads a quote over 64 bytes of 0xc3. Without a service that makes one there is none to look at. */
static bool have_quote(struct outcome *o, struct quote *ret)
{
	enum format_code code;
	uint64_t at = 0;
	struct entry e;
	long before, after, n;

	if (!entry_make(o, &e))
		return false;
	before = generation(&e);
	entry_write(&e, 64);
	n = entry_read(&e, "outblob", quote_bytes, sizeof(quote_bytes));
	after = generation(&e);
	entry_done(&e);
	if (n == 0 || n == -EIO || n == -ETIMEDOUT || n == -EBUSY || n == -EINTR) {
		skip(o, "the host gives no quote: %s", n ? errno_name(n) : "0 bytes");
		return false;
	}
	if (n < 0 || after != before + 1) {
		fail(o, "%s", n < 0 ? errno_name(n) : "the generation went up by another write");
		return false;
	}
	code = quote_parse(quote_bytes, (size_t)n, ret, &at);
	if (code != FORMAT_OK)
		fail(o, "no quote: %s at byte %llu", format_code_name(code),
		     (unsigned long long)at);
	return code == FORMAT_OK;
}

static void look_quote(struct outcome *o, const void *of)
{
	struct quote q;

	(void)of;
	if (!have_quote(o, &q))
		return;
	if (q.tee_type != QUOTE_TEE_TDX || q.version < 4 || q.version > 5 ||
	    q.body_type == QUOTE_BODY_SGX)
		fail(o, "version %u, TEE type %#x, body type %d", q.version, q.tee_type,
		     (int)q.body_type);
	else
		pass(o, "version %u, body type %d, key type %u", q.version, (int)q.body_type,
		     q.key_type);
}

static void look_quote_data(struct outcome *o, const void *of)
{
	uint8_t asked[64];
	struct quote q;

	(void)of;
	memset(asked, 0xc3, sizeof(asked));
	if (!have_quote(o, &q))
		return;
	if (memcmp(q.td.report_data, asked, sizeof(asked)) != 0)
		fail(o, "another REPORTDATA");
	else
		pass(o, "64 bytes as asked");
}

static void look_quote_registers(struct outcome *o, const void *of)
{
	struct tdreport r;
	struct quote q;

	(void)of;
	if (!have_tdreport(o, 0, &r) || !have_quote(o, &q))
		return;
	if (q.td.attributes != r.td.attributes || q.td.xfam != r.td.xfam)
		fail(o, "ATTRIBUTES or XFAM differ");
	else if (memcmp(q.td.mrtd, r.td.mrtd, 48) != 0 ||
	         memcmp(q.td.mrconfigid, r.td.mrconfigid, 48) != 0 ||
	         memcmp(q.td.mrowner, r.td.mrowner, 48) != 0 ||
	         memcmp(q.td.mrownerconfig, r.td.mrownerconfig, 48) != 0)
		fail(o, "MRTD or an MR of the owner differs");
	else if (memcmp(q.td.rtmr, r.td.rtmr, sizeof(r.td.rtmr)) != 0)
		fail(o, "an RTMR differs");
	else
		pass(o, "equal");
}

static void look_quote_key(struct outcome *o, const void *of)
{
	struct quote q;

	(void)of;
	if (!have_quote(o, &q))
		return;
	if (q.key_type != QUOTE_KEY_ECDSA_P256 || q.signature_data.size == 0)
		fail(o, "key type %u, %zu bytes of signature data", q.key_type,
		     q.signature_data.size);
	else
		pass(o, "ECDSA P-256, certification data of type %u", q.cert_type);
}

#define OF_GETQUOTE "GHCI, TDG.VP.VMCALL<GetQuote>; "
static const struct row rows[] = {
        {"tsm-provider", "configfs-tsm's provider is tdx_guest", OF_TSM ", provider", look_provider,
         NULL},
        {"tsm-generation", "the generation goes up by one with each write", OF_TSM ", generation",
         look_generation, NULL},
        {"tsm-inblob", "inblob takes 64 bytes and no more", OF_TSM ", inblob", look_sizes, NULL},
        {"tsm-outblob", "without an inblob there is no report: EINVAL",
         "Linux drivers/virt/coco, tsm_report_read()", look_empty, NULL},
        {"tsm-auxblob", "there is no auxblob, or an empty one", OF_TSM ", auxblob", look_auxblob,
         NULL},
        {"tsm-privlevel", "there are no privilege levels", OF_TSM ", privlevel", look_privlevel,
         NULL},
        {"quote-header", "the quote is one of a TD, version 4 or 5",
         "Intel TDX DCAP Quoting Library API, Quote Format", look_quote, NULL},
        {"quote-data", "it has the REPORTDATA that was asked for", OF_GETQUOTE OF_TSM,
         look_quote_data, NULL},
        {"quote-registers", "it has the TDREPORT's registers, ATTRIBUTES and XFAM",
         OF_GETQUOTE OF_REPORT, look_quote_registers, NULL},
        {"quote-key", "it is signed by ECDSA on P-256",
         "Intel TDX DCAP Quoting Library API, Quote Format", look_quote_key, NULL},
};
const struct rows rows_quote = {rows, COUNTED(rows)};
