/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "format/code.h"

/*
 * TDREPORT_STRUCT, the output of TDG.MR.REPORT. Intel TDX Module Base Architecture Specification /
 * ABI reference tables, "TDREPORT_STRUCT". Little-endian, packed by construction, no padding.
 */
#define TDREPORT_SIZE          1024
#define TDREPORT_DATA_SIZE     64
#define TDREPORT_MAC_COVERS    224 /* bytes of REPORTMACSTRUCT under the MAC */
#define TDREPORT_TCB_INFO_SIZE 239 /* bytes under TEE_TCB_INFO_HASH */
#define TDX_RTMR_COUNT         4
#define TDX_DIGEST_SIZE        48 /* SHA-384 */

struct report_mac {
	uint8_t type;    /* 0x81 = TDX */
	uint8_t subtype; /* 0 */
	uint8_t version; /* 0 = TDX 1.0, 1 = TDX 1.5 */
	uint8_t reserved1;
	uint8_t reserved2[12];
	uint8_t cpusvn[16];
	uint8_t tee_tcb_info_hash[48]; /* SHA-384 of struct tee_tcb_info, TDREPORT_TCB_INFO_SIZE
	                                  bytes */
	uint8_t tee_info_hash[48];     /* SHA-384 of struct td_info */
	uint8_t report_data[64];
	uint8_t reserved3[32];
	uint8_t mac[32]; /* HMAC-SHA256 over the first TDREPORT_MAC_COVERS bytes */
};

struct tee_tcb_info {
	uint8_t valid[8];
	uint8_t tee_tcb_svn[16];
	uint8_t mrseam[48];
	uint8_t mrsignerseam[48];
	uint8_t attributes[8];
	uint8_t tee_tcb_svn2[16]; /* TDX 1.5 */
	uint8_t reserved[95];
};

struct td_info {
	uint64_t attributes;
	uint64_t xfam;
	uint8_t mrtd[48];
	uint8_t mrconfigid[48];
	uint8_t mrowner[48];
	uint8_t mrownerconfig[48];
	uint8_t rtmr[4][48];
	uint8_t servtd_hash[48];
	uint8_t reserved[64];
};

struct tdreport {
	struct report_mac mac;
	struct tee_tcb_info tcb;
	uint8_t reserved[17];
	struct td_info td;
};

_Static_assert(sizeof(struct report_mac) == 256, "REPORTMACSTRUCT");
_Static_assert(offsetof(struct report_mac, report_data) == 128, "REPORTDATA");
_Static_assert(offsetof(struct report_mac, mac) == TDREPORT_MAC_COVERS, "MAC");
_Static_assert(sizeof(struct tee_tcb_info) == TDREPORT_TCB_INFO_SIZE, "TEE_TCB_INFO");
_Static_assert(sizeof(struct td_info) == 512, "TDINFO_STRUCT");
_Static_assert(sizeof(struct tdreport) == TDREPORT_SIZE, "TDREPORT_STRUCT");
_Static_assert(offsetof(struct tdreport, tcb) == 256, "TEE_TCB_INFO");
_Static_assert(offsetof(struct tdreport, td) == 512, "TDINFO_STRUCT");
_Static_assert(offsetof(struct tdreport, td.mrtd) == 528, "MRTD");
_Static_assert(offsetof(struct tdreport, td.rtmr) == 720, "RTMR0");

/*
 * Reads exactly TDREPORT_SIZE bytes and checks type, subtype and both inner hashes
 * (FORMAT_BAD_VALUE at the offset of the hash that is wrong). It does not check the MAC: only its
 * issuer can.
 */
enum format_code tdreport_parse(const void *data, size_t size, struct tdreport *ret,
                                uint64_t *ret_offset);

/* Fills both hashes and the MAC from the rest of the report: what the TDX module does last. */
void tdreport_seal(struct tdreport *report, const uint8_t *key, size_t key_size);

/* Whether the MAC is the one that `key` gives; constant time. */
int tdreport_mac_ok(const struct tdreport *report, const uint8_t *key, size_t key_size);

/* RTMR' = SHA-384(RTMR || digest): TDG.MR.RTMR.EXTEND. */
void rtmr_extend(uint8_t rtmr[TDX_DIGEST_SIZE], const uint8_t digest[TDX_DIGEST_SIZE]);
