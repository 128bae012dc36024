/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "format/code.h"

/*
 * What a TPM 2.0 signs about its PCRs (TPM 2.0 Library, part 2, TPMS_ATTEST with TPMS_QUOTE_INFO,
 * big-endian), and the event log that replays to them (TCG PC Client PFP, as format/eventlog.h).
 */
#define TPM_PCRS 24

struct tpm_quote {
	const uint8_t *extra; /* the nonce that was asked with: a view */
	size_t extra_size;
	uint32_t pcrs; /* of the SHA-256 bank, as a set: 1 << number */
	uint8_t digest[32]; /* SHA-256 over their values, in rising order */
};

/* FORMAT_BAD_ALGORITHM unless it is of the SHA-256 bank alone; FORMAT_BAD_TYPE: no quote. */
enum format_code tpm_quote_parse(const void *data, size_t size, struct tpm_quote *ret,
                                 uint64_t *ret_offset);

/*
 * Replays the SHA-256 digests of a log of crypto-agile form. EV_NO_ACTION "StartupLocality" (a u8
 * behind its text) sets PCR 0's last byte at the start. `ret_touched`: the PCRs that were extended.
 * FORMAT_MISSING: a measured event has no SHA-256.
 */
enum format_code tpm_log_replay(const void *data, size_t size, uint8_t ret_pcr[TPM_PCRS][32],
                                uint32_t *ret_touched, size_t *ret_events, uint64_t *ret_offset);
