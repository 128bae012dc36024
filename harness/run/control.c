/* SPDX-License-Identifier: Apache-2.0 */
#include "run/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "format/bytes.h"
#include "measure/qemu_line.h"

struct rewrite {
	const struct control_spec *spec;
	bool td;          /* a hardware TD's command line */
	bool by_kvm;      /* it asks for KVM, as each TD's does */
	const char *name; /* of the option at hand, as it goes out */
	bool drop;        /* it goes out without it */
	struct argv out;
};

/* ---- values ---- */

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Deletes all members but the named ones; the list ends with NULL. */
static void keep_only(json_t *value, const char *const names[])
{
	const char *key;
	json_t *member;
	void *next;

	json_object_foreach_safe(value, next, key, member)
	{
		bool kept = false;

		for (size_t i = 0; names[i]; i++)
			kept = kept || strcmp(key, names[i]) == 0;
		if (!kept)
			json_object_del(value, key);
	}
}

static bool del_key(json_t *value, const char *key)
{
	return json_object_del(value, key) == 0;
}

static void set_text(json_t *value, const char *key, const char *text)
{
	json_object_set_new(value, key, json_string(text));
}

/* ---- one function a kind of option: it changes the value and says why, or NULL ---- */

/* What KVM offers, and whether it has the CPU that a line asks for, is a host's own. */
static const char no_kvm[] = "the control VM runs without KVM; the tables do not depend on it";

static const char *change_machine(struct rewrite *r, json_t *v)
{
	const char *why = NULL;

	if (del_key(v, "confidential-guest-support"))
		why = "the control VM runs without TDX";
	if (!r->spec->kvm &&
	    del_key(v, "accel") + del_key(v, "kernel_irqchip") + del_key(v, "kernel-irqchip") > 0)
		why = no_kvm;
	/* QEMU turns these off in a TD by itself, and the tables tell of them (FACP's SMI_CMD, APIC's
	 * PCAT_COMPAT). */
	if (r->td && !json_object_get(v, "smm"))
		set_text(v, "smm", "off");
	if (r->td && !json_object_get(v, "pic"))
		set_text(v, "pic", "off");
	return r->td && !why ? "a trust domain has neither SMM nor PIC" : why;
}

static const char *change_accel(struct rewrite *r, json_t *v)
{
	if (r->spec->kvm || strcmp(qemu_value_name(v, "accel"), "kvm") != 0)
		return NULL;
	json_object_clear(v);
	set_text(v, "accel", "tcg");
	return no_kvm;
}

static bool is_on(const json_t *value)
{
	const char *text = json_string_value(value);

	return json_is_true(value) ||
	       (text && (strcmp(text, "on") == 0 || strcmp(text, "yes") == 0));
}

/*
 * Firmware places 64-bit registers of devices by the width of addresses, which TCG's CPU has less of
 * (40 bits) than a machine with TDX; 46, 48 and 52 give the same tables. By KVM the models `host` and
 * `max` have the host's.
 */
static const char *change_cpu(struct rewrite *r, json_t *v)
{
	json_t *bits = json_incref(json_object_get(v, "phys-bits"));
	const char *model = qemu_value_name(v, "model");
	const json_t *wide = json_object_get(v, "host-phys-bits");
	bool host = strcmp(model, "host") == 0, max = strcmp(model, "max") == 0;

	if (r->spec->kvm || !(host || (r->by_kvm && (is_on(wide) || (max && !wide && !bits))))) {
		json_decref(bits);
		return NULL;
	}
	if (host) {
		json_object_clear(v);
		set_text(v, "model", "max");
	}
	json_object_del(v, "host-phys-bits");
	json_object_set_new(v, "phys-bits", bits ? bits : json_string("48"));
	return "the control VM runs without KVM; the tables depend on the address width alone";
}

