/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/code.h"

/*
 * The four commands of a TPM 2.0 that evidence takes, and what comes back (TPM 2.0 Library, part 3;
 * big-endian). Authorization is an empty password.
 */
#define TPM_COMMAND_MAX  128
#define TPM_RESPONSE_MAX 4096
#define TPM_NV_PART      512 /* bytes of one NV_Read: less than any TPM's buffer */
#define TPM_PCRS_ASKED   8   /* of one PCR_Read */

struct tpm_command {
	uint8_t bytes[TPM_COMMAND_MAX];
	size_t size;
};

void tpm_nv_public(uint32_t index, struct tpm_command *ret);
/* `owner`: by the owner's authorization, else by the index' own. */
void tpm_nv_read(uint32_t index, bool owner, uint16_t offset, uint16_t size,
                 struct tpm_command *ret);
/* All 24 PCRs of the SHA-256 bank, by RSASSA with SHA-256; at most 64 bytes of nonce. */
void tpm_quote_ask(uint32_t key, const uint8_t *nonce, size_t size, struct tpm_command *ret);
/* PCRs `first` to `first` + 7, `first` a multiple of 8. */
void tpm_pcr_read(unsigned first, struct tpm_command *ret);

/*
 * Responses. All fill *ret_rc once there is a header; not 0: the TPM's refusal, and no more is read.
 * FORMAT_BAD_SIZE: the header's size is not the response's.
 */
struct tpm_nv {
	uint32_t attributes; /* TPMA_NV: bit 17 owner may read, bit 18 the index' own password */
	uint16_t size;
};
enum format_code tpm_nv_public_parse(const void *data, size_t size, uint32_t *ret_rc,
                                     struct tpm_nv *ret);
/* A view of what was read. */
enum format_code tpm_nv_read_parse(const void *data, size_t size, uint32_t *ret_rc,
                                   const uint8_t **ret, size_t *ret_size);
/* Views of the TPMS_ATTEST, see format/tpm.h, and of the RSA signature. */
enum format_code tpm_quote_answer(const void *data, size_t size, uint32_t *ret_rc,
                                  const uint8_t **ret_message, size_t *ret_message_size,
                                  const uint8_t **ret_signature, size_t *ret_signature_size);
enum format_code tpm_pcr_parse(const void *data, size_t size, uint32_t *ret_rc,
                               uint8_t ret[TPM_PCRS_ASKED][32]);
