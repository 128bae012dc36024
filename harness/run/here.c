/* SPDX-License-Identifier: Apache-2.0 */
#include "run/here.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/install.h"
#include "run/host.h"

#define REMOTE_AGENT "tception-agent" /* in the PATH there; tception agent-kit says how */

/* ssh hands its words to a shell there: a path is one plain word. */
static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";

static int find_agent(const struct here *h, char path[static PATH_MAX], struct err *e)
{
	char own[PATH_MAX];
	bool installed;
	int r = h->agent ? 0 : install_dir(own, &installed, e);

	if (r == 0)
		r = h->agent ? path_format(path, e, "%s", h->agent) : path_join(path, own, "agent", e);
	if (r == 0 && access(path, X_OK) < 0)
		r = err_set(e, -ENOENT, "the agent %s: %s; 'make guests' makes it, --agent names it",
		            path, strerror(errno));
	return r;
}

static int ssh_words(const struct here *h, struct argv *a, struct err *e)
{
	const char *agent = h->agent ? h->agent : REMOTE_AGENT;
	char ssh[PATH_MAX];

	if (h->ssh[0] == '-' || h->ssh[0] == '\0')
		return err_set(e, -EINVAL, "--ssh: no host: '%.60s'", h->ssh);
	if (agent[strspn(agent, plain)] != '\0')
		return err_set(e, -EINVAL, "--agent: no plain path: '%.60s'", agent);
	if (host_find_program("ssh", ssh, sizeof(ssh)) < 0)
		return err_set(e, -ENOENT, "no ssh in PATH");
	argv_add(a, ssh);
	argv_add(a, "-T");
	argv_add(a, "-oBatchMode=yes");
	argv_add(a, "--");
	argv_add(a, h->ssh);
	argv_add(a, agent);
	return 0;
}

int here_argv(const struct here *h, struct argv *ret, struct err *e)
{
	char agent[PATH_MAX], unshare[PATH_MAX];
	struct argv a = {0};
	int r;

	if (h->ssh) {
		r = ssh_words(h, &a, e);
	} else {
		r = find_agent(h, agent, e);
		if (r == 0 && geteuid() == 0 &&
		    host_find_program("unshare", unshare, sizeof(unshare)) == 0) {
			argv_add(&a, unshare);
			argv_add(&a, "--mount");
			argv_add(&a, "--");
		}
		if (r == 0)
			argv_add(&a, agent);
	}
	if (r == 0)
		argv_add(&a, "layer");
	if (r == 0 && a.failed)
		r = err_nomem(e);
	if (r < 0)
		argv_done(&a);
	else
		*ret = a;
	return r;
}
