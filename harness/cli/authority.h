/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_CLI_AUTHORITY_H
#define TCEPTION_CLI_AUTHORITY_H

#include <argp.h>

#include "trust/trust.h"

/* The test root that signs what emulated trust domains show, for the verbs that use its keys. */

extern const struct argp authority_options; /* [const char *]: --state-dir */

/* The keys in `dir`, or in the usual place when it is NULL; made where there are none. */
int authority_take(const char *dir, struct authority **ret, struct err *e);

#endif
