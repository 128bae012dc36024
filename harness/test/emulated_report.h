/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <string.h>

#include "format/tdreport.h"
#include "format/tdx.h"

/* A TDREPORT that says of itself that it is emulated, all else zero: a test authority quotes it. */
static inline struct tdreport emulated_report(void)
{
	struct tdreport r = {0};

	memcpy(r.tcb.mrseam, TDX_EMULATED_MRSEAM, strlen(TDX_EMULATED_MRSEAM));
	memcpy(r.tcb.mrsignerseam, TDX_EMULATED_MRSIGNERSEAM, strlen(TDX_EMULATED_MRSIGNERSEAM));
	return r;
}
