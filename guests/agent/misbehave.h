/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * For tests of what has to hold when a layer does not behave (`@agent=WORD`): "hang" says HELLO to
 * nobody and sleeps, "flood" writes without end, "garbage" writes what is no frame. False for any
 * other word; true, after garbage, when it is done.
 */
bool misbehave(const char *word);

/*
 * "replay" and "foreign" serve as any agent does, and hand in genuine quotes that are not this layer's: of
 * another nonce, as one kept from before has, or of another layer's name. False for any other word.
 */
bool misbehave_quotes(const char *word);
/* What REPORTDATA of a quote is then made of; otherwise what is given. */
const uint8_t *misbehave_nonce(const uint8_t nonce[32]);
const char *misbehave_id(const char *id);
