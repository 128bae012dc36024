/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/util.h"

#define CHUNK   65536
#define TICK_MS 20

/* One direction. `from` is -1 at its end, `to` once nobody takes it any more. */
struct pump {
	int from, to;
	uint8_t *data;
	size_t used;
	uint64_t total;
};

static void pump_fill(struct pump *p)
{
	ssize_t n = read(p->from, p->data + p->used, CHUNK - p->used);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		p->from = -1;
	else
		p->used += (size_t)n, p->total += (uint64_t)n;
}

static void pump_empty(struct pump *p)
{
	ssize_t n = p->to >= 0 ? write(p->to, p->data, p->used) : (ssize_t)p->used;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		p->to = -1;
		n = (ssize_t)p->used;
	}
	p->used -= (size_t)n;
	memmove(p->data, p->data + n, p->used);
}

static void pumps_turn(struct pump *p, size_t count)
{
	struct pollfd fd[6];

	for (size_t i = 0; i < count; i++) {
		fd[2 * i] =
		        (struct pollfd){.fd = p[i].used < CHUNK ? p[i].from : -1, .events = POLLIN};
		fd[2 * i + 1] = (struct pollfd){.fd = p[i].used ? p[i].to : -1, .events = POLLOUT};
	}
	if (poll(fd, 2 * count, TICK_MS) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		if (fd[2 * i].revents)
			pump_fill(&p[i]);
		if (fd[2 * i + 1].revents || (p[i].used && p[i].to < 0))
			pump_empty(&p[i]);
	}
}

/* Until it has ended and all that it said is passed on. Who hung up ends it. */
static void relay(struct process *process, struct pump pump[3], int *ret_status)
{
	bool ended = false, killed = false;

	while (!ended || pump[1].from >= 0 || pump[1].used || pump[2].used) {
		pumps_turn(pump, 3);
		if (!ended && process_ended(process, ret_status))
			ended = true;
		if (pump[0].from < 0 && !pump[0].used && process->in >= 0) {
			close(process->in);
			process->in = pump[0].to = -1;
		}
		if (pump[1].to < 0 && !killed) {
			process_kill(process);
			killed = true;
		}
	}
}

int terminal_relay(struct process *p, const char *visit, size_t size, uint64_t *ret_total,
                   int *ret_status)
{
	struct pump pump[] = {
	        {.from = STDIN_FILENO, .to = p->in},
	        {.from = p->out, .to = STDOUT_FILENO},
	        {.from = p->err, .to = STDERR_FILENO},
	};
	int r = size > CHUNK ? -EMSGSIZE : 0;

	for (size_t i = 0; i < COUNT_OF(pump); i++) {
		pump[i].data = malloc(CHUNK);
		r = pump[i].data ? r : -ENOMEM;
	}
	if (r == 0) {
		memcpy(pump[0].data, visit, size);
		pump[0].used = size;
		relay(p, pump, ret_status);
		*ret_total = pump[1].total;
	}
	for (size_t i = 0; i < COUNT_OF(pump); i++)
		free(pump[i].data);
	return r;
}
