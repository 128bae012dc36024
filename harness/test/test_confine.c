/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/confine.h"
#include "core/file.h"
#include "test/tests.h"

/* A child that does what its request's first letter says. */
enum {
	ECHO = 'e',
	LARGE = 'l',
	FAIL = 'f',
	ABORT = 'a',
	SPIN = 's',
	ALLOCATE = 'm',
	LEAVE = 'x',
	FORGE = 'g',
	CALLS = 'c',
	FILES = 'r'
};
#define LARGE_SIZE ((5u << 20) + 3)

static int file_fd = -1;

/* Which of the calls that it must not make succeeded, as bits. */
static unsigned forbidden_calls(void)
{
	unsigned done = 0;
	char byte;

	done |= (open("/proc/self/stat", O_RDONLY) >= 0) << 0;
	done |= (open("/tmp/confined-must-not-write", O_WRONLY | O_CREAT, 0600) >= 0) << 1;
	done |= (socket(AF_INET, SOCK_STREAM, 0) >= 0) << 2;
	done |= (socket(AF_UNIX, SOCK_STREAM, 0) >= 0) << 3;
	done |= (write(STDOUT_FILENO, "", 1) >= 0) << 4;
	done |= (write(STDERR_FILENO, "", 1) >= 0) << 5;
	done |= (fork() >= 0) << 6;
	done |= (kill(getppid(), 0) >= 0) << 7;
	done |= (mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
	              -1, 0) != MAP_FAILED)
	        << 8;
	done |= (write(file_fd, "x", 1) >= 0) << 9;
	done |= (pread(STDIN_FILENO, &byte, 1, 0) >= 0) << 10;
	done |= (execl("/bin/true", "true", NULL) >= 0) << 11;
	return done;
}

static int serve(void *userdata, struct confined *c, struct bytes request, struct err *e)
{
	const char *text = userdata;
	volatile unsigned turns = 0;
	unsigned done;
	char *large;

	switch (request.data[0]) {
	case ECHO:
		confined_write(c, text, strlen(text));
		confined_write(c, request.data, request.size);
		return 0;
	case LARGE:
		large = malloc(LARGE_SIZE);
		memset(large, 'L', LARGE_SIZE);
		confined_write(c, large, LARGE_SIZE);
		free(large);
		return 0;
	case FAIL:
		return err_set(e, -ENOENT, "not \x1b[31mthere");
	case ABORT:
		abort();
	case SPIN:
		for (;;)
			turns++;
	case ALLOCATE:
		return malloc(1u << 30) ? 0 : err_nomem(e);
	case LEAVE:
		_exit(0);
	case FORGE: /* what no honest child sends */
		return 1;
	case CALLS:
		done = forbidden_calls();
		confined_write(c, &done, sizeof(done));
		return 0;
	case FILES:
		large = calloc(1, 5);
		if (pread(file_fd, large, 4, 1) != 4)
			return err_sys(e, -errno, "pread");
		confined_write(c, large, 4);
		return 0;
	}
	return err_set(e, -EINVAL, "no such request");
}

static struct confined *begin(void)
{
	struct confined_spec spec = {.what = "example",
	                             .serve = serve,
	                             .userdata = (char *)"it says ",
	                             .fd = file_fd,
	                             .memory = 64u << 20,
	                             .seconds = 1};
	struct confined *c;
	struct err e;

	ck_assert_msg(confined_start(&spec, &c, &e) == 0, "%s", e.text);
	return c;
}

static int ask(struct confined *c, char what, size_t max, struct bytes *ret, struct err *e)
{
	return confined_read(c, (struct bytes){(const uint8_t *)&what, 1}, max, ret, e);
}

