/* SPDX-License-Identifier: Apache-2.0 */
#include "run/portable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "format/bytes.h"

struct rewrite {
	const struct portable_host *host;
	void (*note)(void *userdata, const char *option, const char *why);
	void *userdata;
	struct argv out;
};

/* ---- values: "a,b=c,d" ---- */

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The value of a key, or "", of "key=value,..." or of a JSON object. */
static void find_key(const char *value, const char *key, char ret[64])
{
	const char *at = value;
	size_t length = strlen(key);

	ret[0] = '\0';
	while ((at = strstr(at, key))) {
		bool start = at == value || strchr(",{\"", at[-1]);

		at += length;
		if (!start || !strchr("=\"", *at))
			continue;
		at += strspn(at, "\":= ");
		snprintf(ret, 64, "%.*s", (int)strcspn(at, ",\"}"), at);
		return;
	}
}

/* Copies the parts of a value that begin with none of `drop`, a list that ends in NULL. */
static char *without(const char *value, const char *const drop[])
{
	_cleanup_(freep) char *copy = strdup(value);
	char *out = calloc(1, strlen(value) + 2), *rest = copy, *part;

	if (!copy || !out) {
		free(out);
		return NULL;
	}
	while ((part = strsep(&rest, ","))) {
		bool dropped = false;

		for (size_t i = 0; drop[i]; i++)
			dropped = dropped || begins(part, drop[i]);
		if (dropped)
			continue;
		if (out[0])
			strcat(out, ",");
		strcat(out, part);
	}
	return out;
}

static void add_without(struct rewrite *r, const char *value, const char *const drop[],
                        const char *more)
{
	_cleanup_(freep) char *kept = without(value, drop);

	if (!kept)
		r->out.failed = true;
	else
		argv_addf(&r->out, "%s%s%s", kept, kept[0] && more[0] ? "," : "", more);
}

static void tell(struct rewrite *r, const char *option, const char *value, const char *why)
{
	char text[120];

	snprintf(text, sizeof(text), "%s%s%.80s", option, value ? " " : "", value ? value : "");
	if (r->note)
		r->note(r->userdata, text, why);
}

/* ---- options ---- */

/* What is no part of the machine. */
static const struct {
	const char *option;
	bool value;
} outside[] = {
        {"-daemonize", false}, {"-pidfile", true}, {"-D", true},          {"-d", true},
        {"-monitor", true},    {"-qmp", true},     {"-qmp-pretty", true}, {"-mon", true},
        {"-gdb", true},        {"-s", false},      {"-S", false},         {"-runas", true},
        {"-run-with", true},   {"-chroot", true},  {"-sandbox", true},    {"-incoming", true},
        {"-trace", true},      {"-vnc", true},     {"-spice", true},      {"-msg", true},
        {"-display", true},
};

/* Whether the option is one of them; *ret_used is how many arguments it is. */
static bool is_outside(char *const *item, int *ret_used)
{
	for (size_t i = 0; i < COUNT_OF(outside); i++) {
		if (strcmp(item[0], outside[i].option) != 0)
			continue;
		*ret_used = outside[i].value && item[1] ? 2 : 1;
		return true;
	}
	return false;
}

static bool take_accelerator(struct rewrite *r, const char *option, const char *value)
{
	static const char *const drop[] = {"kernel_irqchip=", "kernel-irqchip=", "accel=", NULL};
	static const char why[] = "there is no KVM here; the tables do not depend on it";

	if (strcmp(option, "-accel") == 0 && begins(value, "kvm")) {
		argv_add(&r->out, option);
		argv_add(&r->out, "tcg");
	} else if (strcmp(option, "-cpu") == 0 && begins(value, "host")) {
		argv_add(&r->out, option);
		argv_add(&r->out, "max");
	} else if ((strcmp(option, "-machine") == 0 || strcmp(option, "-M") == 0) &&
	           (strstr(value, "irqchip=") || strstr(value, "accel="))) {
		argv_add(&r->out, "-machine");
		add_without(r, value, drop, "");
	} else {
		return false;
	}
	tell(r, option, value, why);
	return true;
}

