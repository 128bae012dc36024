/* SPDX-License-Identifier: Apache-2.0 */
#include "core/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FORM "%Y-%m-%dT%H:%M:%SZ"

const char *time_text(time_t t, char out[TIME_TEXT_SIZE])
{
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(out, TIME_TEXT_SIZE, FORM, &tm))
		snprintf(out, TIME_TEXT_SIZE, "?");
	return out;
}

int time_read(const char *text, time_t *ret)
{
	struct tm tm = {0};
	const char *end = strptime(text, FORM, &tm);
	time_t t = end && !*end ? timegm(&tm) : 0; /* 30 February would come back as another day */
	char again[TIME_TEXT_SIZE];

	if (!end || *end || strcmp(time_text(t, again), text) != 0)
		return -EINVAL;
	*ret = t;
	return 0;
}
