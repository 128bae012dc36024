/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "disk/disk.h"

/*
 * Where the file systems of a disk are, as firmware finds them: a GUID partition table (UEFI
 * specification 2.10, section 5.3) with sectors of 512 or 4096 bytes, the primary partitions of an
 * MBR (section 5.2.1), or one file system from the first byte on.
 */
#define GPT_PARTITIONS_MAX 128 /* in use; a table may have more entries */
#define GPT_ENTRIES_MAX    4096
#define GPT_HEADER_SIZE    92
#define GPT_ENTRY_SIZE     128
#define GPT_EVENT_MAX      (GPT_HEADER_SIZE + 8 + GPT_PARTITIONS_MAX * GPT_ENTRY_SIZE)

enum gpt_kind { GPT_TABLE, GPT_MBR, GPT_BARE };

struct gpt_partition {
	bool esp;        /* an EFI system partition */
	bool xbootldr;   /* an extended boot loader partition: uapi-group.org, "Boot Loader" */
	unsigned number; /* its place in the table, from 1 */
	uint64_t start;  /* bytes from the disk's start */
	uint64_t size;   /* bytes */
};

struct gpt {
	enum gpt_kind kind;
	uint32_t sector;     /* bytes */
	unsigned partitions; /* those in use, in the order of the table */
	struct gpt_partition partition[GPT_PARTITIONS_MAX];
	/* UEFI_GPT_DATA, what firmware measures of a GPT (0 bytes for the other kinds): the header
	 * without its padding, a 64-bit count, and the entries in use. */
	size_t event_size;
	uint8_t event[GPT_EVENT_MAX];
};

/*
 * The primary table, its checksums verified. -EBADMSG with the offset of
 * what is wrong, which for a disk without any table names the image's form where it is another one
 * (VMDK, VHDX, VDI, gzip ...); -ENOTSUP for what firmware may read and this does not.
 */
int gpt_read(struct disk *d, struct gpt *ret, struct err *e);
