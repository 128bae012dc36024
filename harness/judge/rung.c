/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/rung.h"

#include <stdarg.h>
#include <stdio.h>

void rung_set(struct rung_result *r, enum rung_state ok, const char *fmt, ...)
{
	va_list ap;

	*r = (struct rung_result){.ok = ok, .ms = -1};
	va_start(ap, fmt);
	vsnprintf(r->detail, sizeof(r->detail), fmt, ap);
	va_end(ap);
}
