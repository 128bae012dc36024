/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "format/bytes.h"
#include "format/q35.h"
#include "measure/machine.h"
#include "measure/qemu_line.h"
#include "measure/tables/q35.h"
#include "measure/tables/scan.h"

#define VCPUS_MAX   255u
#define APIC_ID_MAX 254u /* larger ones have entries of another kind */
#define MEMORY_MAX  (1ull << 40)

/* ---- options ---- */

static int take_machine(struct scan *s, const char *value, json_t *v)
{
	static const char *const quiet[] = {"accel",
	                                    "kernel_irqchip",
	                                    "kernel-irqchip",
	                                    "confidential-guest-support",
	                                    "vmport",
	                                    "dump-guest-core",
	                                    "memory-backend",
	                                    "mem-merge",
	                                    "hpet",
	                                    "smm",
	                                    "pic",
	                                    "i8042",
	                                    "sata",
	                                    "type",
	                                    "graphics"};
	static const char *const off[] = {"usb", "nvdimm"};
	const char *key, *type = qemu_value_name(v, "type");
	char buffer[24], own[24];
	json_t *member;

	snprintf(own, sizeof(own), "pc-q35-%u.%u", s->spec->version / 100, s->spec->version % 100);
	if (*type && strcmp(type, "q35") != 0 && strcmp(type, own) != 0)
		return scan_unknown(s, "-machine", type);
	json_object_foreach(v, key, member)
	{
		const char *text = qemu_value_text(v, key, buffer);

		if (strcmp(key, "max-ram-below-4g") == 0)
			s->split = strtoull(text, NULL, 10);
		else if (!(IS_ONE_OF(key, quiet) ||
		           (IS_ONE_OF(key, off) && strcmp(text, "off") == 0) ||
		           (strcmp(key, "acpi") == 0 && strcmp(text, "on") == 0)))
			return scan_unknown(s, "-machine", key);
	}
	if (json_object_get(v, "hpet"))
		s->spec->hpet = qemu_value_is_on(v, "hpet");
	if (json_object_get(v, "i8042"))
		s->spec->i8042 = qemu_value_is_on(v, "i8042");
	if (json_object_get(v, "sata"))
		s->spec->sata = qemu_value_is_on(v, "sata");
	if (json_object_get(v, "pic"))
		s->spec->pic = strcmp(qemu_value_text(v, "pic", buffer), "off") != 0;
	if (json_object_get(v, "smm"))
		s->smm_off = strcmp(qemu_value_text(v, "smm", buffer), "off") == 0;
	(void)value;
	return 0;
}

