/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "measure/acpi.h"

/*
 * The ACPI tables that QEMU makes for a q35 machine after OVMF has programmed PCI, without QEMU and
 * without a boot: equal, byte for byte, to what a control VM captures (run/acpi.h). Only what was
 * held against such captures is known; everything else is refused by name.
 */
#define TABLES_PORTS_MAX 64
struct tables_port { /* a PCIe root port of the root bus: a bus of its own, with one slot */
	uint8_t slot, function;
	bool used;   /* a virtio device is in it */
	char id[24]; /* the bus's name */
};

struct tables_spec {
	unsigned version;   /* of QEMU: 1000 for 10.0 */
	uint64_t low, high; /* bytes of RAM below and above 4 GiB */
	unsigned vcpus;
	unsigned cores, threads; /* of a socket, of a core */
	bool hpet, pic, i8042, sata;
	bool serial;     /* a port by -serial */
	bool isa_serial; /* a port by -device isa-serial */
	uint32_t slots;  /* of the root bus, a bit each, with a virtio device in function 0 */
	unsigned ports;  /* in the order in which QEMU makes them */
	struct tables_port port[TABLES_PORTS_MAX];
};

/*
 * What a QEMU command line says of it. `version` is "10.0.13". -ENOTSUP, and the reason,
 * where it has something that is not known here; -EINVAL where it is none.
 */
int tables_spec_from_argv(char *const *argv, const char *version, struct tables_spec *ret,
                          struct err *e);

/* Fills loader, rsdp and tables of *ret, to be freed with acpi_blobs_free(). -ENOTSUP as above. */
int tables_make(const struct tables_spec *spec, struct acpi_blobs *ret, struct err *e);
