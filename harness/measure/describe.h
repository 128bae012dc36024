/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/quote.h"

/*
 * What an event of a log says that it measured, as one line of printable ASCII: the variable, the
 * command line, the partitions, the path of the program. An event's data is only a hint: the
 * register covers the digest. event_data_measured() tells whether they belong together.
 */
#define DESCRIBE_MAX 240 /* characters, with the NUL */

void event_describe(uint32_t type, struct bytes data, char out[DESCRIBE_MAX]);

/* Whether `digest` is SHA-384 of the data, or of the part of it that such events measure. */
bool event_data_measured(uint32_t type, struct bytes data, const uint8_t digest[48]);
