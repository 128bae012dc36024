/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TDX numbers that more than one side needs. Sources: Intel TDX Module ABI specification (1.5),
 * GHCI specification, and Linux' uapi headers.
 */
#define TDX_CPUID_LEAF 0x21u /* EBX, EDX, ECX = "IntelTDX    " */

/* TD ATTRIBUTES */
#define TDX_ATTR_DEBUG           (1ull << 0)
#define TDX_ATTR_LASS            (1ull << 27)
#define TDX_ATTR_SEPT_VE_DISABLE (1ull << 28)
#define TDX_ATTR_MIGRATABLE      (1ull << 29)
#define TDX_ATTR_PKS             (1ull << 30)
#define TDX_ATTR_KL              (1ull << 31)
#define TDX_ATTR_TPA             (1ull << 62)
#define TDX_ATTR_PERFMON         (1ull << 63)

/* "SEPT_VE_DISABLE", "AVX" ...; NULL for a bit without a name: reserved, as far as known. XFAM is
 * laid out like XCR0 | IA32_XSS. */
const char *tdx_attribute_name(unsigned bit);
const char *tdx_xfam_name(unsigned bit);

/*
 * What emulated evidence looks like, so that nothing can take it for hardware: MRSEAM and
 * MRSIGNERSEAM begin with these texts (the rest is zero); a genuine MRSIGNERSEAM is all zero, and
 * a genuine MRSEAM is a SHA-384 digest.
 */
#define TDX_EMULATED_MRSEAM       "EMULATED: tception tdxemu"        /* <= 48 bytes */
#define TDX_EMULATED_MRSIGNERSEAM "EMULATED: not Intel TDX hardware" /* <= 48 bytes */