static const char *change_object(struct rewrite *r, json_t *v)
{
	static const char *const outside[] = {"tdx-guest", "secret", "tls-", "authz-", "filter-"};
	static const char *const memory[] = {"qom-type", "id", "size", "share", NULL};
	const char *type = qemu_value_name(v, "qom-type");
	size_t members = json_object_size(v);
	bool other;

	for (size_t i = 0; i < COUNT_OF(outside); i++)
		r->drop = r->drop || begins(type, outside[i]);
	if (r->drop)
		return begins(type, "tdx") ? "left out: the control VM runs without TDX"
		                           : "left out: no part of the machine";
	if (!begins(type, "memory-backend-"))
		return NULL;
	other = strcmp(type, "memory-backend-ram") != 0;
	if (other)
		set_text(v, "qom-type", "memory-backend-ram");
	keep_only(v, memory);
	return other || json_object_size(v) != members
	               ? "where the memory comes from is no part of the machine"
	               : NULL;
}

static const char *change_drive(struct rewrite *r, json_t *v)
{
	static const char *const kept[] = {"id",    "if",       "index",     "bus", "unit",
	                                   "media", "readonly", "read-only", NULL};

	(void)r;
	if (strcmp(qemu_value_name(v, "if"), "pflash") == 0)
		return NULL;
	keep_only(v, kept);
	set_text(v, "driver", "null-co");
	json_object_set_new(v, "read-zeroes", json_true());
	return "an empty disk stands in for it: nothing is read from it";
}

static const char *change_blockdev(struct rewrite *r, json_t *v)
{
	static const char *const kept[] = {"node-name", NULL};

	(void)r;
	keep_only(v, kept);
	set_text(v, "driver", "null-co");
	json_object_set_new(v, "read-zeroes", json_true());
	return "an empty disk stands in for it: nothing is read from it";
}

/* -hda FILE and the like, and a FILE without any option. */
static const char *change_image(struct rewrite *r, json_t *v)
{
	bool cd = strcmp(r->name, "-cdrom") == 0;

	json_object_clear(v);
	set_text(v, "driver", "null-co");
	json_object_set_new(v, "read-zeroes", json_true());
	json_object_set_new(v, "index", json_integer(cd ? 2 : r->name[3] - 'a'));
	set_text(v, "media", cd ? "cdrom" : "disk");
	r->name = "-drive";
	return "an empty disk stands in for it: nothing is read from it";
}

static const char *change_netdev(struct rewrite *r, json_t *v)
{
	static const char *const kept[] = {"id", "type", "model", "mac", "macaddr", NULL};
	bool none = strcmp(qemu_value_name(v, "type"), "none") == 0;

	(void)r;
	if (none)
		return NULL;
	keep_only(v, kept);
	set_text(v, "type", "hubport");
	json_object_set_new(v, "hubid", json_integer(0));
	return "it leads nowhere: no network is needed";
}

static const char *change_chardev(struct rewrite *r, json_t *v)
{
	static const char *const kept[] = {"backend", "id", NULL};
	bool null = strcmp(qemu_value_name(v, "backend"), "null") == 0;

	(void)r;
	keep_only(v, kept);
	set_text(v, "backend", "null");
	return null ? NULL : "it leads nowhere";
}

static const char *change_serial(struct rewrite *r, json_t *v)
{
	(void)r;
	if (strcmp(qemu_value_name(v, "type"), "none") == 0)
		return NULL;
	json_object_clear(v);
	set_text(v, "type", "null");
	return "the port stays, and leads nowhere";
}

static const char *change_folder(struct rewrite *r, json_t *v)
{
	(void)r;
	if (!json_object_get(v, "path"))
		return NULL;
	set_text(v, "path", "/");
	set_text(v, "readonly", "on");
	return "another folder stands in for it: nothing is read from it";
}

