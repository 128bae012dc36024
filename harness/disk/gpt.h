/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_DISK_GPT_H
#define TCEPTION_DISK_GPT_H

#include "disk/disk.h"

/* A GUID partition table: UEFI specification 2.10, section 5.3. Sectors of 512 bytes. */
#define GPT_PARTITIONS_MAX 128
#define GPT_HEADER_SIZE    92
#define GPT_ENTRY_SIZE     128
#define GPT_EVENT_MAX      (GPT_HEADER_SIZE + 8 + GPT_PARTITIONS_MAX * GPT_ENTRY_SIZE)

struct gpt_partition {
	bool esp;        /* an EFI system partition */
	unsigned number; /* its place in the table, from 1 */
	uint64_t start;  /* bytes from the disk's start */
	uint64_t size;   /* bytes */
};

struct gpt {
	unsigned partitions; /* those in use, in the order of the table */
	struct gpt_partition partition[GPT_PARTITIONS_MAX];
	size_t event_size; /* UEFI_GPT_DATA, what firmware measures: the header without its padding,
	                    */
	uint8_t event[GPT_EVENT_MAX]; /* a 64-bit count, and the entries in use */
};

/* The primary table, its checksums verified. -EBADMSG with the offset of what is wrong. */
int gpt_read(struct disk *d, struct gpt *ret, struct err *e);

#endif
