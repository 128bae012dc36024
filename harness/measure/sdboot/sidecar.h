/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "measure/sdboot/cpio.h"
#include "measure/sdboot/program.h"
#include "measure/sdboot/stub.h"

/* What systemd-stub finds beside the image: credentials, extensions, add-ons. */

/* The folder of an image's own additions: "EFI/Linux/a.efi.extra.d", without a boot counter. The
 * caller frees. */
char *sidecar_folder(const char *path, const struct sd_program *p);

/* Credentials and extensions as archives: measured each, and appended all. */
int sidecar_measure(struct event_list *l, const struct sd_program *p, const struct stub_start *s,
                    struct err *e);
int sidecar_append(const struct sd_program *p, const struct stub_start *s, struct initrd *initrd,
                   struct err *e);

struct addon_part {
	const struct view *file; /* the add-on's */
	struct bytes data;       /* one of its sections */
};
struct addons {
	char *cmdline; /* NULL: none */
	struct addon_part *initrd, *ucode, *dtb;
	size_t initrds, ucodes, dtbs;
	struct view **file;
	size_t files;
};
void addons_done(struct addons *a);

/* Add-ons for all images and for this one; firmware measures each into RTMR1 as it is loaded.
 * `uname` is the image's, or NULL. */
int addons_load(struct event_list *l, const struct sd_program *p, const struct stub_start *s,
                const char *uname, struct addons *ret, struct err *e);
