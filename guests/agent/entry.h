/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGENT_ENTRY_H
#define AGENT_ENTRY_H

#include <stdint.h>

#include "agent/broker.h"
#include "agent/container.h"
#include "agent/process.h"
#include "agent/visit.h"

/*
 * A layer on its way in: what it is to be, and all that was made or changed for it. child.c owns it
 * from before its driver is asked until what it holds was put back.
 */
struct entry {
	const struct visit_layer *visit;
	struct layer layer;
	char name[48];  /* unique to this child: containers are called so */
	int64_t end_ms; /* util_now_ms() at which it is ended */
	struct command command;
	struct container container;
	struct broker broker;
};

#endif
