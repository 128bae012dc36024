/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/options.h"
#include "trust/trust.h"

/* The test root that signs what emulated trust domains show, for the verbs that use its keys. */

#define OPTION_STATE_DIR                           \
	OPTION_TEXT(state_dir, "state-dir", "DIR", \
	            "keys of the test root for emulated TDs ($XDG_STATE_HOME/tception)")

/* The keys in `dir`, or in the usual place when it is NULL; made where there are none. */
int authority_take(const char *dir, struct authority **ret, struct err *e);
