/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/tdparams.h"

#include <string.h>

#include "format/tdx.h"

static void put_number(const struct layer *td, enum axis axis, uint8_t out[48])
{
	uint32_t number = layer_number(td, axis);

	memset(out, 0, 48);
	for (size_t i = 48; number; number >>= 8)
		out[--i] = (uint8_t)number;
}

void td_params_of(const struct layer *td, struct td_params *ret)
{
	ret->attributes = TDX_ATTR_SEPT_VE_DISABLE;
	if (layer_word(td, AXIS_ATTRIBUTES) == WORD_ATTRIBUTES_DEBUG)
		ret->attributes |= TDX_ATTR_DEBUG;
	if (layer_word(td, AXIS_ATTRIBUTES) == WORD_ATTRIBUTES_PERFMON)
		ret->attributes |= TDX_ATTR_PERFMON;
	put_number(td, AXIS_MRCONFIGID, ret->mrconfigid);
	put_number(td, AXIS_MROWNER, ret->mrowner);
	put_number(td, AXIS_MROWNERCONFIG, ret->mrownerconfig);
}
