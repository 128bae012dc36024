/* SPDX-License-Identifier: Apache-2.0 */
#include "td/keeper_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/argv.h"
#include "core/cleanup.h"
#include "format/tdxemu.h"
#include "run/kept.h"
#include "td/qemu.h"

/* Each TD has a service of its own, which knows the key of this boot only. */
int keeper_start_services(struct keeper *k, struct err *e)
{
	struct qgs_config qgs = {.authority = k->spec->authority};
	struct pccs_config pccs = {.authority = k->spec->authority};
	int r;

	if (k->spec->kept) /* it has its own */
		return 0;
	if (!k->spec->authority) {
		snprintf(k->qgs_socket, sizeof(k->qgs_socket), "%s", k->spec->quotes.path);
		return 0;
	}
	snprintf(k->qgs_socket, sizeof(k->qgs_socket), "/proc/self/fd/%d/qgs.socket",
	         k->spec->place.dir_fd);
	r = qgs_new(k->event, k->qgs_socket, &qgs, &k->qgs, e);
	return r < 0 ? r : pccs_new(k->event, &pccs, &k->pccs, e);
}

#define PORTS_MAX (TASK_PORTS + 1 + TASK_SHARES)

struct ports {
	struct qemu_port port[PORTS_MAX];
	char name[PORTS_MAX][32];
	size_t count;
};

/* Our end of a new one, or -errno. */
static int make_port(struct ports *p, const char *name, unsigned number, struct err *e)
{
	char *own = p->name[p->count];
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return err_sys(e, -errno, "socketpair");
	snprintf(own, sizeof(p->name[0]), name[strlen(name) - 1] == '.' ? "%s%u" : "%s", name,
	         number);
	p->port[p->count++] = (struct qemu_port){.fd = fd[1], .name = own};
	return fd[0];
}

static int make_shares(struct keeper *k, struct ports *p, struct err *e)
{
	const struct td_spec *s = k->spec;

	for (unsigned i = 0; i < s->shares; i++) {
		int fd = make_port(p, TASK_SHARE_NAME, i, e), r = fd;

		if (fd >= 0)
			r = share_start(&s->share[i], fd, &k->share[i], e);
		if (r >= 0 && (r = sd_event_add_child(k->event, &k->share_end[i], k->share[i],
		                                      WEXITED, keeper_share_ended, k)) < 0)
			err_sys(e, r, "event loop");
		if (r < 0)
			return r;
	}
	return 0;
}

/* Those of shared folders first: their processes shall have no other's. */
static int make_ports(struct keeper *k, struct ports *p, struct err *e)
{
	int ours[TASK_PORTS], quotes, r = make_shares(k, p, e);

	for (unsigned i = 0; i < TASK_PORTS && r >= 0; i++)
		r = ours[i] = make_port(p, TASK_PORT_NAME, i, e);
	if (r >= 0)
		r = wires_new(k->event, ours, TASK_PORTS, k->spec->alone, &k->wires, e);
	if (r >= 0)
		r = quotes = make_port(p, TASK_QUOTES_NAME, 0, e);
	if (r >= 0)
		r = quotes_new(k->event, quotes, k->qgs_socket, &k->quotes, e);
	if (r >= 0)
		wires_on_stop(k->wires, keeper_stop, k);
	return r;
}

/* What of the platform's profile the module itself has to show. */
static uint32_t profile_flags(const struct td_spec *s)
{
	return s->authority && authority_profile(s->authority) == PROFILE_TD_RELAUNCH_ADVISED
	               ? TDXEMU_FLAG_UPDATED
	               : 0;
}

/* It runs, and has ports. */
static int take_machine(struct keeper *k, struct err *e)
{
	struct kept_boot *kept = k->spec->kept;
	int task[TASK_PORTS], r;

	for (size_t i = 0; i < TASK_PORTS; i++)
		task[i] = TAKE_FD(kept->task[i]);
	k->machine = TAKE_PTR(kept->machine);
	k->outbox.sequence = kept->sequence;
	r = wires_new(k->event, task, TASK_PORTS, false, &k->wires, e);
	if (r < 0)
		return r;
	wires_on_stop(k->wires, keeper_stop, k);
	return machine_adopt(k->machine, keeper_machine_ended, k)
	               ? 0
	               : err_set(e, -EPIPE, "its QEMU has ended");
}

static int make_machine(struct keeper *k, struct err *e)
{
	struct ports ports = {.count = 0};
	struct argv further = {0};
	struct machine_spec m = {
	        .boot = &k->spec->boot,
	        .parts = &k->spec->parts,
	        .qemu = k->spec->host.qemu,
	        .qemu_version = k->spec->host.qemu_version,
	        .quotes = &k->spec->quotes,
	        .qgs_socket = k->qgs_socket,
	        .qgs = k->qgs,
	        .dir_fd = k->spec->place.dir_fd,
	        .tsc_khz = k->spec->host.tsc_khz,
	        .port = ports.port,
	        .further = &further,
	        .alone = k->spec->alone,
	        .module_flags = profile_flags(k->spec),
	};
	int r = make_ports(k, &ports, e);

	m.ports = ports.count;
	/* Its end goes to QEMU and is closed here; ours is for our own last words. */
	if (r == 0 && k->spec->alone &&
	    (m.console_fd = fcntl(k->spec->console, F_DUPFD_CLOEXEC, 3)) < 0)
		r = err_sys(e, -errno, "console");
	if (r == 0) {
		td_qemu_options(k->spec, &further);
		r = machine_start(k->event, &m, keeper_machine_ended, k, &k->machine, e);
	}
	argv_done(&further);
	return r;
}

int keeper_start_machine(struct keeper *k, struct err *e)
{
	int r = k->spec->kept ? take_machine(k, e) : make_machine(k, e);

	if (r == 0)
		r = sd_event_add_io(k->event, &k->io, machine_channel(k->machine), EPOLLIN,
		                    keeper_control, k);
	return r;
}
