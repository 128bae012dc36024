/* SPDX-License-Identifier: Apache-2.0 */
#include "format/hcl.h"

#include "format/reader.h"

#define MAGIC       0x414c4348u /* "HCLA" */
#define HASH_SHA256 1

enum format_code hcl_parse(const void *data, size_t size, struct hcl_report *ret,
                           uint64_t *ret_offset)
{
	struct hcl_report h = {0};
	enum format_code code;
	struct reader r = reader_of(data, size);
	uint32_t type;

	if (reader_u32(&r) != MAGIC)
		reader_fail(&r, FORMAT_BAD_MAGIC, 0);
	h.version = reader_u32(&r);
	if (h.version < 1 || h.version > 2)
		reader_fail(&r, FORMAT_BAD_VERSION, 4);
	reader_skip(&r, HCL_REPORT_AT - 8);
	h.report = reader_bytes(&r, HCL_REPORT_SIZE);
	reader_skip(&r, 8); /* size and version of what follows */
	type = reader_u32(&r);
	if (type != HCL_SNP && type != HCL_VBS && type != HCL_TDX)
		reader_fail(&r, FORMAT_BAD_TYPE, reader_offset(&r) - 4);
	h.type = (enum hcl_type)type;
	if (reader_u32(&r) != HASH_SHA256)
		reader_fail(&r, FORMAT_BAD_VALUE, reader_offset(&r) - 4);
	h.json_size = reader_u32(&r);
	h.json = reader_bytes(&r, h.json_size);
	code = reader_result(&r, ret_offset);
	if (code == FORMAT_OK)
		*ret = h;
	return code;
}
