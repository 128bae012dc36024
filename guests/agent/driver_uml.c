/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User-mode Linux: a kernel as a process of this layer's, with the agent as its init. It needs no
 * virtualisation extension. Its serial line is the channel: the agent makes it raw first.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/cpio.h"
#include "agent/driver.h"
#include "agent/rootfs.h"
#include "agent/util.h"

#define INITRD RUN_DIR "/uml.cpio"

static int add_broker(struct entry *e, struct trouble *t)
{
	int r = broker_line_start(&e->broker, t);

	if (r < 0)
		return r;
	command_addf(&e->command, "ssl1=tty:%s", e->broker.path);
	command_add(&e->command, BROKER_OPTION "/dev/ttyS1");
	return 0;
}

static int prepare(struct entry *e, struct trouble *t)
{
	struct command *c = &e->command;
	int r = util_mkdirs(RUN_DIR, 0755);

	if (r == 0 && access(INITRD, R_OK) < 0)
		r = cpio_make_initrd(AGENT_FILE, NULL, INITRD);
	if (r < 0)
		return trouble_set(t, r, "initrd", INITRD ": %s", strerror(-r));
	command_add(c, "linux.uml");
	command_measure(c, "kernel", "/usr/bin/linux.uml");
	command_measure(c, "initrd", INITRD);
	command_addf(c, "mem=%uM", layer_number(&e->layer, AXIS_MEM));
	command_addf(c, "umid=%s", e->name);
	command_add_all(c, "uml_dir=" RUN_DIR "/uml", "initrd=" INITRD, "con=null",
	                "con0=null,fd:2", "ssl=null", "ssl0=fd:0,fd:1", "quiet", "panic=-1",
	                "tception.tty=/dev/ttyS0", NULL);
	return layer_has(&e->layer, GRANT_BROKER) ? add_broker(e, t) : 0;
}

static const struct driver uml = {
        .kind = KIND_UML, .prepare = prepare, .good_exit = -1, .speaks_first = true};
DRIVER(uml);
