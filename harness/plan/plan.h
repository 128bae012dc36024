/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "case/case.h"

/*
 * Host facts + cells -> boots and visits, or a skip with its reason. Pure: nothing is touched.
 * Cells with the same layer 0 share a boot; within it, cells that can change the layers below them
 * (layer_is_intrusive) come last; a cell that asks for isolation gets its own boot.
 */
enum platform { PLATFORM_NONE, PLATFORM_EMULATED, PLATFORM_HARDWARE };
extern const char *const platform_names[3]; /* "none", "emulated", "hardware" */

/* Where a guest's kernel is from: Debian's release, its backports (layer 0's axis `kernel`), or the next
 * release (its axis `release`). */
enum guest_kernel {
	KERNEL_TRIXIE,
	KERNEL_BACKPORTS = WORD_KERNEL_BACKPORTS - WORD_KERNEL_TRIXIE,
	KERNEL_FORKY,
	KERNEL_COUNT
};
extern const char *const guest_kernel_names[KERNEL_COUNT]; /* "trixie", "backports", "forky" */

/* Which root image a guest has: the usual engines, Podman only, others (layer 0's axis `image`), or
 * the usual ones of the next release. */
enum guest_image {
	IMAGE_FULL,
	IMAGE_MINIMAL = WORD_IMAGE_MINIMAL - WORD_IMAGE_FULL,
	IMAGE_EXTRA = WORD_IMAGE_EXTRA - WORD_IMAGE_FULL,
	IMAGE_FORKY,
	IMAGE_COUNT
};
extern const char *const guest_image_names[IMAGE_COUNT]; /* "full", "minimal", "extra", "forky" */

struct host_facts {            /* gathered by run/host.c; strings may be "" */
	char qemu[256];        /* path of qemu-system-x86_64, "" when there is none */
	char qemu_version[64]; /* "7.2.22" */
	bool kvm_usable;       /* passed the long-mode checks, see run/kvmcheck.h */
	char kvm_reason[160];  /* why (not) */
	bool tdx_usable;       /* KVM_CAP_VM_TYPES has TDX and QEMU knows tdx-guest */
	char tdx_reason[400];  /* why (not), and the one thing to do */
	char kernel[160];      /* host kernel release */
	char cpu[160];         /* host CPU model name */
	unsigned cpus;         /* that can be used, as the memory */
	uint64_t memory_mib;
	char limits[120];      /* what a control group leaves of both, or "" */
	uint64_t hugepages_mib; /* free ones of 2 MiB */
	uint32_t tsc_khz; /* of TCG's time-stamp counter, which is the host's; 0: not known */
};

struct step { /* one cell of a boot */
	size_t case_index;
	int deadline_s; /* host-side limit for the visit */
};
/*
 * Every boot begins with layer 0's own visit (not a step). A case that is layer 0 alone is a step
 * too, the first one: that visit answers it and no other is made.
 */
#define VISIT_DEADLINE_S 180 /* of layer 0's own visit, and of a case that names none */
#define BOOT_DEADLINE_S  180 /* QEMU's start to the agent's first byte */

struct boot {
	char id[64]; /* "td-1", also the folder's name: no character a guest chose */
	struct layer layer0;
	char layer0_id[CELL_ID_MAX];
	enum platform platform; /* PLATFORM_NONE for `vm` */
	enum guest_kernel kernel;
	enum guest_image image;
	bool kvm; /* -accel kvm, else tcg */
	unsigned memory_mib;
	unsigned vcpus;
	int boot_deadline_s;
	struct step *step;
	size_t steps;
};

struct skip {
	size_t case_index;
	bool asked;       /* --platform hardware asked for it: the cell is broken, not skipped */
	char reason[480]; /* the missing host capability */
};

/*
 * A part of the boots, for one host of several. Which part a cell is in rests on the case file and
 * the choice of cells alone, so every host has the same table.
 */
#define SHARDS_MAX 1000
struct shard {
	unsigned number, of; /* 2 of 3; 0 of 0: all of it */
	unsigned *of_case;   /* the number of the shard that each case is in; 0: not chosen */
	size_t cases;
};

struct plan {
	struct boot *boot;
	size_t boots;
	struct skip *skip;
	size_t skips;
	struct shard shard;
};

struct plan_options {
	enum platform platform; /* asked for a `td`; PLATFORM_NONE: what the host can */
	int boot_deadline_s; /* 0: BOOT_DEADLINE_S */
	const char *const *only; /* cells' IDs by fnmatch(), any of these up to NULL; or NULL */
	const char *tag;        /* a tag that they have, by fnmatch(), or NULL */
	const bool *chosen;     /* for each case whether it is run at all, or NULL */
	unsigned shard, shards; /* that one of so many; 0: all */
	/* Why there is no such kernel or image, or NULL where there is one. */
	const char *no_kernel[KERNEL_COUNT], *no_image[IMAGE_COUNT];
};

int plan_make(const struct case_file *cases, const struct host_facts *host,
              const struct plan_options *options, struct plan *ret, struct err *e);
void plan_done(struct plan *p);

int shard_copy(const struct shard *from, struct shard *ret, struct err *e);
bool shard_same_parts(const struct shard *a, const struct shard *b); /* of the same whole */
