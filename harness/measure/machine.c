/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/machine.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "measure/qemu_line.h"

#define DEVICES_MAX 64u

struct device { /* a virtio-blk disk */
	char drive[128];
	bool first;  /* has a bootindex */
	bool placed; /* its place was read */
	bool free;   /* QEMU puts it where there is room on the root bus, not at 0 */
	unsigned device, function;
};

struct scan {
	struct machine *m;
	struct device disk[DEVICES_MAX];
	unsigned disks;
	unsigned indexes; /* devices with a bootindex, of any kind */
	json_t *nodes;    /* of -drive and -blockdev, by id or node-name */
};

/* ---- options ---- */

static int take_memory(struct machine *m, const char *value, struct err *e)
{
	json_t *object = qemu_value_read(value, "size");
	const char *text = qemu_value_name(object, "size"), *units = "KMGT", *unit;
	unsigned long long n;
	unsigned shift = 20;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	unit = *end ? strchr(units, *end & ~0x20) : NULL;
	if (unit) {
		shift = 10 + 10 * (unsigned)(unit - units);
		end++;
	}
	if (errno || end == text || *end || text[0] == '-' || n == 0 || n > UINT64_MAX >> shift)
		err_set(e, -EINVAL, "-m %.40s: not a size", value);
	else
		m->memory = (uint64_t)n << shift;
	json_decref(object);
	return m->memory ? 0 : -EINVAL;
}

/* "4", "0x4", "4.1", on the root bus. */
static void take_place(struct device *d, const json_t *object)
{
	const char *text = qemu_value_name(object, "addr"), *bus = qemu_value_name(object, "bus");
	bool root = !*bus || strcmp(bus, "pcie.0") == 0;
	char *end, *rest;

	d->free = root && !*text;
	d->device = (unsigned)strtoul(text, &end, 16);
	d->placed = end > text && d->device < 32 && root;
	if (*end == '.') {
		d->function = (unsigned)strtoul(end + 1, &rest, 16);
		d->placed = d->placed && rest > end + 1 && d->function < 8;
		end = rest;
	}
	d->placed = d->placed && *end == '\0';
}

static void take_device(struct scan *s, const char *value)
{
	json_t *object = qemu_value_read(value, "driver");
	bool first = json_object_get(object, "bootindex") != NULL;
	struct device *d = &s->disk[s->disks];
	const char *driver = qemu_value_name(object, "driver");
	const char *drive = qemu_value_name(object, "drive");

	s->indexes += first;
	if ((strncmp(driver, "virtio-blk-pci", 14) == 0 || strcmp(driver, "virtio-blk") == 0) &&
	    strlen(drive) < sizeof(d->drive) && s->disks < DEVICES_MAX) {
		*d = (struct device){.first = first};
		memcpy(d->drive, drive, strlen(drive));
		take_place(d, object);
		s->disks++;
	}
	json_decref(object);
}

static void take_node(struct scan *s, const char *value, const char *name)
{
	json_t *object = qemu_value_read(value, "driver");

	if (*qemu_value_name(object, name))
		json_object_set(s->nodes, qemu_value_name(object, name), object);
	json_decref(object);
}

static int keep(char **to, const char *value, struct err *e)
{
	free(*to);
	*to = strdup(value);
	return *to ? 0 : err_nomem(e);
}

static int take_option(struct scan *s, const struct qemu_option *o, struct err *e)
{
	const struct {
		const char *name;
		char **to;
	} files[] = {{"-bios", &s->m->firmware},
	             {"-kernel", &s->m->kernel},
	             {"-initrd", &s->m->initrd},
	             {"-append", &s->m->cmdline}};

	for (size_t i = 0; i < COUNT_OF(files); i++) {
		if (strcmp(o->name, files[i].name) == 0)
			return keep(files[i].to, o->value, e);
	}
	if (strcmp(o->name, "-m") == 0)
		return take_memory(s->m, o->value, e);
	if (strcmp(o->name, "-machine") == 0 || strcmp(o->name, "-M") == 0)
		s->m->split = s->m->split || strstr(o->value, "max-ram-below-4g");
	else if (strcmp(o->name, "-device") == 0)
		take_device(s, o->value);
	else if (strcmp(o->name, "-drive") == 0)
		take_node(s, o->value, "id");
	else if (strcmp(o->name, "-blockdev") == 0)
		take_node(s, o->value, "node-name");
	return 0;
}

/* ---- the disk ---- */

/* The image behind a node, by one more node at most; NULL where there is none. */
static const char *find_image(const struct scan *s, const char *name, bool *ret_read_only)
{
	const json_t *node = json_object_get(s->nodes, name), *file = json_object_get(node, "file");

	*ret_read_only = qemu_value_is_on(node, "read-only") || qemu_value_is_on(node, "readonly");
	if (json_is_object(file))
		return json_string_value(json_object_get(file, "filename"));
	if (json_object_get(node, "file.filename"))
		return qemu_value_name(node, "file.filename");
	if (json_object_get(node, "filename"))
		return qemu_value_name(node, "filename");
	if (json_object_get(s->nodes, qemu_value_name(node, "file")))
		return json_string_value(json_object_get(
		        json_object_get(s->nodes, qemu_value_name(node, "file")), "filename"));
	return json_string_value(file);
}

/* Before the other on PCI, wherever QEMU puts that. */
static bool is_before(const struct device *a, const struct device *b)
{
	if (!b->placed)
		return b->free && a->device == 1;
	return a->device != b->device ? a->device < b->device : a->function < b->function;
}

/* Where it is, and how many disks are behind it; nothing where another one is before it, or
 * somewhere else, or more than one device has a bootindex. */
static void place(struct scan *s, const struct device *boot)
{
	struct machine *m = s->m;

	m->placed = boot->placed && s->indexes <= 1 && s->indexes == boot->first;
	m->place = (struct pci_place){.device = (uint8_t)boot->device,
	                              .function = (uint8_t)boot->function,
	                              .first = boot->first};
	for (unsigned i = 0; i < s->disks; i++) {
		if (&s->disk[i] == boot)
			continue;
		m->placed = m->placed && boot->first && is_before(boot, &s->disk[i]);
		m->place.others++;
	}
}

static int find_disk(struct scan *s, struct err *e)
{
	const struct device *boot = s->disks == 1 ? &s->disk[0] : NULL;
	const char *image;
	bool read_only;

	for (unsigned i = 0; i < s->disks; i++) {
		if (s->disk[i].first)
			boot = &s->disk[i];
	}
	if (!boot || s->m->kernel)
		return 0;
	place(s, boot);
	image = find_image(s, boot->drive, &read_only);
	s->m->read_only = read_only;
	return image && *image ? keep(&s->m->disk, image, e) : 0;
}

int machine_from_argv(char *const *argv, struct machine *ret, struct err *e)
{
	struct machine m = {0};
	struct scan s = {.m = &m, .nodes = json_object()};
	struct qemu_option option;
	int r = s.nodes ? 0 : err_nomem(e);

	argv += *argv && (*argv)[0] != '-'; /* the program */
	while (r == 0 && (r = qemu_option_next(&argv, &option, e)) > 0)
		r = option.value ? take_option(&s, &option, e) : 0;
	if (r == 0)
		r = find_disk(&s, e);
	json_decref(s.nodes);
	if (r < 0)
		machine_done(&m);
	else
		*ret = m;
	return r;
}

void machine_done(struct machine *m)
{
	free(m->firmware);
	free(m->kernel);
	free(m->initrd);
	free(m->cmdline);
	free(m->disk);
	*m = (struct machine){0};
}
