/* SPDX-License-Identifier: Apache-2.0 */
#include "run/kvmcheck.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "format/longmode.h"

/* The guest: 64 KiB of RAM at 0, an identity map of the first 2 MiB, code without a stack. */
#define GUEST_SIZE   0x10000u
#define GUEST_TABLES 0x1000u
#define GUEST_CODE   0x8000u
#define GUEST_DATA   0x9000u
#define GUEST_PORT   0x10
#define MARK_ATOMIC  1
#define MARK_LOOP    2
#define ROUNDS       3
#define CPUID_MAX    128

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

struct guest {
	int vm, cpu;
	uint8_t *memory;
	struct kvm_run *run;
};

/* The child says by `reason` what failed; it is a process of its own, so nothing is cleaned up. */
static bool failed(struct kvm_check *c, const char *what)
{
	snprintf(c->reason, sizeof(c->reason), "%s: %s", what, strerror(errno));
	return false;
}

static bool make_vm(int kvm, struct guest *g, struct kvm_check *c)
{
	struct kvm_userspace_memory_region region = {.memory_size = GUEST_SIZE};
	int size;

	g->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (g->vm < 0)
		return failed(c, "KVM_CREATE_VM");
	g->memory =
	        mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (g->memory == MAP_FAILED)
		return failed(c, "mmap");
	longmode_map(g->memory, GUEST_TABLES);
	memcpy(g->memory + GUEST_CODE, guest_code, sizeof(guest_code));
	region.userspace_addr = (uintptr_t)g->memory;
	/* Intel without "unrestricted guest" wants three pages of its own; AMD ignores it. */
	ioctl(g->vm, KVM_SET_TSS_ADDR, 0xfffbd000ul);
	if (ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return failed(c, "KVM_SET_USER_MEMORY_REGION");
	g->cpu = ioctl(g->vm, KVM_CREATE_VCPU, 0);
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (g->cpu < 0 || size < (int)sizeof(*g->run))
		return failed(c, "KVM_CREATE_VCPU");
	g->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, g->cpu, 0);
	return g->run == MAP_FAILED ? failed(c, "mmap of the vCPU") : true;
}

/* Without CPUID the vCPU has no long mode. */
static bool set_cpuid(int kvm, const struct guest *g, struct kvm_check *c)
{
	struct kvm_cpuid2 *cpuid =
	        calloc(1, sizeof(*cpuid) + CPUID_MAX * sizeof(struct kvm_cpuid_entry2));

	if (!cpuid)
		return failed(c, "calloc");
	cpuid->nent = CPUID_MAX;
	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid) < 0)
		return failed(c, "KVM_GET_SUPPORTED_CPUID");
	return ioctl(g->cpu, KVM_SET_CPUID2, cpuid) < 0 ? failed(c, "KVM_SET_CPUID2") : true;
}

static bool set_long_mode(const struct guest *g, struct kvm_check *c)
{
	/* cmpxchg16b: memory is 0 = rdx:rax, so it becomes rcx:rbx. */
	struct kvm_regs regs = {
	        .rip = GUEST_CODE, .rsi = GUEST_DATA, .rbx = 0x1234, .rcx = 0x5678, .rflags = 2};
	struct kvm_sregs s;

	if (ioctl(g->cpu, KVM_GET_SREGS, &s) < 0)
		return failed(c, "KVM_GET_SREGS");
	longmode_set(&s, GUEST_TABLES);
	if (ioctl(g->cpu, KVM_SET_SREGS, &s) < 0)
		return failed(c, "KVM_SET_SREGS");
	return ioctl(g->cpu, KVM_SET_REGS, &regs) < 0 ? failed(c, "KVM_SET_REGS") : true;
}

/* One KVM_RUN to the OUT that says `mark`; its CPU time, so that a loaded host changes nothing. */
static bool run_to(const struct guest *g, uint8_t mark, const char *what, double *ret_ms,
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

static bool run_guest(const struct guest *g, struct kvm_check *c)
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
	struct guest g = {.vm = -1};
	int kvm = open(device, O_RDWR | O_CLOEXEC);

	if (kvm < 0)
		failed(c, device);
	else if (ioctl(kvm, KVM_GET_API_VERSION, 0) != 12)
		snprintf(c->reason, sizeof(c->reason), "%s is not KVM (API 12)", device);
	else if (make_vm(kvm, &g, c) && set_cpuid(kvm, &g, c) && set_long_mode(&g, c))
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
