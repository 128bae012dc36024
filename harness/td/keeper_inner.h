/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/wait.h>

#include "format/frame.h"
#include "run/channel.h"
#include "run/machine.h"
#include "run/pccs.h"
#include "run/qgs.h"
#include "td/quotes.h"
#include "td/td.h"
#include "td/wire.h"

/* What keeper.c and keeper_machine.c share. */
#define CONTROL_MAX (64u << 10) /* bytes of a frame that we look at */

enum state { BOOTING, PREPARING, SERVING, ENDING };

struct keeper {
	const struct td_spec *spec;
	sd_event *event;
	sd_event_source *timer, *io, *listener, *owner;
	struct machine *machine;
	struct qgs *qgs;
	struct pccs *pccs;
	struct quotes *quotes;
	struct wires *wires;
	pid_t share[TASK_SHARES]; /* 0: none */
	sd_event_source *share_end[TASK_SHARES];
	struct outbox outbox;
	enum state state;
	int listen_fd, report;
	char qgs_socket[128];
	uint64_t started;
	uint8_t frame[FRAME_HEADER_SIZE + CONTROL_MAX];
	size_t have;
	struct err *failure;
	int code;
};

/* keeper.c: what is called when something happens; `userdata` is the keeper */
void keeper_machine_ended(struct process *p, int code, int status, void *userdata);
int keeper_share_ended(sd_event_source *source, const siginfo_t *si, void *userdata);
int keeper_control(sd_event_source *source, int fd, uint32_t events, void *userdata);
void keeper_stop(void *userdata);

/* keeper_machine.c: what a TD is made of, or what is there of one that a run kept */
int keeper_start_services(struct keeper *k, struct err *e);
int keeper_start_machine(struct keeper *k, struct err *e);
