/* SPDX-License-Identifier: Apache-2.0 */
#include "format/qgs.h"

#include <string.h>

#include "format/reader.h"

/* A header: u16 major and minor version, u32 type, u32 size of the whole message, u32 error. */
#define REQUEST_SIZES (QGS_HEADER_SIZE + 8) /* u32 report size, u32 ID list size */
#define RESPONSE_HEAD (QGS_HEADER_SIZE + 8) /* u32 selected ID size, u32 quote size */

/* `want` is the message type that is expected here. Returns the error that it tells. */
static uint32_t read_header(struct reader *r, enum qgs_type want)
{
	uint16_t major = reader_u16(r);
	uint32_t type, size, error;

	reader_skip(r, 2); /* minor versions are compatible by definition: Intel's library reads any */
	type = reader_u32(r);
	size = reader_u32(r);
	error = reader_u32(r);
	if (!reader_ok(r))
		return error;
	if (major != QGS_VERSION_MAJOR)
		reader_fail(r, FORMAT_BAD_VERSION, 0);
	if (type != (uint32_t)want)
		reader_fail(r, FORMAT_BAD_TYPE, 4);
	if (size != r->size)
		reader_fail(r, FORMAT_BAD_SIZE, 8);
	return error;
}

static void read_request(struct reader *r, enum qgs_type want)
{
	if (read_header(r, want) != QGS_OK)
		reader_fail(r, FORMAT_BAD_VALUE, 12);
}

static void write_header(uint8_t *out, enum qgs_type type, size_t size, uint32_t error)
{
	const uint16_t version[2] = {QGS_VERSION_MAJOR, QGS_VERSION_MINOR};
	const uint32_t rest[3] = {(uint32_t)type, (uint32_t)size, error};

	memcpy(out, version, sizeof(version));
	memcpy(out + 4, rest, sizeof(rest));
}

static void write_u32(uint8_t *out, uint32_t value)
{
	memcpy(out, &value, sizeof(value));
}

void qgs_request_write(const uint8_t report[TDREPORT_SIZE], uint8_t out[QGS_QUOTE_REQUEST_SIZE])
{
	write_header(out, QGS_GET_QUOTE_REQUEST, QGS_QUOTE_REQUEST_SIZE, QGS_OK);
	write_u32(out + QGS_HEADER_SIZE, TDREPORT_SIZE);
	write_u32(out + QGS_HEADER_SIZE + 4, 0);
	memcpy(out + REQUEST_SIZES, report, TDREPORT_SIZE);
}

enum format_code qgs_request_parse(const uint8_t *data, size_t size, const uint8_t **ret_report,
                                   uint64_t *ret_offset)
{
	uint32_t report_size, ids_size;
	const uint8_t *report;
	enum format_code code;
	struct reader r = reader_of(data, size);

	read_request(&r, QGS_GET_QUOTE_REQUEST);
	report_size = reader_u32(&r);
	ids_size = reader_u32(&r);
	if (reader_ok(&r) && report_size != TDREPORT_SIZE)
		reader_fail(&r, FORMAT_BAD_SIZE, QGS_HEADER_SIZE);
	report = reader_bytes(&r, TDREPORT_SIZE);
	reader_skip(&r, ids_size); /* quoting enclaves the guest would like: there is no choice */
	code = reader_end(&r, ret_offset);
	if (code == FORMAT_OK)
		*ret_report = report;
	return code;
}

size_t qgs_response_write(uint32_t error, const uint8_t *quote, size_t quote_size, uint8_t *out,
                          size_t out_size)
{
	size_t size = RESPONSE_HEAD + (error == QGS_OK ? quote_size : 0);

	if (size > out_size || size > UINT32_MAX)
		return size;
	write_header(out, QGS_GET_QUOTE_RESPONSE, size, error);
	write_u32(out + QGS_HEADER_SIZE, 0);
	write_u32(out + QGS_HEADER_SIZE + 4, (uint32_t)(size - RESPONSE_HEAD));
	if (size > RESPONSE_HEAD)
		memcpy(out + RESPONSE_HEAD, quote, size - RESPONSE_HEAD);
	return size;
}

enum format_code qgs_response_parse(const uint8_t *data, size_t size, uint32_t *ret_error,
                                    const uint8_t **ret_quote, size_t *ret_quote_size,
                                    uint64_t *ret_offset)
{
	uint32_t error, id_size, quote_size;
	const uint8_t *quote;
	enum format_code code;
	struct reader r = reader_of(data, size);

	error = read_header(&r, QGS_GET_QUOTE_RESPONSE);
	id_size = reader_u32(&r);
	quote_size = reader_u32(&r);
	reader_skip(&r, id_size); /* which quoting enclave signed */
	quote = reader_bytes(&r, quote_size);
	/* Success without a quote, or a quote with an error: one of the two is a lie. */
	if (reader_ok(&r) && (error == QGS_OK) != (quote_size > 0))
		reader_fail(&r, FORMAT_BAD_SIZE, QGS_HEADER_SIZE + 4);
	code = reader_end(&r, ret_offset);
	if (code != FORMAT_OK)
		return code;
	*ret_error = error;
	*ret_quote = error == QGS_OK ? quote : NULL;
	*ret_quote_size = quote_size;
	return FORMAT_OK;
}

