/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "format/bytes.h"
#include "format/tdvf.h"

/* MRTD in both orders, by enum mrtd_order; `tdvf` comes from tdvf_parse() of the same image. */
void measure_mrtd(struct bytes image, const struct tdvf *tdvf, uint8_t ret[2][48]);
