/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

/*
 * Adds `accounts` to the fact: those that a password opens, each with how it was found, and
 * `shadow`, the errno of reading /etc/shadow (0: it was read).
 */
void passwords_add(json_t *fact);

/* The same of the text of an /etc/shadow, with so many hashes tried. `text` is taken apart. */
json_t *passwords_of(char *text, int hashes);
