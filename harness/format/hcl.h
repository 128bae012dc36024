/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "format/code.h"

/*
 * What Azure's paravisor (HCL, OpenHCL) keeps in the vTPM's NV index 0x01400001: a hardware report
 * and, behind it, a JSON text that the report's REPORTDATA has the hash of. Little-endian; Microsoft,
 * "Guest attestation for confidential VMs", and openhcl's attestation protocol: header of 32 bytes
 * ("HCLA", version, size, request type, status, 12 reserved), report of 1184 bytes (a TDREPORT of
 * 1024 and zeros), then u32 size, version, report type, hash type and size of the JSON.
 */
#define HCL_REPORT_AT   32
#define HCL_REPORT_SIZE 1184
enum hcl_type { HCL_SNP = 2, HCL_VBS = 3, HCL_TDX = 4 };

struct hcl_report {
	uint32_t version; /* 1 or 2 */
	enum hcl_type type;
	const uint8_t *report; /* HCL_REPORT_SIZE bytes */
	const uint8_t *json;   /* views */
	size_t json_size;
};

/* FORMAT_BAD_VALUE for another hash than SHA-256. NV indices are longer than what they hold: bytes
 * behind the JSON are left alone. */
enum format_code hcl_parse(const void *data, size_t size, struct hcl_report *ret,
                           uint64_t *ret_offset);
