/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <time.h>

/* Times as text: "2026-01-27T09:01:45Z", and nothing else. */
#define TIME_TEXT_SIZE 24

/* "?" for what is no time; returns `out`. Its first ten characters are the day. */
const char *time_text(time_t t, char out[TIME_TEXT_SIZE]);
/* -EINVAL for any other form, and for days and hours that there are none of. */
int time_read(const char *text, time_t *ret);
