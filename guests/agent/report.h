/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long a probe or an attempt may take. The kernel itself gives GetQuote 30 s. */
#define PROBE_DEADLINE_MS 60000

/* What a REPORT attempt needs: `report_data` is 64 bytes. */
struct report_request {
	uint8_t report_data[64];
};
/* REPORT objects, without "interface". `arg` is a struct report_request. */
json_t *report_ioctl(void *arg);
json_t *report_configfs(void *arg);
json_t *report_broker(void *arg); /* broker.h */
/*
 * Azure's way, see report_vtpm.c: `data` is JSON as `tception cloud azure` reads it, its TPM quote over
 * the first VTPM_NONCE_SIZE bytes of `report_data`; step "td quote" when the metadata service gave none.
 */
json_t *report_vtpm(void *arg);
bool vtpm_present(void); /* there is a TPM at all */
#define VTPM_NONCE_SIZE 32

/* An attempt that ended at `step`: with `data` when `error` (errno or -errno) is 0. */
json_t *report_outcome(const char *step, int error, const void *data, size_t size);