TEST(answers)
{
	struct confined *c = begin();
	struct bytes b;
	struct err e;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(ask(c, ECHO, 100, &b, &e), 0);
		ck_assert_uint_eq(b.size, 9);
		ck_assert_mem_eq(b.data, "it says e", 9);
		bytes_free(&b);
		ck_assert_int_eq(ask(c, FAIL, 100, &b, &e), -ENOENT);
		ck_assert_str_eq(e.text, "not \\x1b[31mthere");
	}
	ck_assert_int_eq(ask(c, LARGE, LARGE_SIZE, &b, &e), 0);
	ck_assert_uint_eq(b.size, LARGE_SIZE);
	ck_assert(b.data[0] == 'L' && memcmp(b.data, b.data + 1, b.size - 1) == 0);
	bytes_free(&b);
	confined_end(c);
	ck_assert(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD); /* none is left behind */
}

static const struct {
	char what;
	size_t max;
	const char *text;
} deaths[] = {
        {SPIN, 100, "damaged example: its reader took more than 1 seconds of processor time"},
        {LEAVE, 100, "damaged example: its reader ended"},
        {FORGE, 100, "damaged example: its reader answers nonsense"},
        {LARGE, LARGE_SIZE - 1, "damaged example: its reader answers too much"},
};

TEST_EACH(dies_in_one_line, deaths)
{
	struct confined *c = begin();
	struct bytes b;
	struct err e;

	ck_assert_int_eq(ask(c, deaths[_i].what, deaths[_i].max, &b, &e), -EBADMSG);
	ck_assert_str_eq(e.text, deaths[_i].text);
	memset(&e, 0, sizeof(e));
	ck_assert_int_eq(ask(c, ECHO, 100, &b, &e), -EBADMSG); /* and stays dead */
	ck_assert_str_eq(e.text, deaths[_i].text);
	confined_end(c);
}

/* abort() may end in one signal or another, where it cannot send itself one. */
TEST(crashes_in_one_line)
{
	struct confined *c = begin();
	struct bytes b;
	struct err e;

	ck_assert_int_eq(ask(c, ABORT, 100, &b, &e), -EBADMSG);
	ck_assert_msg(strncmp(e.text, "damaged example: its reader ", 28) == 0, "%s", e.text);
	confined_end(c);
}

static bool unsanitized(void)
{
	return !confine_is_sanitized();
}

TEST_IF(has_little_memory, unsanitized)
{
	struct confined *c = begin();
	struct bytes b;
	struct err e;

	ck_assert_int_eq(ask(c, ALLOCATE, 100, &b, &e), -ENOMEM);
	ck_assert_int_eq(ask(c, ECHO, 100, &b, &e), 0);
	bytes_free(&b);
	confined_end(c);
}

TEST(can_do_nothing_else)
{
	char name[] = "/tmp/confined-XXXXXX";
	struct confined *c;
	struct bytes b;
	struct err e;
	unsigned done;

	file_fd = mkstemp(name);
	ck_assert_int_ge(file_fd, 0);
	unlink(name);
	ck_assert_int_eq(write(file_fd, "a file", 6), 6);
	c = begin();
	ck_assert_msg(ask(c, FILES, 4, &b, &e) == 0, "%s", e.text);
	ck_assert_mem_eq(b.data, " fil", 4);
	bytes_free(&b);
	ck_assert_int_eq(ask(c, CALLS, sizeof(done), &b, &e), 0);
	memcpy(&done, b.data, sizeof(done));
	ck_assert_msg(done == 0, "calls that succeeded: %#x", done);
	bytes_free(&b);
	confined_end(c);
	close(TAKE_FD(file_fd));
}

TEST(hands_on_what_its_taker_says)
{
	struct confined *c = begin();
	struct bytes b;
	struct err e;
	char request[CONFINED_REQUEST_MAX + 1] = "e";

	ck_assert_int_eq(
	        confined_read(c, (struct bytes){(uint8_t *)request, sizeof(request)}, 1, &b, &e),
	        -EINVAL);
	ck_assert_int_eq(ask(c, ECHO, 8, &b, &e), -EBADMSG);
	ck_assert_str_eq(e.text, "damaged example: its reader answers too much");
	confined_end(c);
	confined_end(NULL);
}

TESTS("confine", .timeout = 120)
