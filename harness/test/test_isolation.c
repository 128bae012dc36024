/* SPDX-License-Identifier: Apache-2.0 */
/* Every finding turned both ways: a layer that is held in has one, and each change
 * brings one more. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/enum.h"
#include "format/bytes.h"
#include "judge/isolation.h"
#include "test/tests.h"

/* A container in a user namespace of its own, filtered and labelled, under the kernel of the layer
 * below. */
static const char container[] =
        "{'confinement': {'apparmor': 'docker-default (enforce)', 'seccomp': 2, 'no_new_privs': 0},"
        " 'isolation': {'namespaces': {'cgroup': 101, 'ipc': 102, 'mnt': 103, 'net': 104,"
        "   'pid': 105, 'time': 7, 'user': 106, 'uts': 107},"
        "  'uid_map': '         0     100000      65536', 'capabilities': {'CapEff': "
        "'00000000a80425fb'}},"
        " 'syscalls': {'calls': [{'call': 'mount', 'reach': 14, 'use': 1}]},"
        " 'reach': {'paths': [{'path': '/proc/kcore', 'how': 'read', 'errno': 0, 'hidden': true,"
        "   'bytes': false}, {'path': '/proc/sysrq-trigger', 'how': 'write', 'errno': 30}],"
        "  'nodes': [{'path': '/dev/vda', 'type': 'block', 'errno': 1},"
        "   {'path': '/dev/fuse', 'type': 'char', 'errno': 0}], 'pid1_memory': 0, 'kernel_log': 1},"
        " 'tsm': {'others': [{'name': 'c', 'errno': 13}],"
        "  'measurements': [{'name': 'rtmr0', 'ok': false}],"
        "  'entries': {'tried': 64, 'made': 63}},"
        " 'entry': {'listening': [], 'engines': [{'path': '/run/docker.sock', 'errno': 13}],"
        "  'processes': [], 'programs': [], 'accounts': []},"
        " 'cost': {'syscall_ns': 512.5, 'fault_ns': 20000}}";
static const char vm[] =
        "{'isolation': {'namespaces': {'cgroup': 1, 'ipc': 2, 'mnt': 3, 'net': 4, 'pid': 5, "
        "'time': 7,"
        "   'user': 6, 'uts': 8}}}";

static json_t *json_of(const char *text)
{
	char copy[4096];
	json_error_t error;
	size_t i = 0;

	for (; text[i]; i++)
		copy[i] = text[i] == '\'' ? '"' : text[i];
	copy[i] = '\0';
	json_t *object = json_loads(copy, 0, &error);
	ck_assert_msg(object != NULL, "%s: %s", text, error.text);
	return object;
}

static struct layer_evidence layer_of(const char *text, const char *change)
{
	json_t *facts = json_of(text), *changes = json_of(change);
	struct layer_evidence l = {.hello = true, .kernel = "6.12.0", .boot_id = "aaaa-bbbb"};

	ck_assert_int_eq(json_object_update_recursive(facts, changes), 0);
	l.confinement = json_incref(json_object_get(facts, "confinement"));
	l.isolation = json_incref(json_object_get(facts, "isolation"));
	l.syscalls = json_incref(json_object_get(facts, "syscalls"));
	l.reach = json_incref(json_object_get(facts, "reach"));
	l.entry = json_incref(json_object_get(facts, "entry"));
	l.cost = json_incref(json_object_get(facts, "cost"));
	l.tsm = json_incref(json_object_get(facts, "tsm"));
	json_decref(facts);
	json_decref(changes);
	return l;
}

static const struct finding *find(const struct isolation *i, const char *name)
{
	for (size_t k = 0; k < i->findings; k++) {
		if (strcmp(i->finding[k].name, name) == 0)
			return &i->finding[k];
	}
	return NULL;
}

