/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "format/guid.h"
#include "format/quote.h"

/*
 * Walks the files of all firmware volumes of an image, also those inside LZMA-compressed sections:
 * UEFI Platform Initialization specification 1.8, volume 3, "Firmware Storage".
 */
struct volume_file {
	const uint8_t *volume; /* GUID_SIZE bytes: the volume's name, zero when it has none */
	const uint8_t *name;   /* GUID_SIZE bytes */
	struct bytes ui_name;  /* its user-interface section: UTF-16 with NUL, or empty */
	struct bytes program;  /* its PE32 section, where that is before the name; or empty */
	struct bytes content;  /* all sections, as stored */
};

/*
 * Calls `visit` for every file; views are valid during the call only. Damaged volumes end the walk
 * with -EBADMSG, an image without any volume too.
 */
int volume_walk(struct bytes image, void (*visit)(const struct volume_file *file, void *userdata),
                void *userdata, struct err *e);
