/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * A systemd of its own beside the agent, which is the init: PID 1 of new PID, mount and control
 * group namespaces, with a /run of its own, so that engines don't take this for a machine of
 * systemd's. Its services have this layer's devices, files, network and capabilities.
 */
#define SYSTEMD_WORD "systemd"                   /* `agent systemd` becomes its parent */
#define SYSTEMD_PID  "/run/tception/systemd.pid" /* its PID, as this layer sees it */

int systemd_main(void);
