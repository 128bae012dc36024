/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/code.h"
#include "format/tdreport.h"

/*
 * Confidential-computing event logs (CCEL): TCG PC Client Platform Firmware Profile, section 10
 * "Event Logging", with the register index of GHCI / UEFI 2.10 section 38.4: 0 is MRTD (never
 * extended), 1 to 4 are RTMR0 to RTMR3.
 */
#define EVENTLOG_MAX (16u << 20) /* bytes */

enum { /* event types that matter here; TCG_PCClient PFP section 10.4 */
       EV_POST_CODE = 0x1,
       EV_NO_ACTION = 0x3,
       EV_SEPARATOR = 0x4,
       EV_EVENT_TAG = 0x6,
       EV_PLATFORM_CONFIG_FLAGS = 0xa,
       EV_IPL = 0xd,
       EV_EFI_VARIABLE_DRIVER_CONFIG = 0x80000001,
       EV_EFI_VARIABLE_BOOT = 0x80000002,
       EV_EFI_BOOT_SERVICES_APPLICATION = 0x80000003,
       EV_EFI_BOOT_SERVICES_DRIVER = 0x80000004,
       EV_EFI_RUNTIME_SERVICES_DRIVER = 0x80000005,
       EV_EFI_GPT_EVENT = 0x80000006,
       EV_EFI_ACTION = 0x80000007,
       EV_EFI_PLATFORM_FIRMWARE_BLOB = 0x80000008,
       EV_EFI_HANDOFF_TABLES = 0x80000009,
       EV_EFI_PLATFORM_FIRMWARE_BLOB2 = 0x8000000a,
       EV_EFI_HANDOFF_TABLES2 = 0x8000000b,
       EV_EFI_VARIABLE_BOOT2 = 0x8000000c,
       EV_EFI_GPT_EVENT2 = 0x8000000d,
       EV_EFI_VARIABLE_AUTHORITY = 0x800000e0,
};
const char *event_type_name(uint32_t type); /* "EV_SEPARATOR" ... or NULL */

struct event {
	uint64_t offset; /* of the record in the log, bytes */
	uint32_t index;  /* register index as logged: 0 MRTD, 1..4 RTMR0..3; others are skipped */
	uint32_t type;   /* EV_* */
	bool has_digest; /* false for the header and for EV_NO_ACTION records without a digest */
	uint8_t digest[48];  /* SHA-384, or as many bytes as the bank that was asked for has */
	const uint8_t *data; /* view into the log */
	uint32_t size;
};

/* Whether replaying the event changes an RTMR: not EV_NO_ACTION, not MRTD, no made-up register. */
bool event_extends(const struct event *ev);

/* Whether it names a register that a TPM has and a TD has not: PCR 5 to 23. The made-up -1 of some
 * firmware is neither's. */
bool event_of_tpm(const struct event *ev);

struct eventlog { /* an iterator over a checked header; owns nothing */
	const uint8_t *data;
	size_t size;
	size_t pos;
	uint16_t algorithm[8]; /* TCG algorithm IDs and digest sizes the header declares */
	uint16_t digest_size[8];
	uint32_t algorithms;
	uint16_t bank; /* whose digests are read */
};

/*
 * Checks the "Spec ID Event03" header and stands before it: it is the first record that
 * eventlog_next() gives. FORMAT_BAD_ALGORITHM when SHA-384 is not among its digests.
 */
enum format_code eventlog_open(const void *data, size_t size, struct eventlog *ret,
                               uint64_t *ret_offset);
/* The same of another bank, for a TPM's log: a TCG algorithm ID, of SHA-1, SHA-256 or SHA-384. */
enum format_code eventlog_open_bank(const void *data, size_t size, uint16_t bank,
                                    struct eventlog *ret, uint64_t *ret_offset);
/*
 * Reads the next record: 1 with *ret filled, 0 at the log's end (end of buffer, 0xff or zero
 * padding up to the end of the buffer), -1 with *ret_code and *ret_offset. A digest that the header
 * did not declare and a measured event without SHA-384 are failures. A further record with a
 * header's text (EV_NO_ACTION) measures nothing, like any other of that type.
 */
int eventlog_next(struct eventlog *log, struct event *ret, enum format_code *ret_code,
                  uint64_t *ret_offset);

/* Replays the whole log into RTMR0 to RTMR3 (all starting from zero); counts its records, the
 * header too, in *ret_events (may be NULL). */
enum format_code eventlog_replay(const void *data, size_t size, uint8_t ret_rtmr[4][48],
                                 size_t *ret_events, uint64_t *ret_offset);

/* The 56-byte ACPI CCEL table: UEFI / ACPI 6.5 section 5.2.34. */
struct ccel {
	uint8_t cc_type;      /* 2 = TDX */
	uint8_t cc_subtype;   /* 0 */
	uint64_t log_length;  /* bytes */
	uint64_t log_address; /* guest-physical */
};
enum format_code ccel_parse(const void *data, size_t size, struct ccel *ret, uint64_t *ret_offset);
