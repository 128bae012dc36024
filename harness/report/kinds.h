/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdio.h>

/* The vocabulary of cells (format/kinds.h) for people: three Markdown tables, as in
 * cases/README.md. */
void kinds_print(FILE *out);
/* And for programs. NULL: out of memory. */
json_t *kinds_json(void);
