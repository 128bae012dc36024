/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which system calls get through, tried and not read from a profile. Each trial runs in a process
 * of its own with a deadline, and up to twice: `reach` with arguments that the kernel refuses
 * before it looks at permissions, so that EPERM or ENOSYS comes from a filter in front of it; `use`
 * with arguments whose refusal comes after the permission checks, or that do nothing when granted.
 * None of them changes anything but the process that tries it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/probe.h"
#include "agent/util.h"

#define TRIAL_MS  30000
#define BAD       1    /* no address: EFAULT */
#define NS_FD     100  /* /proc/self/ns/uts, opened for setns */
#define NOT_TRIED (-1) /* results beside an errno */
#define TIMED_OUT (-2)
#define SIGNALLED (-100) /* minus the signal's number */

struct call {
	long number; /* 0: none (which is read on x86-64, and not tried) */
	long argument[5];
};

static union bpf_attr map = {
        .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
static struct perf_event_attr clock_event = {
        .type = PERF_TYPE_SOFTWARE, .size = sizeof(clock_event), .config = PERF_COUNT_SW_CPU_CLOCK};
static struct clone_args new_user = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};

#define TEXT(s) ((long)(s))
#define SOCKET(f, type)                        \
	{                                      \
		SYS_socket,                    \
		{                              \
			f, type | SOCK_CLOEXEC \
		}                              \
	}
#define SOCKET_REACH(f)       \
	{                     \
		SYS_socket,   \
		{             \
			f, 11 \
		}             \
	}                    /* no such type, found before any permission check */
#define QUOTA_BAD       0xff /* no such type of quota */
#define KEYRING_SESSION (-3)
#define KEYRING_PROCESS (-2)

/* The order of the kernel's own checks is that of 6.12; `reach` is left out where it has none. */
static const struct trial {
	const char *name;
	struct call reach, use;
} trials[] = {
        {"mount",
         {SYS_mount, {0, TEXT("/"), BAD}},
         {SYS_mount, {TEXT("none"), TEXT("/"), TEXT("tmpfs"), 0, TEXT("tception-probe")}}},
        {"fsopen", {0}, {SYS_fsopen, {BAD}}},
        {"pivot_root", {0}, {SYS_pivot_root, {TEXT("/"), BAD}}},
        {"chroot", {SYS_chroot, {BAD}}, {SYS_chroot, {TEXT("/")}}},
        {"unshare-mount", {SYS_unshare, {1}}, {SYS_unshare, {CLONE_NEWNS}}},
        {"unshare-user", {SYS_unshare, {1}}, {SYS_unshare, {CLONE_NEWUSER}}},
        {"clone3-user", {SYS_clone3, {0}}, {SYS_clone3, {(long)&new_user, sizeof(new_user)}}},
        {"setns", {SYS_setns, {-1}}, {SYS_setns, {NS_FD, CLONE_NEWUTS}}},
        {"sethostname", {0}, {SYS_sethostname, {BAD, -1}}},
        {"ptrace", {SYS_ptrace, {PTRACE_PEEKDATA, INT32_MAX}}, {SYS_ptrace, {PTRACE_TRACEME}}},
        {"keyctl", {SYS_keyctl, {-1}}, {SYS_keyctl, {0, KEYRING_SESSION}}},
        {"add_key",
         {SYS_add_key, {BAD, BAD}},
         {SYS_add_key, {TEXT("user"), TEXT("tception-probe"), TEXT("x"), 1, KEYRING_PROCESS}}},
        {"bpf",
         {SYS_bpf, {INT32_MAX, BAD, 8}},
         {SYS_bpf, {BPF_MAP_CREATE, (long)&map, sizeof(map)}}},
        {"perf_event_open",
         {SYS_perf_event_open, {(long)&clock_event, 0, -1, -1, -1}},
         {SYS_perf_event_open, {(long)&clock_event, 0, -1, -1}}},
        {"userfaultfd",
         {SYS_userfaultfd, {UFFD_USER_MODE_ONLY | 0x10}},
         {SYS_userfaultfd, {O_CLOEXEC}}},
        {"io_uring_setup", {0}, {SYS_io_uring_setup, {0, BAD}}},
        {"open_by_handle_at",
         {SYS_open_by_handle_at, {-1, BAD}},
         {SYS_open_by_handle_at, {AT_FDCWD, BAD}}},
        {"init_module", {0}, {SYS_init_module, {0, 0, TEXT("")}}},
        {"finit_module", {0}, {SYS_finit_module, {-1, TEXT("")}}},
        {"delete_module", {0}, {SYS_delete_module, {BAD, O_NONBLOCK}}},
        {"kexec_load", {0}, {SYS_kexec_load, {0, 1000, BAD}}},
        {"reboot", {0}, {SYS_reboot, {0}}},
        {"settimeofday", {SYS_settimeofday, {BAD}}, {SYS_settimeofday, {0}}},
        {"swapon", {SYS_swapon, {BAD, -1}}, {SYS_swapon, {TEXT("/tception-probe/none")}}},
        {"acct", {0}, {SYS_acct, {TEXT("/tception-probe/none")}}},
        {"quotactl", {SYS_quotactl, {QUOTA_BAD}}, {0}},
        {"iopl", {SYS_iopl, {9}}, {SYS_iopl, {3}}},
        {"syslog", {0}, {SYS_syslog, {10}}},
        {"socket-vsock", SOCKET_REACH(AF_VSOCK), SOCKET(AF_VSOCK, SOCK_STREAM)},
        {"socket-alg", SOCKET_REACH(AF_ALG), SOCKET(AF_ALG, SOCK_SEQPACKET)},
        {"socket-packet", SOCKET_REACH(AF_PACKET), SOCKET(AF_PACKET, SOCK_RAW)},
        {"socket-netlink", SOCKET_REACH(AF_NETLINK), SOCKET(AF_NETLINK, SOCK_RAW)},
};