static const char *change_device(struct rewrite *r, json_t *v)
{
	static const char *const outside[] = {"loader", "isa-debugcon", "isa-debug-exit"};
	static const char *const kept[] = {"driver",
	                                   "id",
	                                   "bus",
	                                   "addr",
	                                   "multifunction",
	                                   "acpi-index",
	                                   "iommu_platform",
	                                   "disable-legacy",
	                                   "disable-modern",
	                                   NULL};
	const char *driver = qemu_value_name(v, "driver");

	for (size_t i = 0; i < COUNT_OF(outside); i++)
		r->drop = r->drop || strcmp(driver, outside[i]) == 0;
	if (r->drop)
		return "left out: the tables do not tell of it";
	if (begins(driver, "vhost-vsock-pci") || begins(driver, "vhost-user-")) {
		keep_only(v, kept);
		set_text(v, "driver", "virtio-rng-pci");
		if (!json_object_get(v, "disable-legacy"))
			set_text(v, "disable-legacy", "on");
		return "a virtio device with the same registers stands in for it";
	}
	/* -kernel takes index 0 for itself */
	return del_key(v, "bootindex")
	               ? "its bootindex is left out: the control VM boots its own program"
	               : NULL;
}

static const char *leave_out(struct rewrite *r, json_t *v)
{
	(void)v;
	r->drop = true;
	return "left out: no part of the machine";
}

static const char *leave_out_kernel(struct rewrite *r, json_t *v)
{
	(void)v;
	r->drop = true;
	return "left out: a program that reads fw_cfg is started instead";
}

static const char *leave_out_kvm(struct rewrite *r, json_t *v)
{
	(void)v;
	r->drop = !r->spec->kvm;
	return r->drop ? no_kvm : NULL;
}

static const struct {
	const char *option;
	const char *(*change)(struct rewrite *r, json_t *value);
	const char *first; /* the key that a value's first part may lack */
} rows[] = {
        {"-machine", change_machine, "type"},
        {"-M", change_machine, "type"},
        {"-accel", change_accel, "accel"},
        {"-enable-kvm", leave_out_kvm, ""},
        {"-cpu", change_cpu, "model"},
        {"-object", change_object, "qom-type"},
        {"-device", change_device, "driver"},
        {"-drive", change_drive, "file"},
        {"-blockdev", change_blockdev, "driver"},
        {"-hda", change_image, "file"},
        {"-hdb", change_image, "file"},
        {"-hdc", change_image, "file"},
        {"-hdd", change_image, "file"},
        {"-cdrom", change_image, "file"},
        {"-netdev", change_netdev, "type"},
        {"-nic", change_netdev, "type"},
        {"-chardev", change_chardev, "backend"},
        {"-serial", change_serial, "type"},
        {"-parallel", change_serial, "type"},
        {"-virtfs", change_folder, "fsdriver"},
        {"-fsdev", change_folder, "fsdriver"},
        {"-kernel", leave_out_kernel, ""},
        {"-initrd", leave_out_kernel, ""},
        {"-append", leave_out_kernel, ""},
        {"-shim", leave_out_kernel, ""},
        {"-daemonize", leave_out, ""},
        {"-pidfile", leave_out, ""},
        {"-D", leave_out, ""},
        {"-d", leave_out, ""},
        {"-monitor", leave_out, ""},
        {"-mon", leave_out, ""},
        {"-qmp", leave_out, ""},
        {"-qmp-pretty", leave_out, ""},
        {"-gdb", leave_out, ""},
        {"-s", leave_out, ""},
        {"-S", leave_out, ""},
        {"-preconfig", leave_out, ""},
        {"-no-shutdown", leave_out, ""},
        {"-snapshot", leave_out, ""},
        {"-mem-path", leave_out, ""},
        {"-mem-prealloc", leave_out, ""},
        {"-overcommit", leave_out, ""},
        {"-runas", leave_out, ""},
        {"-run-with", leave_out, ""},
        {"-chroot", leave_out, ""},
        {"-sandbox", leave_out, ""},
        {"-incoming", leave_out, ""},
        {"-trace", leave_out, ""},
        {"-msg", leave_out, ""},
        {"-vnc", leave_out, ""},
        {"-spice", leave_out, ""},
        {"-display", leave_out, ""},
        {"-nographic", leave_out, ""},
        {"-debugcon", leave_out, ""},
        {"-add-fd", leave_out, ""},
};

