/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/process.h"

/*
 * A program in the innermost layer of a stack, for `tception shell`: layers are entered as for a
 * visit, but behind VISIT come the records of format/task.h, which each layer passes on unread and
 * the innermost one obeys. There is one program, and its end is that of all layers.
 */

/*
 * Between our own standard input and output and a child that was started: sends `visit`, then what
 * comes, until the child has ended. Its standard error is ours. *ret_total: bytes it sent.
 */
int terminal_relay(struct process *p, const char *visit, size_t size, uint64_t *ret_total,
                   int *ret_status);

/* `agent into VISIT [PROGRAM...]`, in layer 0: the program's exit status, or 125 with the reason
 * on standard error. Without one, a shell. */
int into_main(char **args);