static int attempt(const struct call *c)
{
	const long *a = c->argument;

	if (c->number == 0)
		return NOT_TRIED;
	/* The sixth argument of the one call here that has six, mount, is none. */
	long r = syscall(c->number, a[0], a[1], a[2], a[3], a[4], 0);
	if (r == 0 && c->number == SYS_clone3)
		_exit(0); /* the process it made */
	return r < 0 ? errno : 0;
}

static void out_of_time(int signal)
{
	(void)signal;
}

/* How trials are made; `result` is shared with the process that makes them. */
struct trials {
	int flags; /* of clone() */
	volatile int *result;
	const struct trial *now;
};

/* Both attempts. */
static int make(void *arg)
{
	const struct trials *t = arg;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	t->result[0] = TIMED_OUT;
	t->result[0] = attempt(&t->now->reach);
	t->result[1] = TIMED_OUT;
	t->result[1] = attempt(&t->now->use);
	return 0;
}

static int die(void *unused)
{
	(void)unused;
	syscall(SYS_kill, syscall(SYS_getpid), SIGSYS);
	return 0;
}

/* One that was killed never comes back to the stack that all have. */
static pid_t start(int (*body)(void *), void *arg, int flags)
{
	static char stack[64 << 10] __attribute__((aligned(16)));

	return clone(body, stack + sizeof(stack), flags | SIGCHLD, arg);
}

/*
 * A copy of our memory is most of what a trial costs where processes are dear, in gVisor and
 * User-mode Linux, so it has the memory itself; unless the kernel is older than 5.16, which kills
 * all that have it when a filter kills one.
 */
static int flags_here(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		pid = start(die, NULL, CLONE_VM);
		_exit(pid > 0 && waitpid(pid, NULL, 0) == pid ? 0 : 1);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	return status == 0 ? CLONE_VM : 0;
}

static void run(struct trials *t)
{
	const struct itimerval deadline = {.it_value.tv_sec = TRIAL_MS / 1000}, none = {0};
	volatile int *result = t->result;
	int status = 0;

	result[0] = result[1] = NOT_TRIED;
	pid_t pid = start(make, t, t->flags);
	if (pid < 0)
		return;
	setitimer(ITIMER_REAL, &deadline, NULL);
	if (waitpid(pid, &status, 0) < 0) { /* the timer: it is stuck */
		kill(pid, SIGKILL);
		waitpid(pid, &status, WNOHANG);
		status = 0;
	}
	setitimer(ITIMER_REAL, &none, NULL);
	for (int i = 0; i < 2 && WIFSIGNALED(status); i++) {
		if (result[i] == TIMED_OUT)
			result[i] = SIGNALLED - WTERMSIG(status);
	}
}

json_t *probe_syscalls(void *unused)
{
	struct trials t = {.result = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0)};
	const struct sigaction interrupt = {.sa_handler = out_of_time}; /* no SA_RESTART */
	_cleanup_(util_closep) int ns = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	json_t *calls = json_array();

	(void)unused;
	t.flags = flags_here();
	sigaction(SIGALRM, &interrupt, NULL);
	if (ns >= 0)
		dup2(ns, NS_FD);
	for (size_t i = 0; t.result != MAP_FAILED && i < COUNT_OF(trials); i++) {
		t.now = &trials[i];
		run(&t);
		json_array_append_new(calls, json_pack("{s:s,s:i,s:i}", "call", t.now->name,
		                                       "reach", t.result[0], "use", t.result[1]));
	}
	if (ns >= 0)
		close(NS_FD);
	return json_pack("{s:o}", "calls", calls);
}
