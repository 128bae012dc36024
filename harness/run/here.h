/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/argv.h"
#include "core/err.h"

/*
 * Layer 0 that somebody else booted: this machine, or another one by ssh(1). The agent is started
 * there as a program whose standard input and output are the evidence channel; as root and here in
 * mount namespace of its own, so that what it mounts is gone with it.
 */
struct here {
	const char *agent; /* its path, on that machine; NULL: build/agent beside us, `tception-agent` there */
	const char *ssh;   /* [user@]host as ssh(1) takes it, or NULL: this machine */
};

/* -EINVAL for a host that ssh would take for an option, -ENOENT where the agent is not. */
int here_argv(const struct here *h, struct argv *ret, struct err *e);
