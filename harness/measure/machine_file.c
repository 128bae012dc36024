/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/machine_file.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/reading.h"
#include "format/bytes.h"
#include "measure/machine_xml.h"
#include "measure/qemu_line.h"

#define FILE_MAX     (1u << 20) /* bytes */
#define DEVICES_MAX  64u
#define ARGUMENT_MAX 256u

/* ---- YAML: what was read, before it is put in order ---- */

struct yaml {
	char *qemu, *machine, *cpu, *memory, *vcpus, *firmware, *kernel, *initrd, *cmdline;
	int serial, tdx;
	json_t *device[DEVICES_MAX];
	size_t devices;
	struct argv arguments;
};

static void yaml_done(struct yaml *y)
{
	char **const texts[] = {&y->qemu,     &y->machine, &y->cpu,    &y->memory, &y->vcpus,
	                        &y->firmware, &y->kernel,  &y->initrd, &y->cmdline};

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		free(*texts[i]);
	for (size_t i = 0; i < y->devices; i++)
		json_decref(y->device[i]);
	argv_done(&y->arguments);
}

#define TEXT_READER(name)                                                                 \
	static int read_##name(const struct reading *r, const yaml_node_t *n, void *into) \
	{                                                                                 \
		return reading_copy(r, n, &((struct yaml *)into)->name);                  \
	}
TEXT_READER(qemu)
TEXT_READER(machine)
TEXT_READER(cpu)
TEXT_READER(memory)
TEXT_READER(vcpus)
TEXT_READER(firmware)
TEXT_READER(kernel)
TEXT_READER(initrd)
TEXT_READER(cmdline)

static int read_serial(const struct reading *r, const yaml_node_t *n, void *into)
{
	return reading_bool(r, n, &((struct yaml *)into)->serial);
}

static int read_tdx(const struct reading *r, const yaml_node_t *n, void *into)
{
	return reading_bool(r, n, &((struct yaml *)into)->tdx);
}

static int read_properties(const struct reading *r, const yaml_node_t *n, json_t *device)
{
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top;
	     p++) {
		const yaml_node_t *key = yaml_document_get_node(r->doc, p->key);
		const char *name = reading_text(r, key, "a property of a device");
		const char *value = reading_text(r, yaml_document_get_node(r->doc, p->value),
		                                 "a property's value");

		if (!name || !value)
			return -EINVAL;
		if (!*name || strpbrk(name, ",=") || json_object_get(device, name))
			return reading_bad(r, key, "no property, or again", "each property once");
		if (json_object_set_new(device, name, json_string(value)) < 0)
			return reading_bad(r, key, "no UTF-8", "a text");
	}
	return 0;
}

static int read_device(const struct reading *r, const yaml_node_t *n, struct yaml *y)
{
	json_t *device = json_object();
	const char *driver;
	int rc = 0;

	y->device[y->devices++] = device;
	if (!device)
		return err_nomem(r->e);
	if (n->type == YAML_MAPPING_NODE) {
		rc = read_properties(r, n, device);
	} else {
		driver = reading_text(r, n, "a device's driver, or a mapping");
		if (!driver)
			return -EINVAL;
		json_object_set_new(device, "driver", json_string(driver));
	}
	if (rc == 0 && !*qemu_value_name(device, "driver"))
		return reading_bad(r, n, "a device without a driver", "driver: NAME");
	return rc;
}

static int read_devices(const struct reading *r, const yaml_node_t *n, void *into)
{
	struct yaml *y = into;

	if (n->type != YAML_SEQUENCE_NODE)
		return reading_bad(r, n, "not a list", "a list of devices");
	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top;
	     i++) {
		const yaml_node_t *item = yaml_document_get_node(r->doc, *i);
		int rc = y->devices < DEVICES_MAX
		                 ? read_device(r, item, y)
		                 : reading_bad(r, item, "too many devices", "at most 64");

		if (rc < 0)
			return rc;
	}
	return 0;
}

static int read_arguments(const struct reading *r, const yaml_node_t *n, void *into)
{
	struct yaml *y = into;

	if (n->type != YAML_SEQUENCE_NODE)
		return reading_bad(r, n, "not a list", "a list of QEMU's arguments");
	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top;
	     i++) {
		const char *text =
		        reading_text(r, yaml_document_get_node(r->doc, *i), "an argument of QEMU");

		if (!text)
			return -EINVAL;
		if (y->arguments.count >= ARGUMENT_MAX)
			return reading_bad(r, n, "too many arguments", "at most 256");
		argv_add(&y->arguments, text);
	}
	return 0;
}

