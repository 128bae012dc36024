/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "format/bytes.h"
#include "format/code.h"
#include "format/tdreport.h"

/*
 * Messages of Intel's Quote Generation Service (DCAP, QuoteGeneration/quote_wrapper/qgs_msg_lib)
 * and the GetQuote shared buffer of the Guest-Host Communication Interface, section
 * "TDG.VP.VMCALL<GetQuote>". On a stream socket each message is preceded by its size as a 4-byte
 * BIG-endian integer (not counting itself); the message is little-endian. A request of exactly
 * TDREPORT_SIZE raw bytes, with no length and no header, is answered by a raw quote.
 */
#define QGS_LENGTH_SIZE        4
#define QGS_HEADER_SIZE        16
#define QGS_VERSION_MAJOR      1
#define QGS_VERSION_MINOR      1
#define QGS_QUOTE_REQUEST_SIZE (QGS_HEADER_SIZE + 8 + TDREPORT_SIZE)
#define QGS_MESSAGE_MAX        (64u << 10) /* bytes we accept in one message */
#define QGS_DEFAULT_VSOCK_PORT 4050

enum qgs_type {
	QGS_GET_QUOTE_REQUEST = 0,
	QGS_GET_QUOTE_RESPONSE = 1,
	QGS_GET_COLLATERAL_REQUEST = 2,
	QGS_GET_COLLATERAL_RESPONSE = 3,
	QGS_GET_PLATFORM_INFO_REQUEST = 4,
	QGS_GET_PLATFORM_INFO_RESPONSE = 5,
};

enum qgs_error {
	QGS_OK = 0,
	QGS_ERROR_UNEXPECTED = 0x12001,
	QGS_ERROR_OUT_OF_MEMORY = 0x12002,
	QGS_ERROR_INVALID_PARAMETER = 0x12003,
	QGS_ERROR_INVALID_VERSION = 0x12004,
	QGS_ERROR_INVALID_TYPE = 0x12005,
	QGS_ERROR_INVALID_SIZE = 0x12006,
	QGS_ERROR_INVALID_CODE = 0x12007,
};

/* Messages below are without the length prefix. */
void qgs_request_write(const uint8_t report[TDREPORT_SIZE], uint8_t out[QGS_QUOTE_REQUEST_SIZE]);
/* `*ret_report` points into `data`. */
enum format_code qgs_request_parse(const uint8_t *data, size_t size, const uint8_t **ret_report,
                                   uint64_t *ret_offset);
/* Bytes needed, or written when `out` is large enough; `error` is QGS_OK with a quote, without one
 * else. */
size_t qgs_response_write(uint32_t error, const uint8_t *quote, size_t quote_size, uint8_t *out,
                          size_t out_size);
/* The quote's view points into `data`; a service-side error is FORMAT_OK with *ret_error set. */
enum format_code qgs_response_parse(const uint8_t *data, size_t size, uint32_t *ret_error,
                                    const uint8_t **ret_quote, size_t *ret_quote_size,
                                    uint64_t *ret_offset);

/* The type of a message, whatever it is and however it goes on; -1 when there is no header. */
int64_t qgs_type_of(const uint8_t *data, size_t size);

/* FMSPC and the PCK CA's name, both as the client wrote them; views into `data`. */
struct qgs_collateral_request {
	struct bytes fmspc, ca;
};
enum format_code qgs_collateral_request_parse(const uint8_t *data, size_t size,
                                              struct qgs_collateral_request *ret,
                                              uint64_t *ret_offset);
/*
 * Collateral as sgx_ql_qve_collateral_t has it, of version 3.0: texts with their final NUL, CRLs in
 * hexadecimal, signed JSON as Intel's PCS serves it.
 */
enum qgs_collateral_part {
	QGS_PCK_CRL_CHAIN,
	QGS_ROOT_CRL,
	QGS_PCK_CRL,
	QGS_TCB_INFO_CHAIN,
	QGS_TCB_INFO,
	QGS_QE_IDENTITY_CHAIN,
	QGS_QE_IDENTITY,
	QGS_COLLATERAL_PARTS
};
/* As qgs_response_write(); `part` is not looked at with an error. */
size_t qgs_collateral_response_write(uint32_t error, const struct bytes part[QGS_COLLATERAL_PARTS],
                                     uint8_t *out, size_t out_size);

enum format_code qgs_platform_request_parse(const uint8_t *data, size_t size, uint64_t *ret_offset);
struct qgs_platform {
	uint16_t tdqe_svn, pce_svn;
	uint8_t id[16]; /* of the quoting enclave's platform: the header's user data in quotes */
	uint8_t cpusvn[16];
};
size_t qgs_platform_response_write(uint32_t error, const struct qgs_platform *platform,
                                   uint8_t *out, size_t out_size);

/* Header of the GetQuote shared buffer; `in` and `out` lengths do not count it. */
struct get_quote_header {
	uint64_t version; /* 1 */
	uint64_t status;  /* GET_QUOTE_* */
	uint32_t in_length;
	uint32_t out_length;
};
_Static_assert(sizeof(struct get_quote_header) == 24, "GHCI GetQuote header");
#define GET_QUOTE_SUCCESS             0ull
#define GET_QUOTE_IN_FLIGHT           0xffffffffffffffffull
#define GET_QUOTE_ERROR               0x8000000000000000ull
#define GET_QUOTE_SERVICE_UNAVAILABLE 0x8000000000000001ull
