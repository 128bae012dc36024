/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/argv.h"
#include "core/err.h"
#include "plan/plan.h"
#include "run/parts.h"
#include "run/quoteservice.h"

/*
 * QEMU's command line of one boot. Pure: it names file descriptors that the caller has opened and
 * that QEMU inherits under the same numbers.
 */
struct qemu_fds {
	int channel; /* socket: the virtio-serial port "tception" */
	int console; /* socket: ttyS0 */
	/* emulated TD only */
	int ram;      /* run/ram.h's, of (memory + 256) MiB: the TD's RAM and the module's */
	int module;   /* memfd: the module's image with its struct tdxemu_config appended */
	int log;      /* socket: the module's log */
	int doorbell; /* socket: one byte when the mailbox has news */
};

/* A further virtio-serial port. */
struct qemu_port {
	const char *name; /* a word */
	int fd;           /* QEMU's end, a socket */
};

struct qemu_spec {
	const struct boot *boot;
	const struct guest_parts *parts;
	const char *qemu;                   /* path of the program */
	const struct quote_service *quotes; /* hardware TD: where they come from */
	const char *qemu_version;           /* struct host_facts; NULL: not known */
	uint32_t tsc_khz;                   /* struct host_facts */
	struct qemu_fds fd;
	const struct qemu_port *port; /* beside the evidence channel */
	size_t ports;
	bool alone;                 /* no disk but its own */
	const struct argv *further; /* options put after all others, or NULL */
};

/* The disk that a TD boots from: its node, and its device number on the root bus. */
#define QEMU_BOOT_DISK        "boot"
#define QEMU_BOOT_DISK_DEVICE 1u

/* What a virtio device of this boot needs behind its name and options. */
const char *qemu_virtio_options(const struct boot *boot);

int qemu_argv(const struct qemu_spec *spec, struct argv *ret, struct err *e);

/* The members of an emulated TD's configuration that its memory hangs on: memory, low and flags. */
struct tdxemu_config;
void qemu_module_memory(const struct boot *boot, struct tdxemu_config *ret);
