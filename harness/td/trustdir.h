/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <time.h>

#include "trust/trust.h"

/*
 * What a verifier of emulated quotes needs, as files: the test root, the collateral of the
 * platform's profile, a policy, and the plain words that all of it is emulated.
 */
#define TRUST_FILES 4
struct trust_file {
	const char *name;
	char *text;
};

int trust_files(const struct authority *a, time_t at, struct trust_file ret[TRUST_FILES],
                struct err *e);
void trust_files_done(struct trust_file file[TRUST_FILES]);
/* Writes them into a folder, which is made. */
int trust_files_write(const struct authority *a, time_t at, const char *dir, struct err *e);
