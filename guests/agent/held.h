/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdint.h>

/*
 * What a child layer costs, as the layer below sees it: how long it takes to come to life, the
 * memory and storage it holds at most. The figures are those of the whole machine, so they are
 * rough where anything else runs beside it.
 */
struct held {
	int64_t disk, memory, least; /* KiB used before it was made ready; available before it ran;
	                                least available since */
	int64_t most;                /* KiB of storage used at most */
	double begun, started, first_byte; /* ms of the monotonic clock; 0: not yet */
};

void held_begin(struct held *h);               /* before the layer is made ready */
void held_start(struct held *h);               /* before its process is started */
void held_look(struct held *h, int64_t since); /* something came from it, first at `since` */

/* Adds `prepare_ms`, `ready_ms`, `memory_kib` and `disk_kib` to LEFT: null for what was not
 * reached. */
void held_add(const struct held *h, json_t *left);