static const struct {
	const char *change, *finding, *detail;
} table[] = {
        {"{'confinement': {'seccomp': 0}}", "no-seccomp", "no filter"},
        {"{'confinement': {'apparmor': 'unconfined'}}", "no-lsm", "unconfined"},
        {"{'confinement': {'apparmor': null}}", "no-lsm", "no label"},
        {"{'isolation': {'namespaces': {'cgroup': 1}}}", "same-cgroup-ns", "cgroups"},
        {"{'isolation': {'namespaces': {'ipc': 2}}}", "same-ipc-ns", "IPC"},
        {"{'isolation': {'namespaces': {'mnt': 3}}}", "same-mnt-ns", "file systems"},
        {"{'isolation': {'namespaces': {'net': 4}}}", "same-net-ns", "network"},
        {"{'isolation': {'namespaces': {'pid': 5}}}", "same-pid-ns", "processes"},
        {"{'isolation': {'namespaces': {'pid': 5}}}", "can-trace-outer", "process 1"},
        {"{'isolation': {'namespaces': {'user': 6}}}", "same-user-ns", "users"},
        {"{'isolation': {'namespaces': {'user': 6}}}", "outer-root", "uid 0"},
        {"{'isolation': {'uid_map': '0 0 4294967295'}}", "outer-root", "uid 0"},
        {"{'isolation': {'uid_map': '5 9 1\\n0 0 1'}}", "outer-root", "uid 0"},
        {"{'isolation': {'namespaces': {'uts': 8}}}", "same-uts-ns", "host name"},
        {"{'isolation': {'capabilities': {'CapEff': '0000000000200000'}, 'namespaces': {'user': "
         "6}}}",
         "strong-capabilities", "SYS_ADMIN"},
        {"{'syscalls': {'calls': [{'call': 'init_module', 'reach': -1, 'use': 8}]}}",
         "can-load-modules", "empty"},
        {"{'syscalls': {'calls': [{'call': 'finit_module', 'reach': -1, 'use': 9}]}}",
         "can-load-modules", "empty"},
        {"{'syscalls': {'calls': [{'call': 'mount', 'reach': 14, 'use': 22}]}}", "can-mount",
         "mount"},
        {"{'syscalls': {'calls': [{'call': 'fsopen', 'reach': -1, 'use': 14}]}}", "can-mount",
         "fsopen"},
        {"{'syscalls': {'calls': [{'call': 'unshare-user', 'reach': 22, 'use': 0}]}}",
         "can-make-user-ns", "unshare"},
        {"{'syscalls': {'calls': [{'call': 'clone3-user', 'reach': 22, 'use': 0}]}}",
         "can-make-user-ns", "clone3"},
        {"{'syscalls': {'calls': [{'call': 'settimeofday', 'reach': 14, 'use': 0}]}}",
         "can-set-clock", "clock"},
        {"{'syscalls': {'calls': [{'call': 'bpf', 'reach': 14, 'use': 0}, {'call': 'swapon',"
         " 'reach': 22, 'use': 2}]}}",
         "risky-syscalls", "bpf, swapon"},
        {"{'tsm': {'others': [{'name': 'd', 'errno': 0}]}}", "reads-others-quotes", "of: d"},
        {"{'tsm': {'measurements': [{'name': 'mrtd', 'ok': true}]}}", "reads-registers", "mrtd"},
        {"{'tsm': {'entries': {'tried': 64, 'made': 64}}}", "entries-without-limit", "64"},
        {"{'reach': {'kernel_log': 0}}", "sees-outer-dmesg", "kernel log"},
        {"{'reach': {'paths': [{'path': '/proc/sysrq-trigger', 'how': 'write', 'errno': 0}]}}",
         "writable-kernel-settings", "/proc/sysrq-trigger"},
        {"{'reach': {'paths': [{'path': '/proc/kcore', 'how': 'read', 'errno': 0, 'bytes': "
         "true}]}}",
         "unmasked-paths", "/proc/kcore"},
        {"{'reach': {'nodes': [{'path': '/dev/vda', 'type': 'block', 'errno': 0}]}}", "raw-devices",
         "/dev/vda"},
        {"{'reach': {'nodes': [{'path': '/dev/mem', 'type': 'char', 'errno': 0}]}}", "raw-devices",
         "/dev/mem"},
        {"{'entry': {'accounts': [{'name': 'root', 'password': 'known', 'known': 'toor'}]}}",
         "known-password", "root's is 'toor'"},
        {"{'entry': {'accounts': [{'name': 'guest', 'password': 'empty'}]}}", "empty-password",
         "guest"},
        {"{'entry': {'accounts': [{'name': 'admin', 'password': 'set'}]}}", "password-login",
         "admin"},
        {"{'entry': {'accounts': [{'name': 'admin', 'password': 'untried'}]}}", "password-login",
         "admin"},
        {"{'entry': {'processes': ['sshd']}}", "sshd-listening", "sshd"},
        {"{'entry': {'listening': [{'protocol': 'tcp', 'address': '0.0.0.0', 'port': 22}]}}",
         "sshd-listening", "tcp 0.0.0.0 port 22"},
        {"{'entry': {'programs': ['/usr/sbin/sshd']}}", "sshd-present", "/usr/sbin/sshd"},
        {"{'entry': {'listening': [{'protocol': 'vsock', 'address': '', 'port': 1234}]}}",
         "listening-socket", "vsock  port 1234"},
        {"{'entry': {'engines': [{'path': '/run/docker.sock', 'errno': 0}]}}", "engine-socket",
         "/run/docker.sock"},
        {"{'syscalls': null}", "not-known", "syscalls"},
        {"{'reach': {'paths': null}}", "not-known", "reach"},
        {"{'entry': {'errno': 110, 'listening': null}}", "not-known", "entry"},
};
#define ROWS ((int)COUNT_OF(table))

