/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
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
