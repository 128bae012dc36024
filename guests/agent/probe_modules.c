/* SPDX-License-Identifier: Apache-2.0 */
/* How the loading of the kernel's modules at the start of this machine went. */
#include <sys/wait.h>

#include "agent/pid1.h"
#include "agent/probe.h"

json_t *probe_modules(void *unused)
{
	const struct system_modules *m = system_modules();

	(void)unused;
	if (!m)
		return json_pack("{s:b}", "asked", 0);
	bool exited = m->status >= 0 && WIFEXITED(m->status);
	bool killed = m->status >= 0 && WIFSIGNALED(m->status);
	return json_pack("{s:b,s:s,s:o,s:o,s:f}", "asked", 1, "kvm", m->kvm, "exit",
	                 exited ? json_integer(WEXITSTATUS(m->status)) : json_null(), "signal",
	                 killed ? json_integer(WTERMSIG(m->status)) : json_null(), "ms", m->ms);
}
