/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent/daemon.h"

/* Docker's containerd, which `ctr` uses too: one daemon, started for whichever comes first. */
#define CONTAINERD_SOCKET  "/run/containerd/containerd.sock"
#define CONTAINERD_STORAGE "/var/lib/docker" /* below it, beside Docker's own */
extern const struct daemon containerd_daemon;
