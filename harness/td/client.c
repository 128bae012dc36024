/* SPDX-License-Identifier: Apache-2.0 */
#include "td/client.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/json.h"
#include "format/task.h"
#include "td/td.h"

#define INPUT_CHUNK    16384
#define DESCRIPTION    "td.json"
#define PATIENCE_COUNT 3 /* so many signals, and we don't wait for the program any more */
#define DESCRIBED_MAX  (64u << 10)

struct connection {
	const struct task *t;
	int fd, signals;
	int input;      /* -1: at its end */
	uint32_t wants; /* bytes of input that may go */
	unsigned interrupted;
	bool ended;
	int status;
	uint8_t data[TASK_RECORD_MAX + 1];
};

/* ---- records ---- */

static int send_record(int fd, enum task_record type, const void *data, size_t size, struct err *e)
{
	uint8_t bytes[TASK_HEADER_SIZE + TASK_RECORD_MAX];
	size_t all = TASK_HEADER_SIZE + size;

	if (size > TASK_RECORD_MAX)
		return err_set(e, -E2BIG, "the command line and its environment are too long");
	task_header(bytes, type, (uint32_t)size);
	memcpy(bytes + TASK_HEADER_SIZE, data, size);
	for (size_t sent = 0; sent < all;) {
		ssize_t n = send(fd, bytes + sent, all - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return err_sys(e, -errno, "the TD is gone");
		sent += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int read_exactly(int fd, void *data, size_t size, struct err *e)
{
	char *p = data;

	while (size) {
		ssize_t n = read(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, -EPIPE, "the TD has ended");
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

static int write_all(int fd, const uint8_t *data, size_t size, struct err *e)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EAGAIN) { /* somebody made our terminal so */
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
			continue;
		}
		if (n < 0 && errno != EINTR)
			return err_sys(e, -errno, "writing what the program said");
		data += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* ---- the request ---- */

static json_t *words(char *const *item)
{
	json_t *list = json_array();

	for (; item && *item; item++) {
		if (json_array_append_new(list, json_string(*item)) < 0) {
			json_decref(list);
			return NULL; /* not UTF-8 */
		}
	}
	return list;
}

int client_describe(const struct place *p, json_t **ret, struct err *e)
{
	_cleanup_(bytes_free) struct bytes text = {0};
	char path[PATH_MAX];
	int r = path_join(path, p->dir, DESCRIPTION, e);

	if (r == 0)
		r = file_read(path, DESCRIBED_MAX, &text, e);
	if (r < 0)
		return r;
	*ret = json_loadb((const char *)text.data, text.size, 0, NULL);
	return *ret ? 0 : err_set(e, -EBADMSG, "%s: no JSON", path);
}

static int request(const struct place *p, const struct task *t, char **ret, struct err *e)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	json_t *td, *argv = words(t->argv), *o;
	int r = argv ? client_describe(p, &td, e)
	             : err_set(e, -EILSEQ, "the command line is not UTF-8");

	if (r < 0) {
		json_decref(argv);
		return r;
	}
	if (t->terminal)
		ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
	o = json_pack("{s:o, s:O?, s:s, s:b, s:i, s:i}", "argv", argv, "env",
	              json_object_get(td, "environment"), "cwd", "/work", "tty", t->terminal,
	              "rows", (int)size.ws_row, "columns", (int)size.ws_col);
	if (o && !t->bare && member_bool(td, "root", false))
		json_object_set_new(o, "chroot", json_string("/run/tception/rootfs"));
	*ret = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	json_decref(td);
	return *ret ? 0 : err_nomem(e);
}

/* ---- what comes back ---- */

static int take_end(struct connection *c, size_t size, struct err *e)
{
	json_t *o = json_loadb((char *)c->data, size, 0, NULL);
	char name[40];
	int r = 0;

	snprintf(name, sizeof(name), "%s", member_errno(o, "errno"));
	c->ended = true;
	if (member_bool(o, "started", false)) {
		int signal = (int)member_integer(o, "signal", 0);

		c->status = signal ? 128 + (signal & 127) : (int)member_integer(o, "exit", 0) & 255;
	} else if (strcmp(name, "EBUSY") == 0) {
		r = err_set(e, -EBUSY, "%d programs run in the TD already, more can't", TASK_PORTS);
	} else if (strcmp(name, "ENOTCONN") == 0) {
		r = err_set(
		        e, -ENOTCONN,
		        "no agent answers in the TD, which boots a disk of its own; an image "
		        "with 'tception agent-kit' in it has one, and 'td run --image' needs none");
	} else if (strcmp(name, "EPROTO") == 0) {
		r = err_set(e, -EPROTO, "the TD does not answer as it should");
	} else {
		c->status = strcmp(name, "ENOENT") == 0 ? TASK_NO_PROGRAM : TASK_NOT_STARTED;
		r = err_set(e, 0, "cannot start %.100s in the TD: %s", c->t->argv[0],
		            name[0] ? name : "?");
	}
	json_decref(o);
	return r;
}

static int take_record(struct connection *c, struct err *e)
{
	uint8_t header[TASK_HEADER_SIZE];
	uint32_t size;
	int r = read_exactly(c->fd, header, sizeof(header), e);

	if (r < 0)
		return r;
	size = task_get32(header + 1);
	if (size > TASK_RECORD_MAX)
		return err_set(e, -EPROTO, "the TD does not answer as it should");
	r = read_exactly(c->fd, c->data, size, e);
	if (r < 0)
		return r;
	switch ((int)header[0]) {
	case TASK_WANT:
		if (size == 4)
			c->wants += task_get32(c->data);
		return 0;
	case TASK_OUTPUT:
		return write_all(c->t->output, c->data, size, e);
	case TASK_ERROR:
		return write_all(c->t->error, c->data, size, e);
	case TASK_END:
		return take_end(c, size, e);
	case TD_ENDED:
		return err_set(e, -EPIPE, "the TD has ended: %.*s", (int)size, (char *)c->data);
	default:
		return err_set(e, -EPROTO, "the TD does not answer as it should");
	}
}

/* ---- what goes in ---- */

/* Where nobody takes it any more, END is on its way, or what is read next says that it is not. */
static int tell(struct connection *c, enum task_record type, const void *data, size_t size)
{
	if (send_record(c->fd, type, data, size, NULL) < 0)
		c->input = -1;
	return 0;
}

static int give_input(struct connection *c, struct err *e)
{
	uint8_t data[INPUT_CHUNK];
	size_t most = c->wants < sizeof(data) ? c->wants : sizeof(data);
	ssize_t n = read(c->input, data, most);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0 && c->t->terminal && memchr(data, TASK_ESCAPE, (size_t)n))
		return err_set(e, -EINTR, "hung up by Ctrl-]");
	if (n <= 0) {
		c->input = -1;
		n = 0;
	}
	c->wants -= (uint32_t)n;
	return tell(c, TASK_INPUT, data, (size_t)n);
}

static int send_size(struct connection *c)
{
	struct winsize size;
	uint8_t bytes[4];

	if (!c->t->terminal || ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0)
		return 0;
	bytes[0] = (uint8_t)size.ws_row;
	bytes[1] = (uint8_t)(size.ws_row >> 8);
	bytes[2] = (uint8_t)size.ws_col;
	bytes[3] = (uint8_t)(size.ws_col >> 8);
	return tell(c, TASK_SIZE, bytes, sizeof(bytes));
}

static int take_signal(struct connection *c, struct err *e)
{
	struct signalfd_siginfo si;
	uint8_t number;

	if (read(c->signals, &si, sizeof(si)) != sizeof(si))
		return 0;
	if (si.ssi_signo == SIGWINCH)
		return send_size(c);
	if (++c->interrupted >= PATIENCE_COUNT || si.ssi_signo == SIGHUP)
		return err_set(e, -EINTR, "interrupted by SIG%s", sigabbrev_np((int)si.ssi_signo));
	number = (uint8_t)si.ssi_signo;
	return tell(c, TASK_SIGNAL, &number, 1);
}

static int converse(struct connection *c, struct err *e)
{
	int r = 0;

	while (r == 0 && !c->ended) {
		struct pollfd fd[] = {
		        {.fd = c->fd, .events = POLLIN},
		        {.fd = c->wants ? c->input : -1, .events = POLLIN},
		        {.fd = c->signals, .events = POLLIN},
		};

		if (poll(fd, COUNT_OF(fd), -1) < 0 && errno != EINTR)
			return err_sys(e, -errno, "poll");
		if (fd[2].revents)
			r = take_signal(c, e);
		if (r == 0 && fd[1].revents)
			r = give_input(c, e);
		if (r == 0 && fd[0].revents)
			r = take_record(c, e);
	}
	return r < 0 ? r : c->status;
}

/* ---- beginning and end ---- */

/* What we were started to ignore, by nohup or by a script's '&', is not for the program either. A
 * signalfd would have it all the same. */
static int catch_signals(sigset_t *old)
{
	static const int ours[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGWINCH};
	struct sigaction before;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < COUNT_OF(ours); i++) {
		if (sigaction(ours[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaddset(&set, ours[i]);
	}
	sigprocmask(SIG_BLOCK, &set, old);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int task_run(const struct place *p, const struct task *t, struct err *e)
{
	struct connection *c = calloc(1, sizeof(*c));
	_cleanup_(freep) char *json = NULL;
	struct termios before, raw;
	bool made_raw = false;
	sigset_t old;
	int r = c ? request(p, t, &json, e) : err_nomem(e);

	if (r < 0) {
		free(c);
		return r;
	}
	c->t = t;
	c->input = t->input;
	c->signals = catch_signals(&old);
	c->fd = place_connect(p, e);
	r = c->fd < 0 ? c->fd : send_record(c->fd, TASK_RUN, json, strlen(json), e);
	if (r == 0 && t->terminal && tcgetattr(STDIN_FILENO, &before) == 0) {
		raw = before;
		cfmakeraw(&raw);
		made_raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
	}
	if (r == 0)
		r = converse(c, e);
	if (made_raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	closep(&c->signals);
	closep(&c->fd);
	free(c);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}

int client_stop(const struct place *p, struct err *e)
{
	_cleanup_(closep) int lock = openat(p->dir_fd, PLACE_LOCK, O_RDWR | O_CLOEXEC);
	_cleanup_(closep) int fd = place_connect(p, e);
	int r = fd < 0 ? fd : send_record(fd, (enum task_record)TD_STOP, "", 0, e);

	/* Free when all processes of it have ended, by which time its place is removed. */
	if (r == 0 && lock >= 0 && flock(lock, LOCK_EX) < 0)
		r = err_sys(e, -errno, "waiting for the end of %s", p->name);
	return r;
}
