/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * What a deadline inside the guest has cut off. That something did not come in time tells of a slow
 * machine and not of what there is, so a layer with such a frame has no verdict: its cell is
 * `broken`. Each writes into `out` what was cut off, in printable ASCII, and returns whether
 * anything was.
 */
bool cutoff_fact(const json_t *fact, char *out, size_t size);
/* A REPORT or an EXTEND; ETIMEDOUT is the kernel's own deadline, or a broker's. */
bool cutoff_attempt(const json_t *attempt, char *out, size_t size);
/* The last words of what was to start a layer, and did not: an engine has deadlines of its own. */
bool cutoff_words(const char *words);
