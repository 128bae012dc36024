/* SPDX-License-Identifier: Apache-2.0 */
/* The probes of isolation against the kernel this runs on: each must see what the
 * test has set up. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/guard.h"
#include "agent/held.h"
#include "agent/passwords.h"
#include "agent/probe.h"
#include "agent/util.h"
#include "test/tests.h"

static json_int_t number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	ck_assert_msg(json_is_integer(value), "no number %s", name);
	return json_integer_value(value);
}

/* The element of a list whose member reads so. */
static const json_t *entry(const json_t *list, const char *member, const char *wanted)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (strcmp(util_json_string(item, member, ""), wanted) == 0)
			return item;
	}
	return NULL;
}

/* ---- system calls ---- */
static void load_filter(void)
{
#define ON(nr, action) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), BPF_STMT(BPF_RET | BPF_K, (action))
	struct sock_filter code[] = {
	        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	        ON(SYS_chroot, SECCOMP_RET_ERRNO | EPERM),
	        ON(SYS_keyctl, SECCOMP_RET_ERRNO | ENOSYS),
	        ON(SYS_iopl, SECCOMP_RET_KILL_PROCESS),
	        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = COUNT_OF(code), .filter = code};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static json_t *filtered_calls(void *unused)
{
	load_filter();
	return probe_syscalls(unused);
}

TEST(system_calls)
{
	int error;
	json_t *open = guard_run(probe_syscalls, NULL, 600000, &error);
	json_t *filtered = guard_run(filtered_calls, NULL, 600000, &error);
	const json_t *a = json_object_get(open, "calls"), *b = json_object_get(filtered, "calls");

	ck_assert_uint_gt(json_array_size(a), 30);
	ck_assert_uint_eq(json_array_size(a), json_array_size(b));
	/* Arguments that no permission stands before: the kernel's own answers. */
	ck_assert_int_eq(number(entry(a, "call", "chroot"), "reach"), EFAULT);
	ck_assert_int_eq(number(entry(a, "call", "setns"), "reach"), EBADF);
	ck_assert_int_eq(number(entry(a, "call", "socket-netlink"), "use"), 0);
	/* The same behind a filter. */
	ck_assert_int_eq(number(entry(b, "call", "chroot"), "reach"), EPERM);
	ck_assert_int_eq(number(entry(b, "call", "chroot"), "use"), EPERM);
	ck_assert_int_eq(number(entry(b, "call", "keyctl"), "reach"), ENOSYS);
	ck_assert_int_eq(number(entry(b, "call", "iopl"), "reach"), -100 - SIGSYS);
	ck_assert_int_eq(number(entry(b, "call", "iopl"), "use"), -1);
	ck_assert_int_eq(number(entry(b, "call", "setns"), "reach"), EBADF);
	json_decref(open);
	json_decref(filtered);
}

/* ---- ways in ---- */
static int listen_at(const struct sockaddr *address, socklen_t size)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, address, size), 0);
	return fd;
}

static const json_t *listener(const json_t *fact, const char *protocol, int port)
{
	const json_t *list = json_object_get(fact, "listening"), *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item)
	{
		if (strcmp(util_json_string(item, "protocol", ""), protocol) == 0 &&
		    number(item, "port") == port)
			return item;
	}
	return NULL;
}

static bool names(const json_t *list, const char *text)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (strcmp(json_string_value(item), text) == 0)
			return true;
	}
	return false;
}

TEST(listening_sockets)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	socklen_t size = sizeof(in);
	int tcp = listen_at((struct sockaddr *)&in, sizeof(in));

	snprintf(un.sun_path, sizeof(un.sun_path), "/tmp/tception-test-%d", (int)getpid());
	int local = listen_at((struct sockaddr *)&un, sizeof(un));
	ck_assert_int_eq(getsockname(tcp, (struct sockaddr *)&in, &size), 0);
	int port = ntohs(in.sin_port);

	json_t *before = probe_entry(NULL); /* bound, and not listening yet */
	ck_assert_int_eq(listen(tcp, 1), 0);
	ck_assert_int_eq(listen(local, 1), 0);
	json_t *after = probe_entry(NULL);
	unlink(un.sun_path);
	ck_assert_ptr_null(listener(before, "tcp", port));
	ck_assert_ptr_nonnull(listener(after, "tcp", port));
	ck_assert_str_eq(util_json_string(listener(after, "tcp", port), "address", ""),
	                 "127.0.0.1");
	ck_assert(!names(json_object_get(before, "unix"), un.sun_path));
	ck_assert(names(json_object_get(after, "unix"), un.sun_path));
	json_decref(before);
	json_decref(after);
	close(tcp);
	close(local);
}

TEST(remote_shells)
{
	json_t *before = probe_entry(NULL);

	prctl(PR_SET_NAME, "dropbear");
	json_t *after = probe_entry(NULL);
	ck_assert(!names(json_object_get(before, "processes"), "dropbear"));
	ck_assert(names(json_object_get(after, "processes"), "dropbear"));
	json_decref(before);
	json_decref(after);
}

