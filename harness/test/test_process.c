/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/host.h"
#include "run/kvmcheck.h"
#include "run/process.h"
#include "run/sink.h"
#include "run/tdxhost.h"
#include "test/scratch.h"
#include "test/tests.h"

static sd_event *event;
static int dir_fd;

static void set_up(void)
{
	struct err e;

	ck_assert_int_eq(process_signals_init(&e), 0);
	ck_assert_int_ge(sd_event_new(&event), 0);
	scratch_make();
	dir_fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void tear_down(void)
{
	close(dir_fd);
	scratch_remove();
	sd_event_unref(event);
}

struct ending {
	int code, status;
};

static void on_ended(struct process *p, int code, int status, void *userdata)
{
	*(struct ending *)userdata = (struct ending){code, status};
	process_free(p); /* allowed here */
	sd_event_exit(event, 0);
}

static struct ending run(const char *script)
{
	char *argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)script, NULL};
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct ending end = {0};
	struct process *p;
	struct err e;

	ck_assert_int_eq(process_start(event, &(struct process_spec){.argv = argv, .output = null},
	                               on_ended, &end, &p, &e),
	                 0);
	ck_assert_int_eq(sd_event_loop(event), 0);
	close(null);
	return end;
}

TEST(exit_status)
{
	struct ending end = run("exit 7");

	ck_assert_int_eq(end.code, CLD_EXITED);
	ck_assert_int_eq(end.status, 7);
}

TEST(killed_by_signal)
{
	struct ending end = run("kill -SEGV $$");

	ck_assert_int_ne(end.code, CLD_EXITED);
	ck_assert_int_eq(end.status, SIGSEGV);
}

TEST(missing_program)
{
	char *argv[] = {(char *)"/nonexistent/qemu", NULL};
	struct process *p = NULL;
	struct err e;

	ck_assert_int_eq(process_start(event, &(struct process_spec){.argv = argv, .output = 2},
	                               on_ended, NULL, &p, &e),
	                 -ENOENT);
	ck_assert_ptr_null(p);
	ck_assert_ptr_nonnull(strstr(e.text, "/nonexistent/qemu"));
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* nothing left to reap */
}

/* A descriptor that is not kept is closed, one that is kept has its number. */
TEST(descriptors)
{
	int kept[2], lost[2], null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	char script[96], *argv[] = {(char *)"/bin/sh", (char *)"-c", script, NULL}, answer[8];
	struct ending end;
	struct process *p;
	struct err e;

	ck_assert_int_eq(pipe2(kept, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(lost, O_CLOEXEC), 0);
	snprintf(script, sizeof(script), "[ -e /proc/self/fd/%d ] || echo good >&%d", lost[1],
	         kept[1]);
	ck_assert_int_eq(
	        process_start(event,
	                      &(struct process_spec){
	                              .argv = argv, .keep = &kept[1], .keeps = 1, .output = null},
	                      on_ended, &end, &p, &e),
	        0);
	ck_assert_int_eq(sd_event_loop(event), 0);
	ck_assert_int_eq(read(kept[0], answer, sizeof(answer)), 5);
	ck_assert_mem_eq(answer, "good\n", 5);
}

/* Freed while it runs: the process and what it started are gone and reaped. */
TEST(free_kills_the_group)
{
	char *argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)"sleep 1000 & echo $!; sleep 1000",
	                NULL};
	char text[32] = "";
	struct process *p;
	struct err e;
	pid_t grandchild;
	int fd[2];

	ck_assert_int_eq(pipe2(fd, O_CLOEXEC), 0);
	ck_assert_int_eq(process_start(event, &(struct process_spec){.argv = argv, .output = fd[1]},
	                               on_ended, NULL, &p, &e),
	                 0);
	ck_assert_int_gt(read(fd[0], text, sizeof(text) - 1), 0);
	grandchild = atoi(text);
	ck_assert_int_eq(kill(grandchild, 0), 0);
	process_free(p);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	/* The grandchild is init's to reap; it must stop running. */
	close(fd[1]);
	ck_assert_int_eq(read(fd[0], text, sizeof(text)), 0);
}

TEST(capture)
{
	char *echo[] = {(char *)"/bin/echo", (char *)"0123456789", NULL};
	char *slow[] = {(char *)"/bin/sleep", (char *)"1000", NULL};
	char *none[] = {(char *)"/nonexistent", NULL};
	char output[6];

	ck_assert_int_eq(process_capture(echo, 5000, output, sizeof(output)), 0);
	ck_assert_str_eq(output, "01234");
	ck_assert_int_eq(process_capture(slow, 100, output, sizeof(output)), -ETIMEDOUT);
	ck_assert_int_eq(process_capture(none, 5000, output, sizeof(output)), -ENOENT);
}

