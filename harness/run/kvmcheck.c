/* SPDX-License-Identifier: Apache-2.0 */
#include "run/kvmcheck.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "format/kvmguest.h"

/* The guest: 64 KiB of RAM at 0, an identity map of the first 2 MiB, code without a stack. */
#define GUEST_SIZE   0x10000u
#define GUEST_TABLES 0x1000u
#define GUEST_CODE   0x8000u
#define GUEST_DATA   0x9000u
#define GUEST_PORT   0x10
#define MARK_ATOMIC  1
#define MARK_LOOP    2
#define ROUNDS       3

static const uint8_t guest_code[] = {
        0xf0, 0x48,        0x0f, 0xc7,       0x0e, /* lock cmpxchg16b [rsi] */
        0xb0, MARK_ATOMIC, 0xe6, GUEST_PORT,       /* mov al, 1; out 0x10, al */
        0xb9, 0x40,        0x0d, 0x03,       0x00, /* again: mov ecx, 200000 */
        0xff, 0xc9,                                /* dec ecx */
        0x75, 0xfc,                                /* jnz dec */
        0xb0, MARK_LOOP,   0xe6, GUEST_PORT,       /* mov al, 2; out 0x10, al */
        0xeb, 0xf1,                                /* jmp again */
};
_Static_assert(KVM_CHECK_LOOPS == 0x30d40, "the loop count in guest_code");

/* The child says by `reason` what failed; it is a process of its own, so nothing is cleaned up. */
static bool failed(struct kvm_check *c, const char *what)
{
	snprintf(c->reason, sizeof(c->reason), "%s: %s", what, strerror(errno));
	return false;
}

/* One KVM_RUN to the OUT that says `mark`; its CPU time, so that a loaded host changes nothing. */
static bool run_to(const struct kvm_guest *g, uint8_t mark, const char *what, double *ret_ms,
                   struct kvm_check *c)
{
	struct timespec a, b;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
	if (ioctl(g->cpu, KVM_RUN, 0) < 0)
		return failed(c, what);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
	if (g->run->exit_reason != KVM_EXIT_IO || g->run->io.port != GUEST_PORT ||
	    ((uint8_t *)g->run)[g->run->io.data_offset] != mark) {
		snprintf(c->reason, sizeof(c->reason), "%s ended in exit %u (suberror %u)", what,
		         g->run->exit_reason,
		         g->run->exit_reason == KVM_EXIT_INTERNAL_ERROR ? g->run->internal.suberror
		                                                        : 0);
		return false;
	}
	*ret_ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
	return true;
}

static bool run_guest(const struct kvm_guest *g, struct kvm_check *c)
{
	uint64_t stored[2];
	double ms;

	if (!run_to(g, MARK_ATOMIC, "a long-mode lock cmpxchg16b", &ms, c))
		return false;
	memcpy(stored, g->memory + GUEST_DATA, sizeof(stored));
	if (stored[0] != 0x1234 || stored[1] != 0x5678) {
		snprintf(c->reason, sizeof(c->reason), "lock cmpxchg16b stored a wrong value");
		return false;
	}
	for (int i = 0; i < ROUNDS; i++) {
		if (!run_to(g, MARK_LOOP, "a loop", &ms, c))
			return false;
		if (c->loop_ms < 0 || ms < c->loop_ms)
			c->loop_ms = ms;
	}
	c->usable = c->loop_ms <= KVM_CHECK_LIMIT_MS;
	snprintf(c->reason, sizeof(c->reason), "%d loops of 64-bit code took %.1f ms%s",
	         KVM_CHECK_LOOPS, c->loop_ms, c->usable ? "" : ": it is interpreted");
	return c->usable;
}

static void probe(const char *device, struct kvm_check *c)
{
	const struct kvm_guest_start start = {
	        .memory = GUEST_SIZE,
	        .tables = GUEST_TABLES,
	        .code = guest_code,
	        .code_size = sizeof(guest_code),
	        /* cmpxchg16b: memory is 0 = rdx:rax, so it becomes rcx:rbx. */
	        .regs = {.rip = GUEST_CODE,
	                 .rsi = GUEST_DATA,
	                 .rbx = 0x1234,
	                 .rcx = 0x5678,
	                 .rflags = 2},
	};
	int kvm = open(device, O_RDWR | O_CLOEXEC);
	struct kvm_guest g;
	const char *step;

	if (kvm < 0)
		failed(c, device);
	else if (ioctl(kvm, KVM_GET_API_VERSION, 0) != 12)
		snprintf(c->reason, sizeof(c->reason), "%s is not KVM (API 12)", device);
	else if ((step = kvm_guest_make(kvm, &start, &g)))
		failed(c, step);
	else
		run_guest(&g, c);
}

/* Waits for the child's answer; false when there was none in time. */
static bool hear(int fd, struct kvm_check *ret)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, KVM_CHECK_DEADLINE_MS) == 1 &&
	       read(fd, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret);
}

void kvm_check(const char *device, struct kvm_check *ret)
{
	struct kvm_check c = {.loop_ms = -1};
	int fd[2];
	pid_t pid;

	if (access(device, F_OK) < 0) {
		snprintf(c.reason, sizeof(c.reason), "no %s", device);
		*ret = c;
		return;
	}
	if (pipe2(fd, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		failed(&c, "fork");
		*ret = c;
		return;
	}
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		probe(device, &c);
		_exit(write(fd[1], &c, sizeof(c)) != (ssize_t)sizeof(c));
	}
	close(fd[1]);
	if (!hear(fd[0], &c)) {
		c = (struct kvm_check){.loop_ms = -1};
		snprintf(c.reason, sizeof(c.reason), "the check on %s died or hung", device);
	}
	close(fd[0]);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	*ret = c;
}