/* ---- the whole ---- */

static void tell(const struct rewrite *r, const struct qemu_option *o, const char *why)
{
	char text[120];

	snprintf(text, sizeof(text), "%s%s%.80s", o->name, o->value ? " " : "",
	         o->value ? o->value : "");
	if (r->spec->note)
		r->spec->note(r->spec->userdata, text, why);
}

static int add_changed(struct rewrite *r, const struct qemu_option *o, size_t row, struct err *e)
{
	json_auto_t *value = qemu_value_read(o->value ? o->value : "", rows[row].first);
	_cleanup_(freep) char *text = NULL;
	const char *why;

	if (!value)
		return err_set(e, -EINVAL, "%s %.80s: no value of such an option", o->name,
		               o->value);
	r->drop = false;
	r->name = o->name;
	why = rows[row].change(r, value);
	if (why)
		tell(r, o, why);
	if (r->drop)
		return 0;
	argv_add(&r->out, r->name);
	if (!o->value)
		return 0;
	if (why)
		text = qemu_value_write(value, rows[row].first, o->value);
	if (why && !text)
		return err_nomem(e);
	argv_add(&r->out, text ? text : o->value);
	return 0;
}

static int add_option(struct rewrite *r, const struct qemu_option *o, struct err *e)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (strcmp(o->name, rows[i].option) == 0)
			return add_changed(r, o, i, e);
	}
	argv_add(&r->out, o->name);
	if (o->value)
		argv_add(&r->out, o->value);
	return 0;
}

static bool is_hardware_td(char *const *argv)
{
	for (; argv[0] && argv[1]; argv++) {
		if (strcmp(argv[0], "-object") == 0 && strstr(argv[1], "tdx-guest"))
			return true;
	}
	return false;
}

bool control_asks_for_kvm(char *const *argv)
{
	struct qemu_option o;
	struct err ignored;

	if (*argv)
		argv++;
	while (qemu_option_next(&argv, &o, &ignored) > 0) {
		bool machine = strcmp(o.name, "-machine") == 0 || strcmp(o.name, "-M") == 0;

		if (strcmp(o.name, "-enable-kvm") == 0 ||
		    (strcmp(o.name, "-accel") == 0 &&
		     (begins(o.value, "kvm") || begins(o.value, "accel=kvm"))) ||
		    (machine && strstr(o.value, "accel=kvm")))
			return true;
	}
	return false;
}

int control_argv(char *const *argv, const struct control_spec *spec, struct argv *ret,
                 struct err *e)
{
	struct rewrite r = {.spec = spec, .td = is_hardware_td(argv)};
	struct qemu_option option;
	int rc;

	if (!argv[0])
		return err_set(e, -EINVAL, "no QEMU command given");
	r.by_kvm = r.td || control_asks_for_kvm(argv);
	argv_add(&r.out, *argv++);
	while ((rc = qemu_option_next(&argv, &option, e)) > 0) {
		rc = add_option(&r, &option, e);
		if (rc < 0)
			break;
	}
	argv_add(&r.out, "-display");
	argv_add(&r.out, "none");
	argv_add(&r.out, "-kernel");
	argv_add(&r.out, spec->dumper);
	argv_add(&r.out, "-chardev");
	argv_addf(&r.out, "file,id=fw-cfg,path=%s", spec->output);
	argv_add(&r.out, "-device");
	argv_add(&r.out, "isa-debugcon,iobase=0xe9,chardev=fw-cfg");
	argv_add(&r.out, "-device");
	argv_add(&r.out, "isa-debug-exit,iobase=0xf4,iosize=4");
	if (rc == 0 && r.out.failed)
		rc = err_nomem(e);
	if (rc < 0)
		argv_done(&r.out);
	else
		*ret = r.out;
	return rc;
}
