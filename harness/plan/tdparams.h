/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "format/kinds.h"

/*
 * What the VMM sets of a trust domain before it starts (TD_PARAMS of the TDX module's ABI) and its
 * quotes carry: by the axes `attributes`, `mrconfigid`, `mrowner` and `mrownerconfig` of a `td`.
 * A number of an axis is the register's 48 bytes as one big-endian number. What is not said is 0;
 * ATTRIBUTES always have SEPT_VE_DISABLE, as Linux wants it.
 */
struct td_params {
	uint64_t attributes; /* TDX_ATTR_* */
	uint8_t mrconfigid[48], mrowner[48], mrownerconfig[48];
};
void td_params_of(const struct layer *td, struct td_params *ret);

/* The bits of ATTRIBUTES that the axis decides; the VMM may set others for features of the CPU. */
#define TD_ATTRIBUTES_ASKED (TDX_ATTR_DEBUG | TDX_ATTR_PERFMON)