/* ---- sinks ---- */

static void feed(const char *text, size_t size, uint64_t limit, char *file, size_t file_size,
                 char **ret_tail)
{
	struct sink *s;
	struct err e;
	ssize_t n;
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	ck_assert_int_eq(sink_new(event, fd[0], dir_fd, "log", limit, &s, &e), 0);
	for (size_t at = 0; at < size; at += 1000) {
		size_t piece = size - at < 1000 ? size - at : 1000;

		ck_assert_int_eq(write(fd[1], text + at, piece), (ssize_t)piece);
		sink_drain(s);
	}
	*ret_tail = sink_tail(s, 2);
	sink_free(s);
	close(fd[1]);
	fd[0] = openat(dir_fd, "log", O_RDONLY);
	n = read(fd[0], file, file_size - 1);
	ck_assert_int_ge(n, 0);
	file[n] = 0;
	close(fd[0]);
}

TEST(sink_keeps_lines)
{
	char file[256], *tail;

	feed("one\r\ntwo\r\nthr\x1b[31mee\0\xff\r\n", 24, 1000, file, sizeof(file), &tail);
	ck_assert_mem_eq(file, "one\r\ntwo\r\nthr\x1b[31mee\0\xff\r\n", 24); /* raw in the file */
	ck_assert_str_eq(tail, "two\nthr?[31mee??");
	free(tail);
}

TEST(sink_is_bounded)
{
	static char flood[100000];
	char file[4096], *tail;

	memset(flood, 'x', sizeof(flood));
	memcpy(flood + sizeof(flood) - 4, "\nend", 4);
	feed(flood, sizeof(flood), 2000, file, sizeof(file), &tail);
	ck_assert_uint_lt(strlen(file), 2100);
	ck_assert_ptr_nonnull(strstr(file, "log limit reached"));
	/* The last words are still there. */
	ck_assert_str_eq(tail + strlen(tail) - 4, "\nend");
	ck_assert_uint_le(strlen(tail), SINK_TAIL);
	free(tail);
}

/* ---- what the host can do ---- */

TEST(no_kvm)
{
	struct kvm_check c;

	kvm_check("/nonexistent/kvm", &c);
	ck_assert(!c.usable);
	ck_assert_str_eq(c.reason, "no /nonexistent/kvm");
	kvm_check("/dev/null", &c);
	ck_assert(!c.usable);
	ck_assert_str_eq(c.reason, "/dev/null is not KVM (API 12)");
}

/*
 * Usable exactly where the CPU has VMX or SVM: a host may offer a /dev/kvm without either, which
 * interprets ring 0 and can't run a kernel.
 */
TEST(kvm_like_the_cpu)
{
	char flags[8192] = "", line[8192];
	FILE *f = fopen("/proc/cpuinfo", "re");
	struct kvm_check c;

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "flags", 5) == 0)
			strcpy(flags, line);
	}
	if (f)
		fclose(f);
	kvm_check("/dev/kvm", &c);
	if (!strstr(flags, " vmx") && !strstr(flags, " svm"))
		ck_assert_msg(!c.usable, "no VMX or SVM, yet: %s", c.reason);
	ck_assert_str_ne(c.reason, "");
}

TEST(no_tdx)
{
	struct tdx_check c;

	tdx_host_check("/nonexistent/kvm", "", &c);
	ck_assert(!c.usable);
	ck_assert_str_eq(c.reason, "/nonexistent/kvm: No such file or directory");
	tdx_host_check("/dev/null", "", &c);
	ck_assert(!c.usable);
}

TEST(host_facts)
{
	struct host_facts h;
	struct err e;

	ck_assert_int_eq(host_facts_gather("cases/standin-qemu", &h, &e), 0);
	ck_assert_str_eq(h.qemu_version, "0.0.0");
	ck_assert(h.qemu[0] == '/');
	ck_assert(!h.tdx_usable); /* it has no tdx-guest */
	ck_assert_uint_ge(h.cpus, 1);
	ck_assert_uint_gt(h.memory_mib, 0);
	ck_assert_int_eq(host_facts_gather("/nonexistent/qemu", &h, &e), 0);
	ck_assert_str_eq(h.qemu, "");
}

TESTS("process", .apart = true, .timeout = 60, .setup = set_up, .teardown = tear_down)
