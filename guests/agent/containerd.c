/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/containerd.h"

#include <string.h>
#include <unistd.h>

#include "agent/container.h"
#include "agent/paths.h"
#include "agent/util.h"

#define CONFIG RUN_DIR "/containerd.toml"

static bool answers(const char *path)
{
	_cleanup_(util_closep) int fd = daemon_connect(path);

	return fd >= 0;
}

/* Of its own, because dockerd waits only 15 s for one that it starts itself; set up as that one. */
static int ready(int64_t end_ms, struct trouble *t)
{
	(void)end_ms;
	static const char config[] =
	        "version = 2\n"
	        "root = \"" CONTAINERD_STORAGE
	        "/containerd\"\n"
	        "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n";

	container_host_engine(CONTAINERD_STORAGE);
	int r = util_create_file(CONFIG, config, sizeof(config) - 1, 0644);
	return r == 0 ? 0 : trouble_set(t, r, "containerd", "its configuration: %s", strerror(-r));
}

static void command(struct command *c)
{
	command_add_all(c, "containerd", "--config", CONFIG, NULL);
}

const struct daemon containerd_daemon = {
        .name = "containerd",
        .modes = 1u << MODE_PLAIN | 1u << MODE_PRIVILEGED | 1u << MODE_REMAP,
        .socket = CONTAINERD_SOCKET,
        .log = RUN_DIR "/containerd.log",
        .answers = answers,
        .ready = ready,
        .command = command,
};
