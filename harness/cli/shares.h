/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "core/err.h"

/*
 * Many items on several processors. Each share is a process of its own, forked with all that was
 * read before: nothing is locked, and a share that dies takes no other with it.
 *
 * `f` does one item and writes what it has to say to `out`; *exit_code becomes the worse of what it
 * was and what the item deserves. An error ends everything.
 */
typedef int (*share_fn)(void *context, size_t item, FILE *out, int *exit_code, struct err *e);

/*
 * Does items 0 to `items` - 1 in `jobs` processes (1: in this one). What they say comes out on
 * standard output in their order. -EPIPE: a share died.
 */
int shares_run(size_t items, unsigned jobs, share_fn f, void *context, int *exit_code,
               struct err *e);
