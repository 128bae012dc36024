/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "core/err.h"
#include "format/task.h"
#include "plan/plan.h"
#include "run/qemu.h"

/* A guest's ports of programs (format/task.h). */
struct task_ports {
	struct qemu_port far[TASK_PORTS]; /* QEMU's ends, for machine_start(), which closes them */
	char name[TASK_PORTS][24];
	int near[TASK_PORTS]; /* our ends */
	bool open;            /* ours are */
};
int task_ports_make(struct task_ports *ret, struct err *e);
void task_ports_done(struct task_ports *p); /* closes our ends, if they are open */

/* A boot of a run that stays up when its visits are done: its agent waits for what it is told next. */
struct kept_boot {
	struct machine *machine; /* NULL: none does */
	struct boot boot;        /* without steps */
	int task[TASK_PORTS];    /* our ends of its ports of programs; -1: somebody took it */
	sd_event *event;
	struct qgs *qgs; /* an emulated TD's quotes */
	uint32_t sequence; /* of the next frame to its agent */
	int dir_fd;      /* the run's folder, by which that service is reached */
};
/* Ends it, if there is one. */
void kept_boot_done(struct kept_boot *k);
