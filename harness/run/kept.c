/* SPDX-License-Identifier: Apache-2.0 */
#include "run/kept.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "core/cleanup.h"
#include "run/machine.h"

int task_ports_make(struct task_ports *ret, struct err *e)
{
	for (unsigned i = 0; i < TASK_PORTS; i++) {
		int fd[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0) {
			int error = errno;

			while (i-- > 0) {
				closep(&ret->near[i]);
				closep(&ret->far[i].fd);
			}
			return err_sys(e, -error, "socketpair");
		}
		snprintf(ret->name[i], sizeof(ret->name[i]), TASK_PORT_NAME "%u", i);
		ret->near[i] = fd[0];
		ret->far[i] = (struct qemu_port){.fd = fd[1], .name = ret->name[i]};
	}
	ret->open = true;
	return 0;
}

void task_ports_done(struct task_ports *p)
{
	for (size_t i = 0; p->open && i < TASK_PORTS; i++)
		closep(&p->near[i]);
	p->open = false;
}

void kept_boot_done(struct kept_boot *k)
{
	if (!k->event)
		return;
	machine_free(k->machine); /* NULL, where a keeper had it */
	for (size_t i = 0; i < TASK_PORTS; i++)
		closep(&k->task[i]);
	qgs_free(k->qgs);
	sd_event_unref(k->event);
	closep(&k->dir_fd);
	*k = (struct kept_boot){0};
}