static unsigned number_of(const json_t *v, const char *key, unsigned otherwise)
{
	char buffer[24];
	const char *text = qemu_value_text(v, key, buffer);

	return *text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

/* What is missing of the topology: cores, then sockets, then threads, as QEMU does it since 6.2. */
static bool fill_topology(struct tables_spec *t, unsigned sockets)
{
	if (!t->cores || !sockets)
		t->threads = t->threads ? t->threads : 1;
	if (!t->cores) {
		sockets = sockets ? sockets : 1;
		t->vcpus = t->vcpus ? t->vcpus : 1;
		t->cores = t->vcpus / sockets / t->threads;
	} else if (!sockets) {
		t->vcpus = t->vcpus ? t->vcpus : t->cores * t->threads;
		sockets = t->vcpus / t->cores / t->threads;
	} else if (!t->threads) {
		t->threads = t->vcpus ? t->vcpus / sockets / t->cores : 1;
	}
	if (!t->vcpus)
		t->vcpus = sockets * t->cores * t->threads;
	return t->vcpus > 0 && t->vcpus == sockets * t->cores * t->threads;
}

static int take_smp(struct scan *s, const char *value, json_t *v)
{
	static const char *const counts[] = {"cpus", "maxcpus", "sockets", "cores", "threads"};
	static const char *const ones[] = {"dies", "clusters", "modules", "books", "drawers"};
	struct tables_spec *t = s->spec;
	unsigned sockets = number_of(v, "sockets", 0);
	const char *key;
	json_t *member;

	json_object_foreach(v, key, member)
	{
		if (!IS_ONE_OF(key, counts) && !(IS_ONE_OF(key, ones) && number_of(v, key, 0) == 1))
			return scan_unknown(s, "-smp", value);
		if (number_of(v, key, 0) == 0 || number_of(v, key, 0) > VCPUS_MAX)
			return scan_unknown(s, "-smp", value);
	}
	t->threads = number_of(v, "threads", 0);
	t->cores = number_of(v, "cores", 0);
	t->vcpus = number_of(v, "cpus", number_of(v, "maxcpus", 0));
	if (!fill_topology(t, sockets) || number_of(v, "maxcpus", t->vcpus) != t->vcpus ||
	    t->vcpus > VCPUS_MAX || q35_apic_id(t, t->vcpus - 1) > APIC_ID_MAX)
		return scan_unknown(s, "-smp", value);
	return 0;
}

static int take_serial(struct scan *s, const char *value, json_t *v)
{
	(void)v;
	if (strcmp(value, "none") == 0)
		return 0;
	if (s->spec->serial || s->spec->isa_serial)
		return scan_unknown(s, "-serial", value);
	s->spec->serial = true;
	return 0;
}

static int take_drive(struct scan *s, const char *value, json_t *v)
{
	static const char *const with[] = {"none", "pflash", "ide"};
	bool cd = strcmp(qemu_value_name(v, "media"), "cdrom") == 0;

	return IS_ONE_OF(qemu_value_name(v, "if"), with) || cd ? 0
	                                                       : scan_unknown(s, "-drive", value);
}

static int take_object(struct scan *s, const char *value, json_t *v)
{
	static const char *const quiet[] = {"memory-backend-ram",
	                                    "memory-backend-file",
	                                    "memory-backend-memfd",
	                                    "rng-random",
	                                    "rng-builtin",
	                                    "iothread",
	                                    "secret",
	                                    "iommufd",
	                                    "tdx-guest"};
	const char *type = qemu_value_name(v, "qom-type");

	s->tdx = s->tdx || strcmp(type, "tdx-guest") == 0;
	return IS_ONE_OF(type, quiet) ? 0 : scan_unknown(s, "-object", value);
}

/* OVMF's 64-bit window is where it is from 46 bits of address on. */
static int take_cpu(struct scan *s, const char *value, json_t *v)
{
	bool host = strcmp(qemu_value_name(v, "model"), "host") == 0;

	return number_of(v, "phys-bits", host ? 46 : 40) >= 46 ? 0 : scan_unknown(s, "-cpu", value);
}

static int take_memory(struct scan *s, const char *value, json_t *v)
{
	return json_object_size(v) == 1 ? 0 : scan_unknown(s, "-m", value);
}

static int take_nodefaults(struct scan *s, const char *value, json_t *v)
{
	(void)value, (void)v;
	s->defaults = false;
	return 0;
}

static int take_vga(struct scan *s, const char *value, json_t *v)
{
	(void)v;
	return strcmp(value, "none") == 0 ? 0 : scan_unknown(s, "-vga", value);
}

static int take_fw_cfg(struct scan *s, const char *value, json_t *v)
{
	return strstr(qemu_value_name(v, "name"), "PciMmio64") ? scan_unknown(s, "-fw_cfg", value)
	                                                       : 0;
}

static const struct {
	const char *option, *first;
	int (*take)(struct scan *s, const char *value, json_t *v);
} rows[] = {
        {"-machine", "type", take_machine},   {"-M", "type", take_machine},
        {"-smp", "cpus", take_smp},           {"-device", "driver", scan_device},
        {"-serial", "type", take_serial},     {"-parallel", "type", take_vga},
        {"-vga", "type", take_vga},           {"-drive", "file", take_drive},
        {"-object", "qom-type", take_object}, {"-cpu", "model", take_cpu},
        {"-m", "size", take_memory},          {"-nodefaults", "", take_nodefaults},
        {"-virtfs", "fsdriver", scan_virtfs}, {"-fw_cfg", "name", take_fw_cfg},
};

/* What no table tells of. */
static const char *const quiet_options[] = {
        "-accel",
        "-enable-kvm",
        "-blockdev",
        "-netdev",
        "-chardev",
        "-kernel",
        "-initrd",
        "-append",
        "-bios",
        "-shim",
        "-daemonize",
        "-pidfile",
        "-D",
        "-d",
        "-monitor",
        "-mon",
        "-qmp",
        "-qmp-pretty",
        "-gdb",
        "-s",
        "-S",
        "-preconfig",
        "-no-shutdown",
        "-no-reboot",
        "-snapshot",
        "-mem-path",
        "-mem-prealloc",
        "-overcommit",
        "-runas",
        "-run-with",
        "-chroot",
        "-sandbox",
        "-incoming",
        "-trace",
        "-msg",
        "-vnc",
        "-spice",
        "-display",
        "-nographic",
        "-debugcon",
        "-add-fd",
        "-name",
        "-uuid",
        "-smbios",
        "-rtc",
        "-boot",
        "-no-user-config",
        "-L",
        "-cdrom",
        "-fsdev",
        "-audiodev",
        "-action",
        "-watchdog-action",
};

static int take_option(struct scan *s, const struct qemu_option *o)
{
	int r;

	if (IS_ONE_OF(o->name, quiet_options))
		return 0;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		json_t *v;

		if (strcmp(o->name, rows[i].option) != 0)
			continue;
		v = qemu_value_read(o->value ? o->value : "", rows[i].first);
		if (!v)
			return err_set(s->e, -EINVAL, "%s %.80s: no value of such an option",
			               o->name, o->value);
		r = rows[i].take(s, o->value, v);
		json_decref(v);
		return r;
	}
	return scan_unknown(s, o->name, o->value);
}