/* Hashes by `openssl passwd -6 -salt tception`. */
#define TOOR                                                                                      \
	"$6$tception$4poIPg62ayJde4Ic1k8gEN2VEOD7sCndQ4AO7fZMwE4s6uo2hVm.No2TKr2P8PuFmHUfBf7IIK." \
	"pbKnzj7Ctx/"
#define OPERATOR                                     \
	"$6$tception$DIcsViGrwRriJf70VzwoIeq0FMnQq." \
	"u4xm1BH9gOh441t4h9s692IH1l3JA6Ln9jLFR9066kdakBmODTui9TJ/"
#define UNLISTED       \
	"$6$tception$" \
	"Z9IkHrnl1puZgPC4gcfpngtl8AJf2ByUq9Y3h4tb9xPKi68HJ966zbCoUTcFBCLfiKWStUBN4edyLD5BebLql1"

static const struct {
	const char *line, *state, *known; /* NULL: no account that a password opens */
} accounts[] = {
        {"root:" TOOR ":1::::::", "known", "toor"},
        {"operator:" OPERATOR ":1::::::", "known", "operator"}, /* its own name */
        {"root:" OPERATOR ":1::::::", "set", ""},
        {"root:" UNLISTED, "set", ""},
        {"guest::1::::::", "empty", ""},
        {"root:!" TOOR ":1", NULL, NULL},
        {"root:*:1", NULL, NULL},
        {"no colon at all", NULL, NULL},
        {"root:nonsense:1", "set", ""},
};

TEST_EACH(passwords, accounts)
{
	char *text = strdup(accounts[_i].line);
	json_t *found = passwords_of(text, 100);
	const json_t *account = json_array_get(found, 0);

	ck_assert_uint_eq(json_array_size(found), accounts[_i].state != NULL);
	if (account) {
		ck_assert_str_eq(util_json_string(account, "password", ""), accounts[_i].state);
		ck_assert_str_eq(util_json_string(account, "known", ""), accounts[_i].known);
	}
	json_decref(found);
	free(text);
}

/* Where it would take too many hashes, it is said that not all were tried: by count, not by time.
 */
TEST(passwords_are_bounded)
{
	char text[] = "root:" TOOR ":1\nother:" TOOR ":1\n";
	json_t *found = passwords_of(text, 3); /* root's own name, "root", "toor" */

	ck_assert_str_eq(util_json_string(json_array_get(found, 0), "password", ""), "known");
	ck_assert_str_eq(util_json_string(json_array_get(found, 1), "password", ""), "untried");
	json_decref(found);
}

/* ---- the rest ---- */
TEST(isolation)
{
	json_t *fact = probe_isolation(NULL);
	struct stat st;

	ck_assert_int_eq(stat("/proc/self/ns/pid", &st), 0);
	ck_assert_int_eq(number(json_object_get(fact, "namespaces"), "pid"), (json_int_t)st.st_ino);
	ck_assert_uint_eq(
	        strlen(util_json_string(json_object_get(fact, "capabilities"), "CapEff", "")), 16);
	ck_assert_str_ne(util_json_string(fact, "uid_map", ""), "");
	json_decref(fact);
}

TEST(reach)
{
	json_t *fact = probe_reach(NULL);
	const json_t *paths = json_object_get(fact, "paths");

	ck_assert_ptr_nonnull(entry(paths, "path", "/proc/kcore"));
	ck_assert_str_eq(util_json_string(entry(paths, "path", "/proc/sysrq-trigger"), "how", ""),
	                 "write");
	ck_assert_int_gt(number(fact, "entries"), 0);
	json_decref(fact);
}

TEST(cost)
{
	json_t *fact = probe_cost(NULL);

	ck_assert(json_real_value(json_object_get(fact, "syscall_ns")) > 1);
	ck_assert(json_real_value(json_object_get(fact, "fault_ns")) > 1);
	json_decref(fact);
}

TEST(held)
{
	char path[] = "/tmp/tception-held-XXXXXX";
	const size_t size = 8u << 20;
	char *data = malloc(size);
	struct held h;
	json_t *left = json_object(), *unborn = json_object();

	memset(data, 0x5a, size);
	held_begin(&h);
	held_add(&h, unborn);
	ck_assert(json_is_null(json_object_get(unborn, "ready_ms")));
	ck_assert(json_is_null(json_object_get(unborn, "disk_kib")));
	held_start(&h);
	util_sleep_ms(20);
	int fd = mkstemp(path);
	ck_assert_int_eq(util_write_all(fd, data, size), 0);
	fsync(fd); /* file systems count a block when they place it */
	held_look(&h, util_now_ms());
	close(fd);
	unlink(path);
	held_look(&h, util_now_ms() + 5000); /* at most: what is gone again counts, too */
	held_add(&h, left);
	ck_assert(json_real_value(json_object_get(left, "disk_kib")) >= (double)(size >> 11));
	ck_assert(json_real_value(json_object_get(left, "ready_ms")) >= 10);
	ck_assert(json_real_value(json_object_get(left, "ready_ms")) < 4000);
	json_decref(left);
	json_decref(unborn);
	free(data);
}

TESTS("probes", .timeout = 120)
