/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * The contract between the harness and the software TDX module (guests/tdxemu).
 *
 * A TD of M MiB runs as `-m M+256` with max-ram-below-4g set to the RAM below 4 GiB that a real TD
 * of M MiB has on q35; the module owns the last TDXEMU_MEMORY bytes of RAM, above 4 GiB. Guest
 * RAM is one shared file whose offset 0 is RAM's first byte: guest-physical A < low is offset A, A
 * >= 4 GiB is offset A - 4 GiB + low; so the module's memory follows
 * the TD's.
 *
 * With TDXEMU_FLAG_PAGES each byte of the TD is there twice: shared, at its own place, which is
 * also where QEMU's devices reach it, and private, in tdxemu_private_size() bytes behind the
 * module's memory, which the guest sees at the same address without the shared bit. -m and the RAM
 * file are that much larger.
 *
 * The harness appends one struct tdxemu_config to the module's binary and gives the result to
 * QEMU's loader. The module copies it up, zeroes the low copy, and only then enters the TD: the MAC
 * key is never in memory that the guest can read, and never in fw_cfg.
 */
#define TDXEMU_MEMORY         (256u << 20)
#define TDXEMU_LOAD_ADDRESS   0x10000000u /* where QEMU puts the image; below any TD's top of RAM */
#define TDXEMU_CONFIG_MAGIC   0x31464346444c4b54ull
#define TDXEMU_CONFIG_VERSION 2
#define TDXEMU_MAILBOX_MAGIC  0x31424d4645445854ull
#define TDXEMU_DOORBELL_PORT \
	0xeb                  /* isa-debugcon of its own: one byte says "look at the mailbox" \
	                       */
#define TDXEMU_LOG_PORT  0xe9 /* isa-debugcon: the module's log, plain text lines */
#define TDXEMU_EXIT_PORT 0xf4 /* isa-debug-exit: a fatal, named stop */

#define TDXEMU_FLAG_VE    1u /* fidelity mode: port I/O and HLT give #VE, x2APIC is presented */
#define TDXEMU_FLAG_PAGES 2u /* private and shared pages are two things, with states */
#define TDXEMU_FLAG_UPDATED \
	4u /* the module was updated since the TD's start: TEE_TCB_SVN2 is one higher */
#define TDXEMU_BLOCK (2ull << 20) /* private memory is laid out in blocks of so much */

struct tdxemu_config {
	uint64_t magic;      /* TDXEMU_CONFIG_MAGIC */
	uint32_t version;    /* TDXEMU_CONFIG_VERSION */
	uint32_t flags;      /* TDXEMU_FLAG_* */
	uint64_t memory;     /* bytes of RAM of the TD, without the module's own */
	uint64_t low;        /* bytes of RAM below 4 GiB */
	uint64_t attributes; /* TD ATTRIBUTES */
	uint32_t vcpus;
	uint32_t tsc_khz; /* of the time-stamp counter; 0: the module has to measure it */
	uint8_t mrconfigid[48];
	uint8_t mrowner[48];
	uint8_t mrownerconfig[48];
	uint8_t mac_key[32]; /* shared with the quoting service of this boot only */
};
_Static_assert(sizeof(struct tdxemu_config) == 224, "struct tdxemu_config");

/* Low and high memory each begin at a block, and what lies in front of the first is filled up. */
static inline uint64_t tdxemu_private_size(const struct tdxemu_config *c)
{
	uint64_t high = c->memory - c->low, part = TDXEMU_BLOCK - 1;

	if (!(c->flags & TDXEMU_FLAG_PAGES))
		return 0;
	return ((c->low + part) & ~part) + 2 * ((high + part) & ~part) - high;
}

/* All of it: the size of the RAM file. */
static inline uint64_t tdxemu_ram_size(const struct tdxemu_config *c)
{
	return c->memory + TDXEMU_MEMORY + tdxemu_private_size(c);
}

/* The last 4096 bytes of the module's memory. The module writes all but `answered`. */
struct tdxemu_mailbox {
	uint64_t magic;     /* TDXEMU_MAILBOX_MAGIC once the module is up */
	uint64_t requested; /* counts GetQuote requests */
	uint64_t answered;  /* written by the harness: the last request it has completed */
	uint64_t gpa;       /* shared buffer, guest-physical, shared bit cleared: guest-chosen! */
	uint64_t size;      /* bytes of it: guest-chosen! */
	uint64_t entered;   /* 1 once the TD was entered */
};
_Static_assert(sizeof(struct tdxemu_mailbox) == 48, "struct tdxemu_mailbox");