/* ---- the whole ---- */

/* Whose tables are known: those that were captured. Corrections go into later ones of a series, as 0b05339198 into 7.2's. */
static const struct {
	unsigned version, patch;
} known[] = {{702, 22}, {1000, 13}, {1101, 3}};

static int read_version(struct scan *s, const char *version)
{
	unsigned major, minor, patch;
	int n = sscanf(version, "%3u.%3u.%3u", &major, &minor, &patch);

	if (n < 2)
		return err_set(s->e, -EINVAL, "%.20s: no version of QEMU", version);
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		if (known[i].version != 100 * major + minor)
			continue;
		if (n == 2)
			return err_set(s->e, -ENOTSUP,
			               "QEMU %.20s: the third number is needed, as in %.20s.%u",
			               version, version, known[i].patch);
		if (patch != known[i].patch)
			break;
		s->spec->version = known[i].version;
		return 0;
	}
	return err_set(s->e, -ENOTSUP, "the tables of QEMU %.20s are not known here", version);
}

static int finish(struct scan *s, char *const *argv)
{
	struct tables_spec *t = s->spec;
	struct machine m;
	int r = machine_from_argv(argv, &m, s->e);
	uint64_t memory, low;

	if (r < 0)
		return r;
	memory = m.memory;
	machine_done(&m);
	low = s->split && s->split < memory ? s->split : q35_low_memory(memory);
	if (s->defaults)
		return err_set(
		        s->e, -ENOTSUP,
		        "no -nodefaults: devices that QEMU adds by itself are not known here");
	if (!s->smm_off && !s->tdx)
		return err_set(s->e, -ENOTSUP,
		               "-machine smm: with SMM the tables are not known here");
	if (memory == 0 || memory > MEMORY_MAX || low > 0xc0000000)
		return err_set(s->e, -ENOTSUP,
		               "-m: the ACPI tables of so much memory are not known here");
	t->low = low;
	t->high = memory - low;
	return 0;
}

int tables_spec_from_argv(char *const *argv, const char *version, struct tables_spec *ret,
                          struct err *e)
{
	struct tables_spec spec = {
	        .vcpus = 1, .cores = 1, .threads = 1, .hpet = true, .i8042 = true, .sata = true};
	struct scan s = {.spec = &spec, .defaults = true, .e = e};
	struct qemu_option option;
	char *const *first = argv + (*argv && (*argv)[0] != '-'), *const *at =
	                                                                  first; /* no program */
	int r = read_version(&s, version);

	spec.pic = true;
	while (r == 0 && (r = qemu_option_next(&at, &option, e)) > 0)
		r = take_option(&s, &option);
	s.json = true;
	for (at = first; r == 0 && qemu_option_next(&at, &option, NULL) > 0;) {
		if (strcmp(option.name, "-device") == 0)
			r = take_option(&s, &option);
	}
	if (r == 0)
		r = finish(&s, argv);
	if (r == 0 && s.tdx)
		spec.pic = false;
	if (r == 0)
		*ret = spec;
	return r;
}
