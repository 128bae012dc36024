/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/authority.h"

#include "core/cleanup.h"

int authority_take(const char *dir, struct authority **ret, struct err *e)
{
	_cleanup_(freep) char *usual = NULL;
	int r = dir ? 0 : authority_default_dir(&usual, e);

	return r < 0 ? r : authority_open(dir ? dir : usual, ret, e);
}
