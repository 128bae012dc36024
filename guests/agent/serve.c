/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation: one visit after another, see README.md. */
#include "agent/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/child.h"
#include "agent/driver.h"
#include "agent/place.h"
#include "agent/probe.h"
#include "agent/td.h"
#include "agent/util.h"
#include "agent/visit.h"

static int send_hello(struct channel *c, const struct visit_layer *layer)
{
	_cleanup_(util_freep) char *boot = util_read_line("/proc/sys/kernel/random/boot_id");
	struct utsname uts;

	uname(&uts);
	return channel_send(
	        c, FRAME_HELLO,
	        json_pack("{s:s,s:o,s:s,s:s,s:s,s:b,s:i,s:i,s:I,s:o}", "layer", layer->id, "nonce",
	                  util_json_base64(layer->nonce, sizeof(layer->nonce)), "agent",
	                  AGENT_VERSION, "kernel", uts.release, "machine", uts.machine, "pid1",
	                  getpid() == 1 || getppid() == 1, "uid", (int)getuid(), "gid",
	                  (int)getgid(), "uptime_ms", (json_int_t)util_uptime_ms(), "boot_id",
	                  boot ? util_json_text(boot, strlen(boot)) : json_null()));
}

/* The answer is read against the asker's own clock: see harness/judge/broken.h. */
static int send_clock(struct channel *c)
{
	return channel_send(c, FRAME_CLOCK,
	                    json_pack("{s:I}", "monotonic_us", (json_int_t)util_now_us()));
}

int terminal_serve(struct channel *c, const struct visit *visit)
{
	_cleanup_(util_closep) int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct channel silent; /* no frames go where records go */

	if (visit->layers == 1)
		return td_serve_task(c->in, c->out);
	if (null < 0)
		return -errno;
	dup2(c->in, STDIN_FILENO);
	dup2(c->out, STDOUT_FILENO);
	channel_init(&silent, -1, null, false);
	return child_enter(&silent, visit);
}

/* 1: it was the last. */
static int serve_visit(struct channel *c, const json_t *object)
{
	const char *what = "";
	struct visit visit;
	int r = visit_parse(object, &visit, &what);

	if (r < 0) {
		util_log("VISIT: bad or missing member '%s'", what);
		return r;
	}
	channel_begin(c);
	place_set(&visit.layer[0]);
	if (visit.terminal) {
		r = terminal_serve(c, &visit);
		return r < 0 ? r : 1;
	}
	if (visit.layer[0].probe) {
		r = send_hello(c, &visit.layer[0]);
		if (r == 0)
			r = probe_layer(c, &visit.layer[0]);
	}
	if (r == 0 && visit.layers > 1)
		r = child_enter(c, &visit);
	if (r == 0)
		r = channel_send(c, FRAME_DONE, json_pack("{s:s}", "layer", visit.layer[0].id));
	return r;
}

int serve(struct channel *c)
{
	if (c->port) { /* whoever has opened the port before us, firmware for one, is gone */
		int r = channel_send(c, FRAME_READY, json_pack("{s:s}", "agent", AGENT_VERSION));
		if (r < 0)
			return r;
	}
	for (;;) {
		_cleanup_(util_json_decrefp) json_t *object = NULL;
		uint16_t type = 0;
		int r = channel_receive(c, &type, &object);
		if (r == -ENODATA)
			return 0;
		if (r < 0)
			return r;
		if (type == FRAME_BYE)
			return 0;
		if (type == FRAME_VISIT)
			r = serve_visit(c, object);
		else if (type == FRAME_TIME)
			r = send_clock(c);
		else if (type == FRAME_TD && c->port)
			r = td_begin(c, object);
		if (r != 0)
			return r < 0 ? r : 0;
	}
}