static bool take_disk(struct rewrite *r, const char *option, const char *value)
{
	static const char *const drop[] = {"file=",    "format=", "driver=", "cache",    "aio=",
	                                   "discard=", "detect-", "locking", "snapshot", NULL};
	static const char null_disk[] = "driver=null-co,read-zeroes=on";
	char node[64];

	if (strcmp(option, "-drive") == 0 && !strstr(value, "if=pflash")) {
		argv_add(&r->out, option);
		add_without(r, value, drop, null_disk);
	} else if (strcmp(option, "-blockdev") == 0) {
		find_key(value, "node-name", node);
		argv_add(&r->out, option);
		argv_addf(&r->out, "%s,node-name=%s", null_disk, node);
	} else {
		return false;
	}
	tell(r, option, value, "an empty disk stands in for it: nothing is read from it");
	return true;
}

static bool take_connection(struct rewrite *r, const char *option, const char *value)
{
	static const char *const drop[] = {"vhost-vsock-pci", "guest-cid=", "vhostfd=", NULL};
	char id[64];

	if (strcmp(option, "-netdev") == 0) {
		find_key(value, "id", id);
		argv_add(&r->out, option);
		argv_addf(&r->out, "user,id=%s", id);
		tell(r, option, value, "no network is needed");
	} else if (strcmp(option, "-serial") == 0) {
		argv_add(&r->out, option);
		argv_add(&r->out, "null");
		tell(r, option, value, "the port stays, and leads nowhere");
	} else if (strcmp(option, "-device") == 0 && begins(value, "vhost-vsock-pci") &&
	           !r->host->vsock) {
		_cleanup_(freep) char *kept = without(value, drop);

		argv_add(&r->out, option);
		argv_addf(&r->out, "virtio-rng-pci%s%s", kept && kept[0] ? "," : "",
		          kept ? kept : "");
		r->out.failed = r->out.failed || !kept;
		tell(r, option, value,
		     "there is no /dev/vhost-vsock: a virtio device with the same registers stands "
		     "in for it");
	} else {
		return false;
	}
	return true;
}

static bool take_memory(struct rewrite *r, const char *option, const char *value)
{
	static const char *const drop[] = {"hugetlb",    "seal=",   "prealloc",
	                                   "host-nodes", "policy=", NULL};

	if (strcmp(option, "-object") != 0 || !begins(value, "memory-backend-") ||
	    !(strstr(value, "hugetlb") || strstr(value, "prealloc") || strstr(value, "policy")))
		return false;
	argv_add(&r->out, option);
	add_without(r, value, drop, "");
	tell(r, option, value, "where the memory comes from is no part of the machine");
	return true;
}

/* One option with its value, or without one; returns how many arguments it was. */
static int take(struct rewrite *r, char *const *item)
{
	bool value = item[0][0] == '-' && item[1] && item[1][0] != '-';
	int used = value ? 2 : 1;

	if (is_outside(item, &used)) {
		tell(r, item[0], used == 2 ? item[1] : NULL, "left out: no part of the machine");
	} else if (strcmp(item[0], "-nographic") == 0) {
		used = 1;
	} else if (strcmp(item[0], "-enable-kvm") == 0 && !r->host->kvm) {
		tell(r, item[0], NULL, "left out: there is no KVM here");
		used = 1;
	} else if (!value ||
	           !((!r->host->kvm && take_accelerator(r, item[0], item[1])) ||
	             take_disk(r, item[0], item[1]) || take_connection(r, item[0], item[1]) ||
	             take_memory(r, item[0], item[1]))) {
		for (int i = 0; i < used; i++)
			argv_add(&r->out, item[i]);
	}
	return used;
}

int portable_argv(char *const *argv, const struct portable_host *host,
                  void (*note)(void *userdata, const char *option, const char *why), void *userdata,
                  struct argv *ret, struct err *e)
{
	struct rewrite r = {.host = host, .note = note, .userdata = userdata};

	if (!argv[0])
		return err_set(e, -EINVAL, "no QEMU command given");
	argv_add(&r.out, argv[0]);
	argv_add(&r.out, "-display");
	argv_add(&r.out, "none");
	for (char *const *item = argv + 1; *item;)
		item += take(&r, item);
	if (r.out.failed) {
		argv_done(&r.out);
		return err_nomem(e);
	}
	*ret = r.out;
	return 0;
}
