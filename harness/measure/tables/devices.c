/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "measure/qemu_line.h"
#include "measure/tables/scan.h"

int scan_unknown(const struct scan *s, const char *option, const char *value)
{
	return err_set(s->e, -ENOTSUP,
	               "%s %.60s: what it does to the ACPI tables is not known here", option,
	               value ? value : "");
}

bool scan_is_one_of(const char *word, const char *const list[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(word, list[i]) == 0)
			return true;
	}
	return false;
}

/* ---- PCI devices: slots of the root bus, root ports ---- */

/* Without an address it gets the first slot that is free. */
static bool find_place(const struct scan *s, const char *address, unsigned *ret_slot,
                       unsigned *ret_function)
{
	unsigned slot = 1, function = 0;
	int end = 0;

	while (!*address && slot < 31 && s->taken & 1u << slot)
		slot++;
	if (*address &&
	    (sscanf(address, "%x%n", &slot, &end) < 1 ||
	     (address[end] == '.' && sscanf(address + end, ".%x%n", &function, &end) < 1)))
		return false;
	*ret_slot = slot;
	*ret_function = function;
	return slot > 0 && slot < 31 && function < 8;
}

static int take_slot(struct scan *s, const char *value, const char *address)
{
	unsigned slot, function;

	if (!find_place(s, address, &slot, &function) || function > 0 || s->taken & 1u << slot)
		return scan_unknown(s, "-device", value);
	s->taken |= 1u << slot;
	s->spec->slots |= 1u << slot;
	return 0;
}

static struct tables_port *find_port(struct tables_spec *t, const char *bus)
{
	for (unsigned i = 0; i < t->ports; i++) {
		if (strcmp(t->port[i].id, bus) == 0)
			return &t->port[i];
	}
	return NULL;
}

/* Function 0 has a slot to itself first; no other is there twice. */
static bool is_free(const struct scan *s, unsigned slot, unsigned function)
{
	const struct tables_spec *t = s->spec;

	for (unsigned i = 0; i < t->ports; i++) {
		if (t->port[i].slot == slot && t->port[i].function == function)
			return false;
	}
	return function == 0 ? !(s->taken & 1u << slot) : s->taken & ~t->slots & 1u << slot;
}

/* A bus of its own for one device, which may come later: ACPI has a node for its slot. */
static int take_port(struct scan *s, const char *value, json_t *v)
{
	static const char *const quiet[] = {"driver", "id",      "bus",  "addr",
	                                    "port",   "chassis", "slot", "multifunction"};
	const char *id = qemu_value_name(v, "id"), *bus = qemu_value_name(v, "bus"), *key;
	struct tables_spec *t = s->spec;
	struct tables_port *p = &t->port[t->ports];
	unsigned slot, function;
	char buffer[24];
	json_t *member;

	json_object_foreach(v, key, member)
	{
		if (!IS_ONE_OF(key, quiet))
			return scan_unknown(s, "-device", value);
	}
	if (t->ports == TABLES_PORTS_MAX || (*bus && strcmp(bus, "pcie.0") != 0) ||
	    strlen(id) >= sizeof(p->id) || (*id && find_port(t, id)) ||
	    !find_place(s, qemu_value_text(v, "addr", buffer), &slot, &function) ||
	    !is_free(s, slot, function))
		return scan_unknown(s, "-device", value);
	*p = (struct tables_port){.slot = (uint8_t)slot, .function = (uint8_t)function};
	memcpy(p->id, id, strlen(id) + 1);
	s->taken |= 1u << slot;
	t->ports++;
	return 0;
}

static int take_virtio(struct scan *s, const char *value, json_t *v)
{
	static const char *const first[] = {"",    "0",     "0x0",  "00",
	                                    "0.0", "0x0.0", "00.0", "0x0.0x0"};
	const char *bus = qemu_value_name(v, "bus");
	struct tables_port *port = *bus ? find_port(s->spec, bus) : NULL;
	char buffer[24];
	const char *address = qemu_value_text(v, "addr", buffer);

	if (json_object_get(v, "acpi-index") || qemu_value_is_on(v, "multifunction"))
		return scan_unknown(s, "-device", value);
	if (!port)
		return *bus && strcmp(bus, "pcie.0") != 0 ? scan_unknown(s, "-device", value)
		                                          : take_slot(s, value, address);
	if (port->used || !IS_ONE_OF(address, first))
		return scan_unknown(s, "-device", value);
	port->used = true;
	return 0;
}

int scan_device(struct scan *s, const char *value, json_t *v)
{
	/* Each is a node of the DSDT with its address, and nothing else, and has 64-bit registers. */
	static const char *const pci[] = {
	        "virtio-blk-pci",  "virtio-blk",      "virtio-net-pci",     "virtio-net",
	        "virtio-scsi-pci", "virtio-scsi",     "virtio-serial-pci",  "virtio-serial",
	        "virtio-rng-pci",  "virtio-rng",      "virtio-balloon-pci", "virtio-balloon",
	        "virtio-9p-pci",   "vhost-vsock-pci", "vhost-user-fs-pci"};
	static const char *const quiet[] = {"virtserialport", "virtconsole",  "scsi-hd",
	                                    "scsi-cd",        "isa-debugcon", "isa-debug-exit",
	                                    "loader",         "ide-hd",       "ide-cd",
	                                    "vmcoreinfo",     "scsi-block"};
	const char *driver = qemu_value_name(v, "driver");

	if (s->json != (value[0] == '{') || IS_ONE_OF(driver, quiet))
		return 0;
	if (strcmp(driver, "isa-serial") == 0 && !s->spec->isa_serial && !s->spec->serial) {
		s->spec->isa_serial = true;
		return 0;
	}
	if (strcmp(driver, "pcie-root-port") == 0)
		return take_port(s, value, v);
	return IS_ONE_OF(driver, pci) ? take_virtio(s, value, v)
	                              : scan_unknown(s, "-device", value);
}

int scan_virtfs(struct scan *s, const char *value, json_t *v)
{
	(void)v;
	return take_slot(s, value, "");
}
