/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "measure/sdboot/entries.h"

/*
 * Versions as systemd compares them (uapi-group.org, "Version Format"): <0, 0, >0. NULL is "".
 */
int sd_version_compare(const char *a, const char *b);

/* In the order of the menu; those that compare equal keep theirs. */
void sd_entries_sort(struct sd_entries *list, const struct sd_program *p);
