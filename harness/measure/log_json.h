/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_MEASURE_LOG_JSON_H
#define TCEPTION_MEASURE_LOG_JSON_H

#include "format/bytes.h"
#include "measure/log.h"

/* Private to this room. */

/* A new last event, NULL when there are too many of them or no memory. */
struct log_event *log_append(struct log *l, struct err *e);

/* Fills an empty log, whose heap has data.size bytes, from JSON. */
int log_read_json(struct bytes data, struct log *l, struct format_fault *ret_fault, struct err *e);

#endif