static int read_root(const struct reading *r, const yaml_node_t *root, void *into)
{
	struct yaml *y = into;
	static const struct member members[] = {{"qemu", read_qemu},
	                                        {"machine", read_machine},
	                                        {"cpu", read_cpu},
	                                        {"memory", read_memory},
	                                        {"vcpus", read_vcpus},
	                                        {"firmware", read_firmware},
	                                        {"kernel", read_kernel},
	                                        {"initrd", read_initrd},
	                                        {"cmdline", read_cmdline},
	                                        {"serial", read_serial},
	                                        {"tdx", read_tdx},
	                                        {"devices", read_devices},
	                                        {"arguments", read_arguments}};
	int rc = reading_mapping(r, root, members, COUNT_OF(members),
	                         "a machine: qemu, machine, cpu, memory, vcpus, firmware, kernel, "
	                         "initrd, cmdline, serial, tdx, devices, arguments",
	                         y);

	if (rc == 0 && y->qemu && strlen(y->qemu) >= MACHINE_VERSION_MAX)
		rc = reading_bad(r, root, "a long version", "qemu: 10.1.2");
	return rc;
}

/* ---- and the command line of it ---- */

static void add_option(struct argv *a, const char *option, const char *value)
{
	if (value) {
		argv_add(a, option);
		argv_add(a, value);
	}
}

static void add_value(struct argv *a, const char *option, const json_t *value, const char *first)
{
	_cleanup_(freep) char *text = qemu_value_write(value, first, "");

	a->failed = a->failed || !text;
	add_option(a, option, text);
}

/* A disk's image is a drive of its own to QEMU. */
static void add_device(struct argv *a, json_t *device, size_t number)
{
	json_t *image = json_object_get(device, "image");

	if (image) {
		bool read_only = strcmp(qemu_value_name(device, "read-only"), "true") == 0 ||
		                 qemu_value_is_on(device, "read-only");
		json_auto_t *drive = json_object();
		char id[32];

		snprintf(id, sizeof(id), "disk%zu", number);
		json_object_set(drive, "file", image);
		json_object_set_new(drive, "if", json_string("none"));
		json_object_set_new(drive, "id", json_string(id));
		if (read_only)
			json_object_set_new(drive, "readonly", json_string("on"));
		add_value(a, "-drive", drive, "");
		json_object_del(device, "image");
		json_object_del(device, "read-only");
		json_object_set_new(device, "drive", json_string(id));
	}
	add_value(a, "-device", device, "driver");
}

static int make_argv(struct yaml *y, struct argv *ret, struct err *e)
{
	struct argv a = {0};

	argv_add(&a, "qemu-system-x86_64");
	argv_add(&a, "-nodefaults");
	argv_add(&a, "-machine");
	argv_addf(&a, "%s%s", y->machine ? y->machine : "q35",
	          y->tdx ? ",confidential-guest-support=tdx0" : "");
	if (y->tdx)
		add_option(&a, "-object", "tdx-guest,id=tdx0");
	add_option(&a, "-cpu", y->cpu ? y->cpu : "host");
	add_option(&a, "-m", y->memory);
	add_option(&a, "-smp", y->vcpus);
	add_option(&a, "-bios", y->firmware);
	if (y->serial)
		add_option(&a, "-serial", "null");
	for (size_t i = 0; i < y->devices; i++)
		add_device(&a, y->device[i], i);
	for (size_t i = 0; i < y->arguments.count; i++)
		argv_add(&a, y->arguments.item[i]);
	add_option(&a, "-kernel", y->kernel);
	add_option(&a, "-initrd", y->initrd);
	add_option(&a, "-append", y->cmdline);
	if (a.failed || y->arguments.failed) {
		argv_done(&a);
		return err_nomem(e);
	}
	*ret = a;
	return 0;
}

static int read_yaml(const char *path, struct bytes text, struct machine_file *ret, struct err *e)
{
	_cleanup_(yaml_done) struct yaml y = {.tdx = 1};
	int r = reading_load(path, text, read_root, "a machine", &y, e);

	if (r == 0)
		r = make_argv(&y, &ret->argv, e);
	if (r == 0 && y.qemu)
		strcpy(ret->version, y.qemu);
	return r;
}

int machine_file_read(const char *path, struct machine_file *ret, struct err *e)
{
	_cleanup_(bytes_free) struct bytes text = {NULL, 0};
	struct machine_file m = {0};
	size_t at = 0;
	int r = file_read_input(path, FILE_MAX, &text, e);

	if (r < 0)
		return r;
	while (at < text.size && isspace(text.data[at]))
		at++;
	r = at < text.size && text.data[at] == '<' ? machine_xml_read(text, &m.argv, e)
	                                           : read_yaml(path, text, &m, e);
	if (r < 0)
		return at < text.size && text.data[at] == '<' ? err_prefix(e, "%.200s", path) : r;
	*ret = m;
	return 0;
}

