/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "format/eventlog.h"
#include "format/reader.h"

#define CCEL_SIZE   56
#define AT_LENGTH   4
#define AT_CHECKSUM 9

enum format_code ccel_parse(const void *data, size_t size, struct ccel *ret, uint64_t *ret_offset)
{
	const uint8_t *all = data, *signature;
	enum format_code code;
	struct ccel c = {0};
	uint32_t length;
	uint8_t sum = 0;
	struct reader r = reader_of(data, size);

	signature = reader_bytes(&r, 4);
	if (signature && memcmp(signature, "CCEL", 4) != 0)
		reader_fail(&r, FORMAT_BAD_MAGIC, 0);
	length = reader_u32(&r);
	if (reader_ok(&r) && length != CCEL_SIZE)
		reader_fail(&r, FORMAT_BAD_SIZE, AT_LENGTH);
	reader_skip(&r, 28); /* the rest of the ACPI header: revision, checksum, who made it */
	c.cc_type = reader_u8(&r);
	c.cc_subtype = reader_u8(&r);
	reader_skip(&r, 2);
	c.log_length = reader_u64(&r);
	c.log_address = reader_u64(&r);
	code = reader_end(&r, ret_offset);
	if (code != FORMAT_OK)
		return code;
	for (size_t i = 0; i < CCEL_SIZE; i++)
		sum += all[i];
	if (sum != 0) {
		reader_fail(&r, FORMAT_BAD_VALUE, AT_CHECKSUM);
		return reader_result(&r, ret_offset);
	}
	*ret = c;
	return FORMAT_OK;
}
