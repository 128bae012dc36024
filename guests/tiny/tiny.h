/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "format/frame.h"

/* Appends to the payload of the next frame. */
void put(const char *text);
void send(enum frame_type type);
/* SHA-384 of all frames of this visit so far. */
void evidence(uint8_t ret[48]);
__attribute__((noreturn)) void leave(uint8_t code, const char *why);

/* broker.c: asks the layer below for a quote and passes its answer on as a REPORT, where there is
 * a second serial port (guests/agent/broker.h). `nonce` is base64 of 32 bytes. */
void broker_report(const char *layer, const char *nonce);
