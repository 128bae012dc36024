/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which facts are findings. Power over the kernel is one unless the kernel is the layer's own: then
 * it is what a machine has over itself. A way in is one at every layer.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/enum.h"
#include "core/escape.h"
#include "format/bytes.h"
#include "judge/frames.h"
#include "judge/isolation.h"

static void add(struct isolation *i, const char *name, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
static void add(struct isolation *i, const char *name, const char *fmt, ...)
{
	struct finding *f = isolation_add(i);
	va_list ap;

	if (!f)
		return;
	snprintf(f->name, sizeof(f->name), "%s", name);
	va_start(ap, fmt);
	vsnprintf(f->detail, sizeof(f->detail), fmt, ap);
	va_end(ap);
}

/* "a, b, c", cut short with a count of what did not fit. */
struct list {
	char text[200];
	size_t count, left_out;
};

static void list_add(struct list *l, const char *foreign)
{
	size_t used = strlen(l->text);
	char item[80];

	text_escape(item, sizeof(item), foreign);
	l->count++;
	if (used + strlen(item) + 3 > sizeof(l->text))
		l->left_out++;
	else
		snprintf(l->text + used, sizeof(l->text) - used, "%s%s", used ? ", " : "", item);
}

static void add_list(struct isolation *i, const char *name, const char *before,
                     const struct list *l)
{
	if (l->count && l->left_out)
		add(i, name, "%s%s and %zu more", before, l->text, l->left_out);
	else if (l->count)
		add(i, name, "%s%s", before, l->text);
}

static bool permits(const struct isolation *i, const char *call)
{
	int index = ENUM_FIND(call_names, call);

	return index >= 0 && i->call[index] == CALL_PERMITTED;
}

/* ---- what is not known ---- */
static void find_unknown(const struct layer_evidence *l, bool layer0, struct isolation *i)
{
	struct list missing = {0};

	if (!l->confinement)
		list_add(&missing, "confinement");
	if (!json_is_object(json_object_get(l->isolation, "namespaces")))
		list_add(&missing, "isolation");
	if (!json_is_array(json_object_get(l->syscalls, "calls")))
		list_add(&missing, "syscalls");
	if (!json_is_array(json_object_get(l->reach, "paths")))
		list_add(&missing, "reach");
	if (!json_is_array(json_object_get(l->entry, "listening")))
		list_add(&missing, "entry");
	if (!layer0 && i->kernel == RELATION_UNKNOWN)
		list_add(&missing, "whose kernel it is");
	add_list(i, "not-known", "the layer did not tell: ", &missing);
}

/* ---- the kernel of the layer below ---- */
static void find_shared(struct isolation *i)
{
	static const struct {
		enum layer_ns ns;
		const char *finding, *means;
	} list[] = {
	        {NS_USER, "same-user-ns", "its users are those of the layer below"},
	        {NS_PID, "same-pid-ns", "it sees the processes of the layer below"},
	        {NS_MNT, "same-mnt-ns", "it sees the file systems of the layer below"},
	        {NS_NET, "same-net-ns",
	         "it has the network and abstract sockets of the layer below"},
	        {NS_IPC, "same-ipc-ns",
	         "it shares System V IPC and POSIX queues with the layer below"},
	        {NS_UTS, "same-uts-ns", "it shares the host name with the layer below"},
	        {NS_CGROUP, "same-cgroup-ns", "it sees the cgroups of the layer below"},
	};

	if (i->kernel == RELATION_SHARED)
		add(i, "shares-kernel", "one kernel with the layer below: %s",
		    i->release[0] ? i->release : "its boot ID is the same");
	for (size_t n = 0; n < COUNT_OF(list); n++) {
		if (i->ns[list[n].ns] == RELATION_SHARED)
			add(i, list[n].finding, "%s", list[n].means);
	}
	if (i->uid0 == 0)
		add(i, "outer-root", "its uid 0 is uid 0 of the layer below");
}

/* Capabilities with which the kernel, or other layers, can be changed or read. */
static const struct {
	int bit; /* capability.h */
	const char *name;
} strong[] = {
        {2, "DAC_READ_SEARCH"},
        {12, "NET_ADMIN"},
        {16, "SYS_MODULE"},
        {17, "SYS_RAWIO"},
        {19, "SYS_PTRACE"},
        {21, "SYS_ADMIN"},
        {22, "SYS_BOOT"},
        {25, "SYS_TIME"},
        {32, "MAC_OVERRIDE"},
        {33, "MAC_ADMIN"},
        {34, "SYSLOG"},
        {38, "PERFMON"},
        {39, "BPF"},
        {40, "CHECKPOINT_RESTORE"},
};

static void find_unconfined(struct isolation *i)
{
	struct list held = {0};

	for (size_t c = 0; c < COUNT_OF(strong); c++) {
		if (i->has_capabilities && i->capabilities >> strong[c].bit & 1)
			list_add(&held, strong[c].name);
	}
	if (i->ns[NS_USER] !=
	    RELATION_OWN) /* in a user namespace of its own they reach no further */
		add_list(i, "strong-capabilities", "", &held);
	if (i->seccomp == 0)
		add(i, "no-seccomp", "no filter on system calls");
	if (i->lsm[0] == '\0' || strncmp(i->lsm, "unconfined", 10) == 0)
		add(i, "no-lsm", "%s", i->lsm[0] ? i->lsm : "no label");
}

static void find_calls(struct isolation *i)
{
	static const char *const risky[] = {
	        "bpf",           "perf_event_open", "userfaultfd", "io_uring_setup",
	        "kexec_load",    "add_key",         "keyctl",      "open_by_handle_at",
	        "delete_module", "swapon",          "acct",        "iopl",
	};
	struct list permitted = {0}, mounts = {0}, users = {0};

	for (size_t c = 0; c < COUNT_OF(risky); c++) {
		if (permits(i, risky[c]))
			list_add(&permitted, risky[c]);
	}
	add_list(i, "risky-syscalls", "permitted when tried: ", &permitted);
	if (permits(i, "init_module") || permits(i, "finit_module"))
		add(i, "can-load-modules", "loading a module was refused only for being empty");
	if (permits(i, "mount"))
		list_add(&mounts, "mount");
	if (permits(i, "fsopen"))
		list_add(&mounts, "fsopen");
	add_list(i, "can-mount", "permitted when tried: ", &mounts);
	if (permits(i, "unshare-user"))
		list_add(&users, "unshare");
	if (permits(i, "clone3-user"))
		list_add(&users, "clone3");
	add_list(i, "can-make-user-ns", "every capability in a namespace of its own, by ", &users);
	if (permits(i, "settimeofday"))
		add(i, "can-set-clock", "the clock is that of the layer below");
}

static void find_paths(const struct layer_evidence *l, struct isolation *i)
{
	const json_t *paths = json_object_get(l->reach, "paths");
	struct list readable = {0}, writable = {0};

	for (size_t k = 0; k < json_array_size(paths); k++) {
		const json_t *p = json_array_get(paths, k);
		const char *path = member_text(p, "path"), *how = member_text(p, "how");

		if (!path || !how || member_integer(p, "errno", -1) != 0 ||
		    member_bool(p, "hidden", false))
			continue;
		if (strcmp(how, "write") == 0)
			list_add(&writable, path);
		else if (member_bool(p, "bytes", false))
			list_add(&readable, path);
	}
	if (member_integer(l->reach, "kernel_log", -1) == 0)
		add(i, "sees-outer-dmesg", "the kernel log is that of the layer below");
	add_list(i, "writable-kernel-settings", "opened for writing: ", &writable);
	add_list(i, "unmasked-paths", "", &readable);
}

static void find_devices(const struct layer_evidence *l, struct isolation *i)
{
	static const char *const raw[] = {"/dev/mem", "/dev/kmem", "/dev/port", "/dev/cpu/0/msr"};
	const json_t *nodes = json_object_get(l->reach, "nodes");
	struct list opened = {0};

	for (size_t k = 0; k < json_array_size(nodes); k++) {
		const json_t *n = json_array_get(nodes, k);
		const char *path = member_text(n, "path"), *type = member_text(n, "type");

		if (!path || !type || member_integer(n, "errno", -1) != 0)
			continue;
		if (strcmp(type, "block") == 0 || ENUM_FIND(raw, path) >= 0)
			list_add(&opened, path);
	}
	add_list(i, "raw-devices", "opened: ", &opened);
	if (i->ns[NS_PID] == RELATION_SHARED && member_integer(l->reach, "pid1_memory", -1) == 0)
		add(i, "can-trace-outer", "the memory of process 1 of the layer below opens");
}

/* ---- ways in ---- */
static void find_accounts(const struct layer_evidence *l, struct isolation *i)
{
	const json_t *accounts = json_object_get(l->entry, "accounts");
	struct list empty = {0}, known = {0}, other = {0};

	for (size_t k = 0; k < json_array_size(accounts); k++) {
		const json_t *a = json_array_get(accounts, k);
		const char *name = member_text(a, "name"), *state = member_text(a, "password");
		const char *password = member_text(a, "known");
		char line[70];

		if (!name || !state)
			continue;
		snprintf(line, sizeof(line), "%.30s's is '%.30s'", name, password ? password : "");
		if (strcmp(state, "empty") == 0)
			list_add(&empty, name);
		else if (strcmp(state, "known") == 0)
			list_add(&known, line);
		else
			list_add(&other, name);
	}
	add_list(i, "empty-password", "accounts: ", &empty);
	add_list(i, "known-password", "", &known);
	add_list(i, "password-login", "accounts with a password: ", &other);
}

static void find_texts(const json_t *texts, struct list *ret)
{
	for (size_t k = 0; k < json_array_size(texts); k++) {
		const char *text = json_string_value(json_array_get(texts, k));

		if (text)
			list_add(ret, text);
	}
}

static void find_listeners(const struct layer_evidence *l, struct isolation *i)
{
	const json_t *listening = json_object_get(l->entry, "listening");
	struct list shells = {0}, programs = {0}, others = {0}, engines = {0};

	find_texts(json_object_get(l->entry, "processes"), &shells);
	find_texts(json_object_get(l->entry, "programs"), &programs);
	for (size_t k = 0; k < json_array_size(listening); k++) {
		const json_t *s = json_array_get(listening, k);
		const char *protocol = member_text(s, "protocol"),
		           *address = member_text(s, "address");
		json_int_t port = member_integer(s, "port", -1);
		char line[70];

		snprintf(line, sizeof(line), "%.10s %.45s port %u", protocol ? protocol : "?",
		         address ? address : "?", (unsigned)port);
		list_add(port == 22 || port == 23 ? &shells : &others, line);
	}
	for (size_t k = 0; k < json_array_size(json_object_get(l->entry, "engines")); k++) {
		const json_t *s = json_array_get(json_object_get(l->entry, "engines"), k);

		if (member_integer(s, "errno", -1) == 0 && member_text(s, "path"))
			list_add(&engines, member_text(s, "path"));
	}
	add_list(i, "sshd-listening", "a remote shell is served: ", &shells);
	add_list(i, "sshd-present", "", &programs);
	add_list(i, "listening-socket", "", &others);
	add_list(i, "engine-socket", "takes connections: ", &engines);
}

/* RTMR0 to RTMR2 are the boot's: whoever adds to them makes every later quote worthless. */
static void find_extends(const struct layer_evidence *l, struct isolation *i)
{
	static const char *const names[] = {"RTMR0", "RTMR1", "RTMR2"};
	struct list registers = {0};

	for (size_t k = 0; k < l->extends && !registers.count; k++) {
		for (int n = 0; n < 3 && l->extend[k].told_writable; n++) {
			if (l->extend[k].writable[n])
				list_add(&registers, names[n]);
		}
	}
	add_list(i, "extends-boot-rtmrs", "can spoil all later quotes of this TD: may extend ",
	         &registers);
}

/*
 * What a layer learns of the TD and of other layers through the attestation interfaces, and what it
 * can use up: all of it needs no right to write.
 */
static void find_tsm(const struct layer_evidence *l, struct isolation *i)
{
	const json_t *others = json_object_get(l->tsm, "others");
	const json_t *registers = json_object_get(l->tsm, "measurements");
	const json_t *entries = json_object_get(l->tsm, "entries");
	struct list quotes = {0}, values = {0};
	const json_int_t made = member_integer(entries, "made", 0);

	for (size_t k = 0; k < json_array_size(others); k++) {
		const json_t *one = json_array_get(others, k);

		if (member_text(one, "name") && member_integer(one, "errno", 0) == 0)
			list_add(&quotes, member_text(one, "name"));
	}
	for (size_t k = 0; k < json_array_size(registers); k++) {
		const json_t *one = json_array_get(registers, k);

		if (member_text(one, "name") && member_bool(one, "ok", false))
			list_add(&values, member_text(one, "name"));
	}
	add_list(i, "reads-others-quotes", "opened the outblob of: ", &quotes);
	add_list(i, "reads-registers", "of the TD: ", &values);
	if (made > 0 && made == member_integer(entries, "tried", -1))
		add(i, "entries-without-limit", "made %lld report entries, and nothing refused more",
		    (long long)made);
}

void findings_make(const struct layer_evidence *l, bool layer0, struct isolation *i)
{
	find_unknown(l, layer0, i);
	if (i->kernel != RELATION_OWN) {
		find_shared(i);
		find_unconfined(i);
		find_calls(i);
		find_paths(l, i);
		find_devices(l, i);
		find_extends(l, i);
		find_tsm(l, i);
	}
	find_accounts(l, i);
	find_listeners(l, i);
}
