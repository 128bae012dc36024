/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/bytes.h"
#include "format/code.h"
#include "format/tdreport.h"

/*
 * TDX quotes, versions 4 and 5, and the header of version 3 (SGX). Intel TDX DCAP Quoting Library
 * API, appendix "Quote Format". Little-endian; ECDSA values are r || s and x || y, big-endian.
 * Only declared types and sizes count; nothing is guessed from the input's length.
 */
#define QUOTE_HEADER_SIZE     48
#define QUOTE_MAX             (128u << 10) /* bytes */
#define QUOTE_TEE_SGX         0x00u
#define QUOTE_TEE_TDX         0x81u
#define QUOTE_KEY_ECDSA_P256  2
#define QUOTE_QE_VENDOR_INTEL "\x93\x9a\x72\x33\xf7\x9c\x4c\xa9\x94\x0a\x0d\xb3\x95\x7f\x06\x07"

enum quote_body_type {                        /* v5; a v4 TDX quote is read as QUOTE_BODY_TDX_10 */
	               QUOTE_BODY_SGX = 1,    /* 384 bytes */
	               QUOTE_BODY_TDX_10 = 2, /* 584 bytes */
	               QUOTE_BODY_TDX_15 = 3, /* 648 bytes */
	               QUOTE_BODY_TDX_15_EX = 4 /* 885 bytes: TD partitioning */
};
#define QUOTE_BODY_SGX_SIZE       384
#define QUOTE_BODY_TDX_10_SIZE    584
#define QUOTE_BODY_TDX_15_SIZE    648
#define QUOTE_BODY_TDX_15_EX_SIZE 885

enum quote_cert_type {
	QUOTE_CERT_PPID_PLAIN = 1, /* types 1 to 3: struct quote_pck_id */
	QUOTE_CERT_PPID_RSA2048 = 2,
	QUOTE_CERT_PPID_RSA3072 = 3,
	QUOTE_CERT_PCK_LEAF = 4,
	QUOTE_CERT_PCK_CHAIN = 5, /* PEM: leaf, intermediate, root */
	QUOTE_CERT_QE_REPORT = 6, /* v4 and v5: QE report and, within it, one of the others */
	QUOTE_CERT_PLATFORM_MANIFEST = 7,
};

/* The TD report body as it is laid out, all types in one; fields a type does not have are zero. */
struct quote_td {
	uint8_t tee_tcb_svn[16];
	uint8_t mrseam[48];
	uint8_t mrsignerseam[48];
	uint8_t seam_attributes[8];
	uint64_t attributes;
	uint64_t xfam;
	uint8_t mrtd[48];
	uint8_t mrconfigid[48];
	uint8_t mrowner[48];
	uint8_t mrownerconfig[48];
	uint8_t rtmr[4][48];
	uint8_t report_data[64];
	/* TDX 1.5 */
	uint8_t tee_tcb_svn2[16];
	uint8_t mrservicetd[48];
	/* TDX 1.5 EX */
	uint8_t vmid; /* which L2 VM under TD partitioning; 0 is the TD itself */
	uint8_t td_id[32];
	uint8_t dev_info[48];
	uint8_t init_servtd_hash[48];
	uint8_t init_servtd_attributes[8];
	uint8_t init_cpusvn[16];
	uint8_t init_tee_tcb_svn[16];
	uint8_t init_tee_fmspc[12];
	uint8_t cur_servtd_hash[48];
	uint8_t cur_servtd_attributes[8];
};
_Static_assert(offsetof(struct quote_td, mrtd) == 136, "MRTD");
_Static_assert(offsetof(struct quote_td, rtmr) == 328, "RTMR0");
_Static_assert(offsetof(struct quote_td, report_data) == 520, "REPORTDATA");
_Static_assert(offsetof(struct quote_td, tee_tcb_svn2) == QUOTE_BODY_TDX_10_SIZE, "TD report 1.0");
_Static_assert(offsetof(struct quote_td, vmid) == QUOTE_BODY_TDX_15_SIZE, "TD report 1.5");
_Static_assert(offsetof(struct quote_td, cur_servtd_attributes) + 8 == QUOTE_BODY_TDX_15_EX_SIZE,
               "TD report 1.5 EX");

/* SGX enclave report: the body of an SGX quote, and the QE's report inside a certification. */
struct sgx_report {
	uint8_t cpusvn[16];
	uint8_t miscselect[4];
	uint8_t attributes[16];
	uint8_t mrenclave[32];
	uint8_t mrsigner[32];
	uint16_t isvprodid;
	uint16_t isvsvn;
	uint8_t report_data[64];
};

/*
 * Which PCK certificate vouches for the QE, in quotes that do not carry it. A quote is not signed
 * over its certification data: this only says where to look.
 */
struct quote_pck_id {
	struct bytes ppid; /* 16 bytes; 256 or 384 when encrypted (RSA-OAEP), for Intel to read */
	uint8_t cpusvn[16];
	uint16_t pcesvn;
	uint8_t pceid[2]; /* little-endian, as certificates and TCB info have it */
};

struct quote {
	uint16_t version;
	uint16_t key_type;
	uint32_t tee_type;
	uint8_t qe_vendor[16];
	uint8_t user_data[20];
	enum quote_body_type body_type;
	struct quote_td td;       /* when body_type is not QUOTE_BODY_SGX */
	struct sgx_report sgx;    /* when it is */
	struct bytes body;        /* the raw report body */
	struct bytes signed_part; /* what the signature covers: header (and type, size) and body */
	struct bytes signature_data;
	const uint8_t *signature;   /* 64 bytes */
	const uint8_t *attest_key;  /* 64 bytes, x || y */
	uint16_t outer_cert_type;   /* 6 in v4 and v5 */
	struct bytes qe_report_raw; /* 384 bytes */
	struct sgx_report qe_report;
	const uint8_t *qe_signature; /* 64 bytes, by the PCK leaf over qe_report_raw */
	struct bytes qe_auth;
	uint16_t cert_type;
	struct bytes cert_data;
	struct quote_pck_id pck_id; /* when cert_type is QUOTE_CERT_PPID_*; else zero */
	size_t trailing;            /* bytes after the quote's declared end: often zero padding */
};

/* Views in `*ret` point into `data`. Trailing bytes are counted, not refused. */
enum format_code quote_parse(const void *data, size_t size, struct quote *ret,
                             uint64_t *ret_offset);

/*
 * The reverse, for the quoting service of the emulated platform: header and body of a quote for one
 * TDREPORT, ready to be signed. `version` is 4, or 5 (body type 3). Returns the bytes written
 * (632, or 702 with v5's type and size), 0 when `size` is too small or the version is another.
 */
size_t quote_body_from_report(const struct tdreport *report, uint16_t version,
                              const uint8_t user_data[20], uint8_t *out, size_t size);
