/* SPDX-License-Identifier: Apache-2.0 */
/* Programs on a port as td_task.c runs them, with a socket in place of the port. */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/td.h"
#include "agent/util.h"
#include "format/task.h"
#include "test/tests.h"

struct told { /* all that one program sent */
	char out[1 << 20], err[4096];
	size_t out_size, err_size;
	uint32_t wants;
	json_t *end;
};

static int host;
static pid_t guest;

static void set_up(void)
{
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	guest = fork();
	if (guest == 0) {
		close(fd[0]);
		_exit(-td_serve_tasks(fd[1]));
	}
	close(fd[1]);
	host = fd[0];
}

static int tear_down(void)
{
	int status = 0;

	close(host);
	ck_assert_int_eq(waitpid(guest, &status, 0), guest);
	return WEXITSTATUS(status);
}

static void put(enum task_record type, const void *data, size_t size)
{
	uint8_t header[TASK_HEADER_SIZE];

	task_header(header, type, (uint32_t)size);
	ck_assert_int_eq(util_write_all(host, header, sizeof(header)), 0);
	ck_assert_int_eq(util_write_all(host, data, size), 0);
}

static void put_text(const char *text)
{
	put(TASK_RUN, text, strlen(text));
}

static void run(const char *script, bool tty)
{
	json_t *o = json_pack("{s:[sss], s:[ss], s:s, s:b, s:i, s:i}", "argv", "sh", "-c", script,
	                      "env", "PATH=/usr/bin:/bin", "A=b c", "cwd", "/tmp", "tty", tty,
	                      "rows", 31, "columns", 97);
	char *text = json_dumps(o, JSON_COMPACT);

	put_text(text);
	free(text);
	json_decref(o);
}

static void get(void *data, size_t size)
{
	for (char *p = data; size;) {
		ssize_t n = read(host, p, size);
		ck_assert_int_gt(n, 0);
		p += n;
		size -= (size_t)n;
	}
}

/* One record; returns its type. */
static int hear(struct told *t)
{
	static uint8_t data[TASK_RECORD_MAX];
	uint8_t header[TASK_HEADER_SIZE];

	get(header, sizeof(header));
	uint32_t size = task_get32(header + 1);
	ck_assert_uint_le(size, sizeof(data));
	get(data, size);
	switch (header[0]) {
	case TASK_WANT:
		t->wants += task_get32(data);
		break;
	case TASK_OUTPUT:
		ck_assert_uint_lt(t->out_size + size, sizeof(t->out));
		memcpy(t->out + t->out_size, data, size);
		t->out_size += size;
		break;
	case TASK_ERROR:
		ck_assert_uint_lt(t->err_size + size, sizeof(t->err));
		memcpy(t->err + t->err_size, data, size);
		t->err_size += size;
		break;
	case TASK_END:
		t->end = json_loadb((char *)data, size, 0, NULL);
		break;
	default:
		ck_abort_msg("record of type %d", header[0]);
	}
	return header[0];
}

static struct told *all(void)
{
	struct told *t = calloc(1, sizeof(*t));

	while (hear(t) != TASK_END)
		;
	return t;
}

static int number(const struct told *t, const char *name)
{
	const json_t *n = json_object_get(t->end, name);
	return json_is_integer(n) ? (int)json_integer_value(n) : -1;
}

static void done(struct told *t)
{
	json_decref(t->end);
	free(t);
}

TEST(streams_and_status)
{
	set_up();
	run("echo \"$A\"; pwd; echo no >&2; exit 7", false);
	struct told *t = all();
	ck_assert_str_eq(t->out, "b c\n/tmp\n");
	ck_assert_str_eq(t->err, "no\n");
	ck_assert_int_eq(number(t, "exit"), 7);
	ck_assert_uint_eq(t->wants, TASK_WINDOW);
	done(t);
	run("kill -9 $$", false); /* the port is free again */
	t = all();
	ck_assert_int_eq(number(t, "signal"), 9);
	ck_assert_int_eq(number(t, "exit"), -1);
	done(t);
	ck_assert_int_eq(tear_down(), ENODATA);
}

TEST(output_is_whole)
{
	set_up();
	run("head -c 500000 /dev/zero", false);
	struct told *t = all();
	ck_assert_uint_eq(t->out_size, 500000);
	done(t);
	run("sleep 1000 & echo $!", false); /* what it leaves running is not waited for */
	t = all();
	ck_assert_int_gt(atoi(t->out), 1);
	ck_assert_int_eq(kill(atoi(t->out), SIGKILL), 0);
	done(t);
	tear_down();
}

TEST(input_by_its_window)
{
	static char data[TASK_WINDOW];
	struct told *t = calloc(1, sizeof(*t));

	memset(data, 'x', sizeof(data));
	set_up();
	run("sleep 0.2; cat", false);
	while (t->wants < TASK_WINDOW)
		hear(t);
	put(TASK_INPUT, data, sizeof(data)); /* all that it allowed, before anything is read */
	while (t->wants < 2 * TASK_WINDOW)
		hear(t);
	put(TASK_INPUT, "end", 3);
	put(TASK_INPUT, "", 0);
	while (hear(t) != TASK_END)
		;
	ck_assert_uint_eq(t->out_size, sizeof(data) + 3);
	ck_assert_str_eq(t->out + sizeof(data), "end");
	done(t);
	tear_down();
}