/* Started when the kernel below was up for 20 s, and alive 3 s later. */
static void uptimes(struct layer_evidence *l, double own)
{
	l->below_uptime_ms = 20000;
	l->ready_ms = 3000;
	l->uptime_ms = own;
}

static void again(const struct layer_evidence *l, const struct layer_evidence *below,
                  struct isolation *i)
{
	isolation_done(i);
	isolation_judge(l, below, i);
}

static struct isolation judge(const char *change, const char *boot_id)
{
	struct layer_evidence below = layer_of(vm, "{}"), l = layer_of(container, change);
	struct isolation i;

	snprintf(l.boot_id, sizeof(l.boot_id), "%s", boot_id);
	uptimes(&l, 3000);
	isolation_judge(&l, &below, &i);
	layer_evidence_done(&below);
	layer_evidence_done(&l);
	return i;
}

TEST_RANGE(each_finding, 0, ROWS)
{
	struct isolation without = judge("{}", "aaaa-bbbb");
	struct isolation with = judge(table[_i].change, "aaaa-bbbb");
	const struct finding *f = find(&with, table[_i].finding);

	ck_assert_msg(find(&without, table[_i].finding) == NULL, "%s without a cause",
	              table[_i].finding);
	ck_assert_msg(f != NULL, "row %d: no %s", _i, table[_i].finding);
	ck_assert_msg(strstr(f->detail, table[_i].detail) != NULL, "%s", f->detail);
	ck_assert_uint_le(strlen(f->detail), FINDING_DETAIL_MAX - 1);
	isolation_done(&without);
	isolation_done(&with);
}

/* Under a kernel of its own, power over it is nobody else's business; a way in still is. */
TEST_RANGE(own_kernel, 0, ROWS)
{
	struct isolation i = judge(table[_i].change, "cccc-dddd");
	bool everywhere = strstr("known-password empty-password password-login sshd-listening "
	                         "sshd-present listening-socket engine-socket not-known",
	                         table[_i].finding) != NULL;

	ck_assert_int_eq(i.kernel, RELATION_OWN);
	ck_assert_msg((find(&i, table[_i].finding) != NULL) == everywhere, "%s", table[_i].finding);
	ck_assert_ptr_null(find(&i, "shares-kernel"));
	isolation_done(&i);
}

TEST(kernels)
{
	struct layer_evidence below = layer_of(vm, "{}"), l = layer_of(container, "{}");
	struct isolation i = {0};

	again(&l, &below, &i);
	ck_assert_int_eq(i.kernel, RELATION_SHARED);
	ck_assert_uint_eq(i.findings, 1);
	ck_assert_str_eq(i.finding[0].name, "shares-kernel");
	ck_assert_int_eq(i.ns[NS_TIME], RELATION_SHARED);
	ck_assert_int_eq(i.ns[NS_PID], RELATION_OWN);
	ck_assert_int_eq(i.uid0, 100000);

	l.boot_id[0] = '\0'; /* a layer that keeps it to itself is not believed to have its own */
	again(&l, &below, &i);
	ck_assert_int_eq(i.kernel, RELATION_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(find(&i, "not-known")->detail, "whose kernel"));
	uptimes(&l, -1);
	again(&l, &below, &i);
	ck_assert_int_eq(i.kernel, RELATION_UNKNOWN);
	snprintf(l.boot_id, sizeof(l.boot_id), "made-up"); /* as LXC and nspawn do */
	again(&l, &below, &i);
	ck_assert_int_eq(i.kernel, RELATION_UNKNOWN);
	uptimes(&l, 23010);
	again(&l, &below, &i);
	ck_assert_int_eq(i.kernel, RELATION_SHARED);
	ck_assert_ptr_nonnull(find(&i, "shares-kernel"));
	uptimes(&l, 2400);
	again(&l, &below, &i);
	ck_assert_int_eq(i.kernel, RELATION_OWN);
	uptimes(&l, 12900); /* a clock that runs several times too fast */
	again(&l, &below, &i);
	ck_assert_int_eq(i.kernel, RELATION_OWN);
	uptimes(&l, 23010);
	snprintf(l.kernel, sizeof(l.kernel), "4.4.0");
	again(&l, &below, &i);
	ck_assert_int_eq(i.kernel, RELATION_OWN);

	again(&l, NULL, &i); /* as layer 0 */
	ck_assert_int_eq(i.kernel, RELATION_OWN);
	ck_assert_uint_eq(i.findings, 0);
	l.tiny = true;
	again(&l, &below, &i);
	ck_assert_int_eq(i.kernel, RELATION_OWN);
	ck_assert(!i.probed);
	isolation_done(&i);
	layer_evidence_done(&below);
	layer_evidence_done(&l);
}

