/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "disk/fat.h"
#include "measure/sdboot/program.h"

/*
 * What systemd-boot offers (uapi-group.org, "Boot Loader Specification"): files of type 1 in
 * loader/entries, unified kernel images (type 2) in EFI/Linux, on the ESP and on an extended boot
 * loader partition.
 */
#define SD_ENTRIES_MAX 256u
#define SD_INITRDS_MAX 32u

enum sd_kind { SD_LINUX = 1, SD_EFI, SD_UKI, SD_URL, SD_TYPE2, SD_IGNORED };

struct sd_entry {
	enum sd_kind kind;
	char *id;      /* what loader.conf's patterns are held against */
	char *id_base; /* without the profile, for profiles beyond the first; or NULL */
	char *sort_key, *machine_id, *version; /* or NULL */
	char *loader;                          /* EFI path of the program */
	char *options;                         /* or NULL */
	bool options_own;                      /* `options` are the image's: not handed to it */
	char *initrd[SD_INITRDS_MAX];          /* EFI paths */
	size_t initrds;
	char *devicetree; /* EFI path or NULL */
	bool extras;      /* has files of its own beside it (262) */
	unsigned profile;
	long tries_left, tries_done; /* -1: not counted */
	const struct fat *fat;       /* the file system that all of that is in; borrowed */
};

struct sd_entries {
	struct sd_entry entry[SD_ENTRIES_MAX];
	size_t count;
	char reason[160]; /* why the list cannot be told, or "" */
};

/* Adds those of one file system. `own` is the EFI path of systemd-boot itself, NULL elsewhere. */
int sd_entries_load(struct sd_entries *list, const struct sd_program *p, const struct fat *fat,
                    const char *own, struct err *e);
void sd_entries_done(struct sd_entries *list);