TEST(input_that_nobody_takes)
{
	struct told *t = calloc(1, sizeof(*t));

	set_up();
	run("exec <&-; echo closed; sleep 0.3", false);
	while (t->out_size == 0)
		hear(t);
	put(TASK_INPUT, "lost", 4);
	while (hear(t) != TASK_END)
		;
	ck_assert_int_eq(number(t, "exit"), 0);
	done(t);
	tear_down();
}

TEST(terminal)
{
	set_up();
	run("test -t 0 && test -t 2 && stty size; echo err >&2", true);
	struct told *t = all();
	ck_assert_str_eq(t->out, "31 97\r\nerr\r\n");
	ck_assert_uint_eq(t->err_size, 0);
	done(t);
	run("trap 'stty size; exit 3' WINCH; echo up; while :; do sleep 0.05; done", true);
	t = calloc(1, sizeof(*t));
	while (!strstr(t->out, "up"))
		hear(t);
	put(TASK_SIZE, (uint8_t[]){41, 0, 120, 0}, 4);
	while (hear(t) != TASK_END)
		;
	ck_assert_str_eq(t->out, "up\r\n41 120\r\n");
	ck_assert_int_eq(number(t, "exit"), 3);
	done(t);
	tear_down();
}

TEST(signals)
{
	static const struct {
		enum task_record type;
		uint8_t byte;
		size_t size;
		const char *says;
	} way[] = {{TASK_SIGNAL, SIGTERM, 1, "TERM"}, {TASK_HANGUP, 0, 0, "HUP"}};

	set_up();
	for (size_t i = 0; i < COUNT_OF(way); i++) {
		struct told *t = calloc(1, sizeof(*t));

		run("trap 'echo TERM; exit 2' TERM; trap 'echo HUP; exit 2' HUP; echo up; "
		    "while :; do sleep 0.05; done",
		    false);
		while (t->out_size == 0)
			hear(t);
		put(way[i].type, &way[i].byte, way[i].size);
		while (hear(t) != TASK_END)
			;
		ck_assert_ptr_nonnull(strstr(t->out, way[i].says));
		ck_assert_int_eq(number(t, "exit"), 2);
		done(t);
	}
	run("trap '' HUP; echo up; while :; do sleep 0.05; done", false);
	struct told *t = calloc(1, sizeof(*t));
	while (t->out_size == 0)
		hear(t);
	put(TASK_HANGUP, "", 0); /* who does not listen is killed */
	while (hear(t) != TASK_END)
		;
	ck_assert_int_eq(number(t, "signal"), SIGKILL);
	done(t);
	tear_down();
}

TEST(what_cannot_start)
{
	set_up();
	put_text("{\"argv\":[\"/nonexistent/program\"],\"cwd\":\"/\"}");
	struct told *t = all();
	ck_assert_int_eq(number(t, "errno"), ENOENT);
	ck_assert(json_is_false(json_object_get(t->end, "started")));
	done(t);
	put_text("{\"argv\":[\"true\"],\"cwd\":\"/nonexistent\"}");
	t = all();
	ck_assert_int_eq(number(t, "errno"), ENOENT);
	done(t);
	put_text("no JSON");
	t = all();
	ck_assert_int_eq(number(t, "errno"), EINVAL);
	done(t);
	put(TASK_HANGUP, "", 0); /* came too late: no matter */
	put(TASK_INPUT, "late", 4);
	run("exit 0", false);
	t = all();
	ck_assert_int_eq(number(t, "exit"), 0);
	done(t);
	tear_down();
}

TEST(who_does_not_keep_to_it)
{
	static const uint8_t huge[TASK_HEADER_SIZE] = {TASK_RUN, 0xff, 0xff, 0xff, 0x7f};
	static const uint8_t odd[TASK_HEADER_SIZE] = {77, 0, 0, 0, 0};

	set_up();
	ck_assert_int_eq(util_write_all(host, huge, sizeof(huge)), 0);
	ck_assert_int_eq(tear_down(), EPROTO);
	set_up();
	run("cat", false);
	ck_assert_int_eq(util_write_all(host, odd, sizeof(odd)), 0);
	ck_assert_int_eq(read(host, &(char){0}, 1), 1); /* WANT */
	ck_assert_int_eq(tear_down(), EPROTO);
}

/* ---- requests on vsock ---- */

static const struct {
	uint8_t bytes[4];
	size_t have, size;
} requests[] = {
        {{0}, 0, 4},
        {{0, 0, 0}, 3, 4},
        {{0, 0, 4, 16}, 4, 4 + 1040},
        {{0, 0, 0, 0}, 4, 4},
        {{0x81, 0, 0, 0}, 4, 1024}, /* a report as it is */
        {{0, 0, 0xff, 0xfc}, 4, 65536},
        {{0, 0, 0xff, 0xfd}, 4, 0},
        {{0x80, 0, 0, 0}, 4, 0},
};

TEST_EACH(sizes_of_requests, requests)
{
	ck_assert_uint_eq(td_quotes_size(requests[_i].bytes, requests[_i].have), requests[_i].size);
}

TESTS("td", .apart = true, .timeout = 120, .no_sigpipe = true)
