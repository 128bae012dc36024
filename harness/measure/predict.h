/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/hash.h"
#include "format/quote.h"
#include "format/tdreport.h"
#include "format/tdvf.h"

/*
 * What MRTD and RTMR0 to RTMR3 of a TD will be, from what it is started with alone: no guest, no
 * log, no quote is looked at. Each register is a list of events, each of which names the input it
 * comes from, so that a difference can be explained.
 *
 * What runs when, and into which register it goes: UEFI specification 2.10 section 38.4.1, edk2
 * OvmfPkg (TdTcg2Dxe, TdxHelperLib, AcpiPlatformLib), SecurityPkg (Tpm2 measure boot), Linux' EFI
 * stub, systemd-stub.
 */

/* Where a measured value comes from; names: "firmware", "memory" ... */
enum measure_input {
	INPUT_FIRMWARE, /* the firmware image: its variables, its built-in boot options */
	INPUT_MEMORY,   /* size of the TD's memory and how much of it is below 4 GiB */
	INPUT_ACPI,     /* the VMM's ACPI tables: QEMU's version and command line */
	INPUT_SMBIOS,   /* the SMBIOS tables: the same, and the firmware's additions */
	INPUT_KERNEL,
	INPUT_INITRD,
	INPUT_CMDLINE,
	INPUT_DISK,
	INPUT_DEVICES,  /* which device the TD boots from */
	INPUT_CONSTANT, /* the same on every boot of this kind */
	INPUT_COUNT
};
extern const char *const measure_input_names[INPUT_COUNT];

struct acpi_blobs;
struct disk;

struct pci_place { /* on the root bus */
	uint8_t device;
	uint8_t function;
	bool bare;  /* filled in by predict() where the disk is given: it has no partition table */
	bool first; /* has the only bootindex: comes first in BootOrder */
	uint8_t others; /* further virtio-blk disks behind it on PCI, which firmware numbers, too,
	                 * and then drops: only with `first` */
};

/* Everything is borrowed and must outlive the call only. */
struct measure_inputs {
	struct bytes firmware;         /* the whole image; mandatory */
	uint64_t memory;               /* bytes of the TD's RAM; 0: unknown, and so is RTMR0 */
	uint64_t low;                  /* bytes of it below 4 GiB; 0: QEMU's rule for q35 */
	struct bytes kernel;           /* for a direct boot; data NULL: the TD boots from `disk` */
	const struct view *view;       /* that the kernel is in, or NULL */
	struct hashed_file initrd;     /* size 0: none */
	const char *cmdline;           /* UTF-8, what -append gets; NULL is "" */
	const struct acpi_blobs *acpi; /* NULL: unknown, and so is RTMR0 */
	const char *no_acpi;           /* why `acpi` is NULL, or NULL */
	bool acpi_made;                /* by tables/, not captured: of newer firmware only */
	struct disk *disk;             /* NULL: none */
	bool disk_read_only;           /* the TD cannot write to it */
	const struct pci_place *boot_device; /* the boot disk, virtio-blk; NULL: unknown */
	unsigned qemu; /* version of the QEMU that runs the TD: 1001 for 10.1; 0: unknown, and so
	                * is what it writes into a kernel */
};

struct predicted_event {
	unsigned rtmr; /* 0 to 3 */
	uint32_t type; /* EV_*, format/eventlog.h */
	enum measure_input input;
	bool known;         /* false: this input is missing; `digest` is zero */
	uint8_t digest[48]; /* SHA-384 */
	char what[96];      /* "variable SecureBoot", "Linux initrd" ...: for people */
};

struct prediction {
	char profile[160];   /* which firmware this is taken for, and why: one line */
	uint8_t mrtd[2][48]; /* by enum mrtd_order */
	uint8_t rtmr[4][48];
	bool known[4];       /* the register's value: complete, and all of its events known */
	bool complete[4];    /* no further event is to be expected in it */
	char reason[4][160]; /* why a register is not known, else "" */
	struct {
		bool given;
		uint8_t digest[48]; /* SHA-384 of the input: to tell which of two boots' differ */
	} input[INPUT_COUNT];
	char image[97]; /* SHA-384 in hexadecimal of a container with the initrd's agent, from
	                 * whoever has one (launch.h); "" from predict() */
	struct predicted_event *event; /* in the order in which they happen */
	size_t events;
};

/*
 * 0 with *ret filled, to be freed with prediction_done(); -EBADMSG when an input is not what it
 * should be (the text names it and the offset); -ENOMEM. A missing input is no error: it leaves
 * the registers that need it unknown.
 */
int predict(const struct measure_inputs *inputs, struct prediction *ret, struct err *e);
void prediction_done(struct prediction *p);

/* The next event of that register from *at on, which moves behind it; NULL at the end. */
const struct predicted_event *prediction_next(const struct prediction *p, unsigned rtmr,
                                              size_t *at);
