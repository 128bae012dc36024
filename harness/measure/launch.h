/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "format/quote.h"

/*
 * The image digest (format/extend.h) that a layer will measure of the containers it starts, from
 * the initrd alone: they hold the agent, which is the initrd's /init, and the empty files and
 * directories that container engines mount upon.
 *
 * -ENOENT: no cpio archive with an init in it. The agent itself may be 64 MiB.
 */
int launch_container_image(struct bytes initrd, uint8_t ret[48], struct err *e);

/* The same of an agent that is at hand. */
void launch_agent_image(struct bytes agent, uint8_t ret[48]);
