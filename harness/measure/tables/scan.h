/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "format/bytes.h"
#include "measure/tables/tables.h"

/* What spec.c and devices.c share. */
struct scan {
	struct tables_spec *spec;
	bool json; /* this time those of -device that are JSON, which QEMU makes after the others */
	bool defaults, tdx, smm_off;
	uint32_t taken; /* slots of the root bus, a bit each */
	uint64_t split; /* max-ram-below-4g; 0: none */
	struct err *e;
};

/* -ENOTSUP: what this does to the tables is not known here. */
int scan_unknown(const struct scan *s, const char *option, const char *value);
bool scan_is_one_of(const char *word, const char *const list[], size_t count);
#define IS_ONE_OF(word, list) scan_is_one_of(word, list, COUNT_OF(list))

/* An option's value, also taken apart: those of -device and -virtfs. */
int scan_device(struct scan *s, const char *value, json_t *v);
int scan_virtfs(struct scan *s, const char *value, json_t *v);
