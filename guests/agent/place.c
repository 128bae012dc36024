/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/place.h"

#include <stdio.h>
#include <string.h>

static struct layer here;

void place_set(const struct visit_layer *own)
{
	struct trouble unused = {0};

	here = (struct layer){0}; /* an outermost layer is granted nothing and can't be read */
	visit_read_layer(own, &here, &unused);
}

static const char *given(enum grant grant)
{
	return layer_has(&here, grant) ? grant_rows[grant].place : NULL;
}

const char *place_of(const char *path)
{
	for (int g = 0; g < GRANT_COUNT; g++) {
		const char *place = given((enum grant)g);

		if (place && grant_rows[g].bind && strcmp(grant_rows[g].bind, path) == 0)
			return place;
	}
	return path;
}

const char *place_reports(void)
{
	static char path[64];

	if (given(GRANT_REPORT_AT))
		return given(GRANT_REPORT_AT);
	snprintf(path, sizeof(path), "%s%s", place_of(PLACE_CONFIGFS),
	         PLACE_REPORTS + strlen(PLACE_CONFIGFS));
	return path;
}

const char *place_entry(void)
{
	return given(GRANT_ENTRY);
}

const char *place_rtmr3(void)
{
	return given(GRANT_RTMR_ENTRY);
}
