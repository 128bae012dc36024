/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "core/err.h"
#include "run/parts.h"
#include "run/here.h"
#include "run/process.h"
#include "run/qemu.h"
#include "run/qgs.h"
#include "run/sink.h"

/*
 * One QEMU, or the agent of a machine that is there already, with everything around it: sockets, RAM and module image of an emulated TD (memfds, so
 * nothing is left behind), log files in the boot's folder, the quoting service. Freed, it leaves no
 * process and no descriptor.
 */
#define MACHINE_PORTS_MAX 16 /* of machine_spec */

struct machine_spec {
	const struct boot *boot;
	const struct guest_parts *parts;
	const char *qemu;
	const struct quote_service *quotes; /* hardware TD: where its quotes come from */
	const char *qgs_socket; /* emulated TD: the same, a unix socket */
	struct qgs *qgs;        /* emulated TD: the service behind qgs_socket; not owned */
	int dir_fd;             /* the boot's folder */
	const char *qemu_version; /* struct host_facts */
	uint32_t tsc_khz;         /* the same */
	/* Of struct qemu_spec. The ends of the ports are closed here once QEMU has them. */
	const struct qemu_port *port;
	size_t ports;
	const struct argv *further;
	bool alone;
	uint32_t module_flags; /* TDXEMU_FLAG_*, beyond those of the boot */
	/* QEMU's end of ttyS0, for who wants it; it has no log then. 0: console.log. */
	int console_fd;
	struct here here; /* of a layer 0 that is not booted here */
};

struct machine;
int machine_start(sd_event *event, const struct machine_spec *spec, process_ended_fn ended,
                  void *userdata, struct machine **ret, struct err *e);
/* From now on somebody else is told of its end. Whether it still runs. */
bool machine_adopt(struct machine *m, process_ended_fn ended, void *userdata);
void machine_kill(struct machine *m);
void machine_free(struct machine *m);

int machine_channel(const struct machine *m); /* our end, non-blocking; stays the machine's */
char *const *machine_argv(const struct machine *m);
struct sink *machine_console(const struct machine *m);
/* The last lines of the console, else of the software TDX module's log; of QEMU's own output.
 * Caller frees. */
char *machine_console_tail(const struct machine *m);
char *machine_qemu_said(const struct machine *m);

/* For a reason, in words: how long its console has said nothing (`m` may be NULL), how it ended. */
void machine_describe_silence(const struct machine *m, uint64_t now_us, char *out, size_t size);
void machine_describe_end(const struct machine *m, int code, int status, char *out, size_t size);
