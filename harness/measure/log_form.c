/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/log_parts.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "format/bytes.h"
#include "format/eventlog.h"
#include "format/text.h"

/* ---- gzip ---- */

#define GZIP_WINDOW (15 + 16) /* the largest window, and a gzip header before the data */

static bool is_gzip(struct bytes b)
{
	return b.size > 18 && b.data[0] == 0x1f && b.data[1] == 0x8b && b.data[2] == 8;
}

static int gunzip(struct bytes packed, struct bytes *ret, struct err *e)
{
	_cleanup_(freep) uint8_t *out = malloc(EVENTLOG_MAX);
	z_stream z = {.next_in = (uint8_t *)packed.data,
	              .avail_in = (unsigned)packed.size,
	              .next_out = out,
	              .avail_out = EVENTLOG_MAX};
	int r;

	if (!out || inflateInit2(&z, GZIP_WINDOW) != Z_OK)
		return err_nomem(e);
	r = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	if (r != Z_STREAM_END)
		return err_set(e, -EBADMSG, "event log: a gzip file that is %s",
		               z.avail_out == 0 ? "larger than any log" : "cut or damaged");
	ret->size = z.total_out;
	ret->data = TAKE_PTR(out);
	return 0;
}

/* ---- text ---- */

/* Takes white space out of what may be hexadecimal, base64 or base64url, which becomes base64; 0
 * when there is another byte. */
static size_t squeeze(struct bytes in, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < in.size; i++) {
		char c = (char)in.data[i];

		if (isspace(in.data[i]))
			continue;
		if (!isalnum(in.data[i]) && !memchr("+/=-_", c, 5))
			return 0;
		out[n++] = c == '-' ? '+' : c == '_' ? '/' : c;
	}
	return n;
}

/* A log in binary begins with a register's number, so with a zero: it never looks like text. */
static int from_text(struct bytes in, struct bytes *ret, struct err *e)
{
	_cleanup_(freep) char *text = malloc(in.size + 4);
	_cleanup_(freep) uint8_t *out = malloc(BASE64_DECODED_MAX(in.size + 3));
	size_t length, hex;

	if (!text || !out)
		return err_nomem(e);
	length = squeeze(in, text);
	if (length == 0)
		return 0;
	hex = length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 2 : 0;
	if (hex_decode(text + hex, length - hex, out, &ret->size) == FORMAT_OK) {
		ret->data = TAKE_PTR(out);
		return 0;
	}
	while (length % 4 != 0) /* written without its padding */
		text[length++] = '=';
	if (base64_decode(text, length, out, &ret->size) == FORMAT_OK)
		ret->data = TAKE_PTR(out);
	return 0;
}

/* ---- what is around text ---- */

static bool begins(struct bytes b, const char *with)
{
	return b.size >= strlen(with) && memcmp(b.data, with, strlen(with)) == 0;
}

static struct bytes without_mark(struct bytes b)
{
	static const char mark[] = "\xef\xbb\xbf"; /* UTF-8's byte order mark */

	return begins(b, mark) ? (struct bytes){b.data + 3, b.size - 3} : b;
}

/* The lines between "-----BEGIN ...-----" and "-----END ...-----", or everything. */
static struct bytes without_armour(struct bytes b)
{
	const uint8_t *from, *to;

	if (!begins(b, "-----BEGIN ") || !(from = memchr(b.data, '\n', b.size)))
		return b;
	to = memmem(from, b.size - (size_t)(from - b.data), "-----END ", 9);
	return to ? (struct bytes){from, (size_t)(to - from)} : b;
}

