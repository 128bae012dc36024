/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/core/td.h"

/*
 * Metadata field IDs (ABI specification, "MD_FIELD_ID"). The module ignores the size, the context
 * and the "non-architectural" bit of an ID, so guests differ in how they write the same field.
 */
#define FIELD_CODE 0x3f00000000ffffffull /* class and number: what tells fields apart */
#define FIELD_RESERVED                                                            \
	0x4083fffcff000000ull /* reserved bits, and counts that one element lacks \
	                       */

#define TD_ATTRIBUTES          0x1100000000000000ull
#define TD_XFAM                0x1100000000000001ull
#define TD_CONFIG_FLAGS        0x1100000000000016ull
#define TD_TD_CTLS             0x1100000000000017ull
#define TD_NOTIFY_ENABLES      0x1100000000000010ull
#define TD_TOPOLOGY_CONFIGURED 0x1100000000000019ull

#define SYS_FEATURES0 0x0a00000300000008ull

uint64_t td_field_read(const struct td *td, uint64_t field, uint64_t *ret_value)
{
	*ret_value = 0;
	if (field & FIELD_RESERVED)
		return TDX_METADATA_FIELD_ID_INCORRECT;
	switch (field & FIELD_CODE) {
	case TD_ATTRIBUTES:
		*ret_value = td->info.attributes;
		break;
	case TD_XFAM:
		*ret_value = td->info.xfam;
		break;
	case TD_CONFIG_FLAGS:
		break;
	case TD_TD_CTLS:
		*ret_value = td->td_ctls;
		break;
	case TD_NOTIFY_ENABLES:
		*ret_value = td->notify_enables;
		break;
	case TD_TOPOLOGY_CONFIGURED:
		*ret_value = 1;
		break;
	default:
		return TDX_METADATA_FIELD_ID_INCORRECT;
	}
	return TDX_SUCCESS;
}

uint64_t td_field_write(struct td *td, uint64_t field, uint64_t value, uint64_t mask,
                        uint64_t *ret_value)
{
	uint64_t status = td_field_read(td, field, ret_value), wanted;

	if (status != TDX_SUCCESS)
		return status;
	wanted = (*ret_value & ~mask) | (value & mask);
	switch (field & FIELD_CODE) {
	case TD_TD_CTLS:
		if (wanted & ~TD_CTLS_ENUM_TOPOLOGY)
			return TDX_METADATA_FIELD_VALUE_NOT_VALID;
		td->td_ctls = wanted;
		break;
	case TD_NOTIFY_ENABLES: /* zero-step attack notices: none are ever due */
		if (wanted & ~1ull)
			return TDX_METADATA_FIELD_VALUE_NOT_VALID;
		td->notify_enables = wanted;
		break;
	default:
		return TDX_METADATA_FIELD_NOT_WRITABLE;
	}
	return TDX_SUCCESS;
}

uint64_t td_sys_read(uint64_t field, uint64_t *ret_value)
{
	*ret_value = 0;
	if (field & FIELD_RESERVED || (field & FIELD_CODE) != (SYS_FEATURES0 & FIELD_CODE))
		return TDX_METADATA_FIELD_ID_INCORRECT;
	return TDX_SUCCESS; /* no optional feature */
}