/* Who refused a call: the errnos are those of Linux 6.12 for the agent's arguments. */
static const struct {
	const char *call;
	int reach, use, seccomp;
	enum call_state state;
} states[] = {
        {"mount", EFAULT, EINVAL, 0, CALL_PERMITTED},
        {"mount", EFAULT, EPERM, 2, CALL_REFUSED},
        {"mount", EFAULT, EACCES, 2, CALL_REFUSED}, /* AppArmor */
        {"mount", EPERM, EPERM, 2, CALL_FILTERED},
        {"mount", EPERM, EPERM, 0, CALL_REFUSED},
        {"clone3-user", ENOSYS, ENOSYS, 2, CALL_FILTERED},
        {"init_module", -1, EPERM, 2, CALL_UNCLEAR},
        {"init_module", -1, EPERM, 0, CALL_REFUSED},
        {"init_module", -1, ENOEXEC, 2, CALL_PERMITTED},
        {"bpf", -131, -1, 2, CALL_FILTERED}, /* killed by SIGSYS */
        {"bpf", EFAULT, -131, 2, CALL_REFUSED},
        {"bpf", -2, -1, 2, CALL_UNCLEAR},
        {"bpf", -1, -1, 2, CALL_UNTRIED},
        {"ptrace", ESRCH, 0, 2, CALL_PERMITTED},
        {"keyctl", EOPNOTSUPP, ENOKEY, 2, CALL_PERMITTED},
        {"bpf", EFAULT, ENOKEY, 2, CALL_REFUSED},
};

TEST_EACH(who_refused, states)
{
	char change[200];

	snprintf(change, sizeof(change),
	         "{'confinement': {'seccomp': %d}, 'syscalls': {'calls': [{'call': 'no-such', "
	         "'use': 0},"
	         " {'call': '%s', 'reach': %d, 'use': %d}]}}",
	         states[_i].seccomp, states[_i].call, states[_i].reach, states[_i].use);
	struct isolation i = judge(change, "aaaa-bbbb");
	ck_assert_msg(i.call[ENUM_FIND(call_names, states[_i].call)] == states[_i].state,
	              "row %d: %s", _i,
	              call_state_names[i.call[ENUM_FIND(call_names, states[_i].call)]]);
	isolation_done(&i);
}

/* Floods and control characters end up bounded and escaped. */
TEST(hostile_texts)
{
	json_t *list = json_array(), *change;
	char *text;

	for (int k = 0; k < 300; k++)
		json_array_append_new(list,
		                      json_pack("{s:s, s:s, s:s}", "name", "\033[2Jroot\xc3\xa9",
		                                "password", "known", "known", "a\nb"));
	struct layer_evidence below = layer_of(vm, "{}"), l = layer_of(container, "{}");
	change = json_pack("{s:o}", "accounts", list);
	ck_assert_int_eq(json_object_update(l.entry, change), 0);
	json_decref(change);
	struct isolation i = {0};
	again(&l, &below, &i);
	text = i.finding[1].detail;
	ck_assert_str_eq(i.finding[1].name, "known-password");
	ck_assert_ptr_nonnull(strstr(text, "\\x1b[2Jroot\\xc3\\xa9's is 'a\\x0ab'"));
	ck_assert_ptr_nonnull(strstr(text, " more"));
	for (; *text; text++)
		ck_assert(*text >= ' ' && *text <= '~');
	isolation_done(&i);
	layer_evidence_done(&below);
	layer_evidence_done(&l);
}

TEST(costs)
{
	struct layer_evidence l = layer_of(container, "{'cost': {'fault_ns': -5}}");
	struct layer_cost c;

	l.prepare_ms = 7200;
	l.ready_ms = 3800;
	l.memory_kib = 1e300;
	l.disk_kib = -1;
	cost_judge(&l, -1, true, &c);
	ck_assert(c.prepare_ms == 7200 && c.ready_ms == 3800 && c.syscall_ns == 512.5);
	ck_assert(c.fault_ns == -1 && c.memory_kib == -1 && c.disk_kib == -1);
	cost_judge(&l, 12.5, true, &c);
	ck_assert(c.ready_ms == 12500);
	layer_evidence_done(&l);
}

TESTS("isolation")
