/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/log_form.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/cleanup.h"
#include "core/file.h"
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

int log_unwrap(struct bytes data, struct bytes *ret, struct err *e)
{
	struct bytes packed = {NULL, 0};
	int r = is_gzip(data) ? gunzip(data, &packed, e) : 0;

	if (r < 0)
		return r;
	r = from_text(packed.data ? packed : data, ret, e);
	if (ret->data || r < 0)
		bytes_free(&packed);
	else
		*ret = packed;
	return r;
}

/* ---- other things ---- */

static bool begins(struct bytes b, const char *with)
{
	return b.size >= strlen(with) && memcmp(b.data, with, strlen(with)) == 0;
}

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

const char *log_is_something_else(struct bytes b)
{
	if (b.size == 0)
		return "an empty file: no log was written into it";
	if (all_are(b, 0xff))
		return "an erased area (0xff only): no log was written into it";
	if (all_are(b, 0))
		return "an area of zeros: no log was written into it";
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
