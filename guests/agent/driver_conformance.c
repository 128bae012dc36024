/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing is entered: the agent again, as a plain program, and guests/conformance run by it. */
#include "agent/conformance.h"
#include "agent/driver.h"
#include "agent/paths.h"

static int prepare(struct entry *e, struct trouble *t)
{
	int r = conformance_ready(t);

	command_add_all(&e->command, AGENT_FILE, "layer", NULL);
	return r;
}

static const struct driver conformance = {
        .kind = KIND_CONFORMANCE, .prepare = prepare, .good_exit = -1};
DRIVER(conformance);
