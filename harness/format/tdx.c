/* SPDX-License-Identifier: Apache-2.0 */
#include "format/tdx.h"

#include <stddef.h>

static const char *const attribute_names[64] = {
        [0] = "DEBUG",
        [4] = "HGS_PLUS_PROF",
        [5] = "PERF_PROF",
        [6] = "PMT_PROF",
        [16] = "ICSSD",
        [27] = "LASS",
        [28] = "SEPT_VE_DISABLE",
        [29] = "MIGRATABLE",
        [30] = "PKS",
        [31] = "KL",
        [62] = "TPA",
        [63] = "PERFMON",
};

static const char *const xfam_names[64] = {
        [0] = "X87",      [1] = "SSE",  [2] = "AVX",      [5] = "AVX512_OPMASK", [6] = "ZMM_HI256",
        [7] = "HI16_ZMM", [8] = "PT",   [9] = "PKRU",     [11] = "CET_U",        [12] = "CET_S",
        [14] = "UINTR",   [15] = "LBR", [17] = "TILECFG", [18] = "TILEDATA",
};

const char *tdx_attribute_name(unsigned bit)
{
	return bit < 64 ? attribute_names[bit] : NULL;
}

const char *tdx_xfam_name(unsigned bit)
{
	return bit < 64 ? xfam_names[bit] : NULL;
}