int64_t qgs_type_of(const uint8_t *data, size_t size)
{
	uint32_t type;
	struct reader r = reader_of(data, size);

	reader_skip(&r, 4);
	type = reader_u32(&r);
	reader_skip(&r, 8);
	return reader_ok(&r) ? (int64_t)type : -1;
}

/* ---- collateral ---- */

#define COLLATERAL_HEAD  (QGS_HEADER_SIZE + 4 + 4 * QGS_COLLATERAL_PARTS)
#define COLLATERAL_MAJOR 3
#define COLLATERAL_MINOR 0

enum format_code qgs_collateral_request_parse(const uint8_t *data, size_t size,
                                              struct qgs_collateral_request *ret,
                                              uint64_t *ret_offset)
{
	struct qgs_collateral_request request;
	enum format_code code;
	struct reader r = reader_of(data, size);

	read_request(&r, QGS_GET_COLLATERAL_REQUEST);
	request.fmspc.size = reader_u32(&r);
	request.ca.size = reader_u32(&r);
	if (reader_ok(&r) && (!request.fmspc.size || !request.ca.size))
		reader_fail(&r, FORMAT_BAD_SIZE, QGS_HEADER_SIZE);
	request.fmspc.data = reader_bytes(&r, request.fmspc.size);
	request.ca.data = reader_bytes(&r, request.ca.size);
	code = reader_end(&r, ret_offset);
	if (code == FORMAT_OK)
		*ret = request;
	return code;
}

size_t qgs_collateral_response_write(uint32_t error, const struct bytes part[QGS_COLLATERAL_PARTS],
                                     uint8_t *out, size_t out_size)
{
	const uint16_t version[2] = {COLLATERAL_MAJOR, COLLATERAL_MINOR};
	size_t size = COLLATERAL_HEAD, at = COLLATERAL_HEAD;

	for (int i = 0; error == QGS_OK && i < QGS_COLLATERAL_PARTS; i++)
		size += part[i].size;
	if (size > out_size || size > UINT32_MAX)
		return size;
	memset(out, 0, COLLATERAL_HEAD);
	write_header(out, QGS_GET_COLLATERAL_RESPONSE, size, error);
	if (error != QGS_OK)
		return size;
	memcpy(out + QGS_HEADER_SIZE, version, sizeof(version));
	for (int i = 0; i < QGS_COLLATERAL_PARTS; i++) {
		write_u32(out + QGS_HEADER_SIZE + 4 + 4 * i, (uint32_t)part[i].size);
		memcpy(out + at, part[i].data, part[i].size);
		at += part[i].size;
	}
	return size;
}

/* ---- platform ---- */

#define PLATFORM_HEAD (QGS_HEADER_SIZE + 12)

enum format_code qgs_platform_request_parse(const uint8_t *data, size_t size, uint64_t *ret_offset)
{
	struct reader r = reader_of(data, size);

	read_request(&r, QGS_GET_PLATFORM_INFO_REQUEST);
	return reader_end(&r, ret_offset);
}

size_t qgs_platform_response_write(uint32_t error, const struct qgs_platform *platform,
                                   uint8_t *out, size_t out_size)
{
	size_t size = PLATFORM_HEAD;

	if (error == QGS_OK)
		size += sizeof(platform->id) + sizeof(platform->cpusvn);
	if (size > out_size)
		return size;
	memset(out, 0, PLATFORM_HEAD);
	write_header(out, QGS_GET_PLATFORM_INFO_RESPONSE, size, error);
	if (error != QGS_OK)
		return size;
	memcpy(out + QGS_HEADER_SIZE, &platform->tdqe_svn, 2);
	memcpy(out + QGS_HEADER_SIZE + 2, &platform->pce_svn, 2);
	write_u32(out + QGS_HEADER_SIZE + 4, sizeof(platform->id));
	write_u32(out + QGS_HEADER_SIZE + 8, sizeof(platform->cpusvn));
	memcpy(out + PLATFORM_HEAD, platform->id, sizeof(platform->id));
	memcpy(out + PLATFORM_HEAD + sizeof(platform->id), platform->cpusvn,
	       sizeof(platform->cpusvn));
	return size;
}