void machine_file_done(struct machine_file *m)
{
	argv_done(&m->argv);
}

/* ---- writing ---- */

/* JSON's strings are YAML's, too. */
static void write_text(FILE *f, const char *text)
{
	json_auto_t *string = json_string(text);
	char *quoted = json_dumps(string, JSON_ENCODE_ANY);

	fputs(quoted ? quoted : "\"\"", f);
	free(quoted);
}

static void write_key(FILE *f, const char *key, const char *text)
{
	bool plain = key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789-_.")] == '\0';

	if (plain)
		fputs(key, f);
	else
		write_text(f, key);
	fputs(": ", f);
	write_text(f, text);
	fputc('\n', f);
}

static void write_device(FILE *f, const char *value)
{
	json_auto_t *device = qemu_value_read(value, "driver");
	const char *key, *lead = "  - ";
	char buffer[24];
	json_t *member;

	json_object_foreach(device, key, member)
	{
		fputs(lead, f);
		write_key(f, key, qemu_value_text(device, key, buffer));
		lead = "    ";
	}
}

static void write_machine(FILE *f, const char *value)
{
	json_auto_t *machine = qemu_value_read(value, "type");
	_cleanup_(freep) char *text = NULL;

	json_object_del(machine, "confidential-guest-support");
	text = qemu_value_write(machine, "type", "");
	write_key(f, "machine", text ? text : "q35");
}

static const struct {
	const char *option, *key;
} keys[] = {{"-cpu", "cpu"},       {"-m", "memory"},      {"-smp", "vcpus"},
            {"-bios", "firmware"}, {"-kernel", "kernel"}, {"-initrd", "initrd"},
            {"-append", "cmdline"}};

static bool is_machine(const struct qemu_option *o)
{
	return strcmp(o->name, "-machine") == 0 || strcmp(o->name, "-M") == 0;
}

static bool is_tdx(const struct qemu_option *o)
{
	return strcmp(o->name, "-object") == 0 && strstr(o->value, "tdx-guest");
}

static const char *key_of(const struct qemu_option *o)
{
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		if (strcmp(o->name, keys[i].option) == 0)
			return keys[i].key;
	}
	return NULL;
}

static bool has_key(const struct qemu_option *o)
{
	return key_of(o) || is_machine(o) || is_tdx(o) || strcmp(o->name, "-device") == 0 ||
	       strcmp(o->name, "-nodefaults") == 0;
}

static void write_option(FILE *f, const struct qemu_option *o)
{
	if (is_machine(o))
		write_machine(f, o->value);
	else if (key_of(o))
		write_key(f, key_of(o), o->value);
}

static void write_argument(FILE *f, const char *text)
{
	fputs("  - ", f);
	write_text(f, text);
	fputc('\n', f);
}

/* Mappings of more than one line come last. */
static void write_lists(FILE *f, char *const *argv)
{
	char *const *at = argv;
	struct qemu_option o;
	bool any = false;

	while (qemu_option_next(&at, &o, NULL) > 0) {
		if (strcmp(o.name, "-device") != 0)
			continue;
		fputs(any ? "" : "devices:\n", f);
		write_device(f, o.value);
		any = true;
	}
	any = false;
	for (at = argv; qemu_option_next(&at, &o, NULL) > 0;) {
		if (has_key(&o))
			continue;
		fputs(any ? "" : "arguments:\n", f);
		write_argument(f, o.name);
		if (o.value)
			write_argument(f, o.value);
		any = true;
	}
}

int machine_file_write(char *const *argv, const char *version, char **ret, struct err *e)
{
	bool defaults = true, tdx = false;
	char *const *at = argv += *argv && (*argv)[0] != '-'; /* no program */
	struct qemu_option o;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int r;

	if (!f)
		return err_nomem(e);
	if (version && *version)
		write_key(f, "qemu", version);
	while ((r = qemu_option_next(&at, &o, e)) > 0) {
		defaults = defaults && strcmp(o.name, "-nodefaults") != 0;
		tdx = tdx || is_tdx(&o);
		write_option(f, &o);
	}
	if (!tdx)
		fputs("tdx: false\n", f);
	write_lists(f, argv);
	if (fclose(f) != 0)
		r = err_nomem(e);
	else if (r == 0 && defaults)
		r = err_set(e, -ENOTSUP,
		            "no -nodefaults: devices that QEMU adds by itself have no place in a "
		            "machine.yaml");
	if (r < 0)
		free(text);
	else
		*ret = text;
	return r;
}
