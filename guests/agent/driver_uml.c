/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User-mode Linux: a kernel as a process of this layer's, with the agent as its init. It needs no
 * virtualisation extension. Its serial line is the channel: the agent makes it raw first.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/broker.h"
#include "agent/cpio.h"
#include "agent/driver.h"
#include "agent/rootfs.h"
#include "agent/util.h"

#define INITRD RUN_DIR "/uml.cpio"

static int add_broker(struct command *c, struct trouble *t)
{
	char line[BROKER_LINE_MAX];
	int r = broker_line_start(line, t);

	if (r < 0)
		return r;
	command_addf(c, "ssl1=tty:%s", line);
	command_add(c, BROKER_OPTION "/dev/ttyS1");
	return 0;
}

static int prepare(const struct layer *layer, const char *name, int64_t end_ms, struct command *ret,
                   struct trouble *t)
{
	(void)end_ms;
	int r = util_mkdirs(RUN_DIR, 0755);
	if (r == 0 && access(INITRD, R_OK) < 0)
		r = cpio_make_initrd(AGENT_FILE, NULL, INITRD);
	if (r < 0)
		return trouble_set(t, r, "initrd", INITRD ": %s", strerror(-r));
	command_add(ret, "linux.uml");
	command_measure(ret, "kernel", "/usr/bin/linux.uml");
	command_measure(ret, "initrd", INITRD);
	command_addf(ret, "mem=%sM", layer_axis(layer, "mem", "128"));
	command_addf(ret, "umid=%s", name);
	command_add_all(ret, "uml_dir=" RUN_DIR "/uml", "initrd=" INITRD, "con=null",
	                "con0=null,fd:2", "ssl=null", "ssl0=fd:0,fd:1", "quiet", "panic=-1",
	                "tception.tty=/dev/ttyS0", NULL);
	return layer_grants(layer, "broker") ? add_broker(ret, t) : 0;
}

static void clean(const struct layer *layer, const char *name)
{
	(void)layer;
	(void)name;
	broker_line_stop();
}

static const char *const modes[] = {"", NULL};

const struct driver driver_uml = {
        .kind = "uml",
        .modes = modes,
        .prepare = prepare,
        .clean = clean,
        .good_exit = -1,
        .speaks_first = true,
};
