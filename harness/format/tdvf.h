/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "format/code.h"

/*
 * TDVF metadata: which parts of a firmware image are loaded where in a TD, and which are measured.
 * Intel TDX Virtual Firmware Design Guide, section 11 "TDVF Descriptor"; found through the GUIDed
 * table that ends 32 bytes before the image does (edk2 OvmfPkg/ResetVector).
 */
enum tdvf_type {
	TDVF_BFV = 0,      /* boot firmware volume: code */
	TDVF_CFV = 1,      /* configuration firmware volume: variables */
	TDVF_TD_HOB = 2,   /* where the VMM puts the TD HOB */
	TDVF_TEMP_MEM = 3, /* zeroed memory */
	TDVF_PERM_MEM = 4,
	TDVF_PAYLOAD = 5,
	TDVF_PAYLOAD_PARAM = 6,
	TDVF_TYPE_COUNT
};

#define TDVF_ATTR_MR_EXTEND 1u /* contents are measured into MRTD */
#define TDVF_ATTR_PAGE_AUG  2u /* pages are added after MRTD is final */

#define TDVF_SECTIONS_MAX 32
#define TDVF_IMAGE_MAX    (64u << 20) /* bytes; real images are 2 to 4 MiB */
#define TDVF_MEMORY_MAX \
	(128u << 20) /* bytes of all pages added one by one, each hashed for MRTD \
	                                */

struct tdvf_section {
	uint32_t data_offset; /* bytes from the image's start; 0 when raw_size is 0 */
	uint32_t raw_size;    /* bytes in the image, 0 when there are none */
	uint64_t address;     /* guest-physical, 4 KiB aligned */
	uint64_t memory_size; /* bytes in the guest, a multiple of 4 KiB, >= raw_size */
	uint32_t type;        /* enum tdvf_type */
	uint32_t attributes;  /* TDVF_ATTR_* */
};

struct tdvf {
	uint32_t count;
	struct tdvf_section section[TDVF_SECTIONS_MAX];
};

const char *tdvf_type_name(uint32_t type); /* "BFV", "CFV" ... or "?" */

/*
 * Finds and checks the metadata of a whole firmware image. Refuses: no GUIDed table or TDVF entry
 * (FORMAT_MISSING), a zero-length or too short entry, a section past the end of the image,
 * raw > memory, misalignment, overlapping guest ranges, unknown types or attributes, PAGE_AUG
 * together with MR_EXTEND or data, data where the type has none or none where it must have some,
 * more than one TD HOB, no BFV.
 */
enum format_code tdvf_parse(const void *image, size_t size, struct tdvf *ret, uint64_t *ret_offset);

/*
 * MRTD (Base Architecture Specification, "MRTD: Build-Time Measurement Register"): SHA-384 over
 * 128-byte MEM.PAGE.ADD records and, where MR_EXTEND is set, MR.EXTEND records of 256-byte chunks.
 * The order within a section is the VMM's choice; both orders seen in the field are offered.
 */
enum mrtd_order {
	MRTD_SINGLE_PASS, /* page by page: add, then extend (QEMU and KVM upstream, GCE) */
	MRTD_TWO_PASS,    /* all pages of the section added, then all extended (older kernels) */
};
/* `tdvf` must come from tdvf_parse() of the same image: no failure is possible then. */
void tdvf_mrtd(const void *image, size_t size, const struct tdvf *tdvf, enum mrtd_order order,
               uint8_t mrtd[48]);
/* The bytes that it is the SHA-384 of, in pieces, for another hash. */
typedef void (*tdvf_take)(void *userdata, const void *data, size_t size);
void tdvf_mrtd_bytes(const void *image, const struct tdvf *tdvf, enum mrtd_order order,
                     tdvf_take take, void *userdata);

/*
 * The TD HOB list that a VMM makes for `memory` bytes of guest RAM, as QEMU does
 * (hw/i386/tdvf-hob.c): PHIT, then resource descriptors for [0, low) and [4 GiB, ...) split at the
 * TD_HOB and TEMP_MEM sections. `low` is the RAM below 4 GiB. Returns the bytes written to `out`,
 * which holds `size` bytes, or 0 when it is too small, there is no TD_HOB section, the list does
 * not fit in it, or one of these sections is not in RAM. Firmware measures all but the final END
 * HOB (8 bytes).
 */
#define TDVF_HOB_END_SIZE 8
size_t tdvf_hob_build(const struct tdvf *tdvf, uint64_t low, uint64_t memory, void *out,
                      size_t size);
