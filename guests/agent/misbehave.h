/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * For tests of what has to hold when a layer does not behave (`@agent=WORD`): "hang" says HELLO to
 * nobody and sleeps, "flood" writes without end, "garbage" writes what is no frame. False for any
 * other word; true, after garbage, when it is done.
 */
bool misbehave(const char *word);