/* The log as one text in a member, as evidence comes to verifiers: cc_eventlog is that of Trustee. */
static int from_member(struct bytes in, struct bytes *ret, struct err *e)
{
	static const char *const names[] = {"ccel", "cc_eventlog"};
	json_t *root;
	int r = 0;

	if (in.size == 0 || in.data[0] != '{')
		return 0;
	root = json_loadb((const char *)in.data, in.size, JSON_REJECT_DUPLICATES, NULL);
	for (size_t i = 0; r == 0 && !ret->data && i < COUNT_OF(names); i++) {
		const json_t *v = json_object_get(root, names[i]);

		if (json_is_string(v))
			r = from_text((struct bytes){(const uint8_t *)json_string_value(v),
			                             json_string_length(v)},
			              ret, e);
	}
	json_decref(root);
	return r;
}

int log_unwrap(struct bytes data, struct bytes *ret, struct err *e)
{
	_cleanup_(bytes_free) struct bytes packed = {NULL, 0};
	struct bytes text;
	uint8_t *copy;
	int r = is_gzip(data) ? gunzip(data, &packed, e) : 0;

	if (r < 0)
		return r;
	text = without_mark(packed.data ? packed : data);
	r = from_member(text, ret, e);
	if (r == 0 && !ret->data)
		r = from_text(without_armour(text), ret, e);
	if (r < 0 || ret->data || text.data == data.data)
		return r;
	copy = malloc(text.size + 1); /* neither, but no more what it was given as */
	if (!copy)
		return err_nomem(e);
	memcpy(copy, text.data, text.size);
	copy[text.size] = 0;
	*ret = (struct bytes){copy, text.size};
	return 0;
}

/* ---- other things ---- */

static bool holds(struct bytes b, const char *what)
{
	return memmem(b.data, b.size, what, strlen(what)) != NULL;
}

static bool all_are(struct bytes b, uint8_t value)
{
	size_t i = 0;

	while (i < b.size && b.data[i] == value)
		i++;
	return b.size > 0 && i == b.size;
}

/* Packed, and told by how it begins. */
static const char *packed_as(struct bytes b)
{
	static const struct {
		const char *begin, *said;
	} forms[] = {
	        {"\xfd"
	         "7zXZ",
	         "an xz file: unpack it with 'xz -d'"},
	        {"\x28\xb5\x2f\xfd", "a zstd file: unpack it with 'zstd -d'"},
	        {"BZh", "a bzip2 file: unpack it with 'bzip2 -d'"},
	        {"PK\x03\x04", "a zip archive: unpack it and give the log in it"},
	        {"\xff\xfe", "text in UTF-16: write it as UTF-8"},
	        {"\xfe\xff", "text in UTF-16: write it as UTF-8"},
	};

	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		if (begins(b, forms[i].begin))
			return forms[i].said;
	}
	return NULL;
}

const char *log_is_something_else(struct bytes b)
{
	if (b.size == 0)
		return "an empty file: no log was written into it";
	if (all_are(b, 0xff))
		return "an erased area (0xff only): no log was written into it";
	if (all_are(b, 0))
		return "an area of zeros: no log was written into it";
	if (packed_as(b))
		return packed_as(b);
	if (begins(b, "CCEL"))
		return "the ACPI table CCEL, which says where the log is; the log itself is "
		       "/sys/firmware/acpi/tables/data/CCEL";
	if (begins(b, "INIT sha"))
		return "the text log of a Confidential Containers attestation agent, which has "
		       "what was extended at run time only; the firmware's log is "
		       "/sys/firmware/acpi/tables/data/CCEL";
	if (b.data[0] == 0x1e || (b.data[0] == '{' && holds(b, "\"hashAlg\"")))
		return "systemd's measurement log (JSON-SEQ), which is of a TPM's registers and "
		       "not of RTMRs";
	if (b.data[0] == '[' && holds(b, "\"tcg_events\""))
		return "the JSON of Intel Trust Authority's client, which lacks what was "
		       "measured; give the CCEL data that it was made from";
	if (b.data[0] == '[' && holds(b, "\"AlgID\""))
		return "the JSON of cc-api's evidence API; give the CCEL data that it was made "
		       "from";
	return NULL;
}
