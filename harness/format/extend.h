/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "format/sha2.h"

/*
 * What layers extend RTMR3 with. The digest is made as dstack's guest agent makes that of a runtime
 * event, so that any tool for such logs replays ours: SHA-384(le32(type) ":" event ":" payload).
 */
#define EXTEND_TYPE 0x08000001u

/*
 * A layer's own trial of an interface. Its payload is the visit's nonce (32 bytes), a byte that
 * tells the interface, and the layer's ID: nobody could have known it before the visit.
 */
#define EXTEND_PROBE "tception-probe"
enum extend_interface {
	EXTEND_SYSFS = 1, /* .../tdx_guest/measurements/rtmr3:sha384, Linux 6.16 and later */
	EXTEND_IOCTL = 2, /* of out-of-tree drivers: upstream answers ENOTTY */
};
#define EXTEND_PROBE_MAX (32 + 1 + 256) /* bytes */
size_t extend_probe_payload(const uint8_t nonce[32], enum extend_interface interface,
                            const char *layer_id, uint8_t out[EXTEND_PROBE_MAX]);

/*
 * What a layer is about to start. Its payload is JSON in compact form with sorted keys:
 * {"config":hex,"image":hex,"layer":id}, where `image` is launch_image_add() of the files it will
 * see and `config` launch_config_add() of the command that starts it.
 */
#define EXTEND_LAUNCH "tception-launch"

/*
 * The key that a layer which was measured has made for its secret, before that layer's quote. Its
 * payload is JSON as above: {"key":hex,"layer":id}, where `key` is the SHA-256 of the KEY frame's
 * payload: the key as JSON in compact form with sorted keys, as in RFC 7638.
 */
#define EXTEND_KEY "tception-key"

void extend_digest(const char *event, const void *payload, size_t size, uint8_t ret[SHA384_SIZE]);

/*
 * Between sha384_init() and sha384_final().
 *
 * SHA-384 over a list of files: for each, in the order of a walk that takes a directory's names in
 * byte order and the directory itself before them, the text "TYPE MODE DIGEST PATH" and a NUL. TYPE
 * is as in `ls -l`, but `f` for a file; MODE four octal digits; DIGEST the SHA-384 of a file's
 * bytes or a link's target in hexadecimal, else "-"; PATH begins with "/" at the container's root.
 * Owners and times are left out: they follow from who starts it and when.
 */
void launch_image_add(struct sha512 *h, char type, unsigned mode,
                      const uint8_t *digest /* NULL: none */, const char *path);

/*
 * SHA-384 over the words of a command, each with its NUL, where "%" stands for the name that is
 * made up for this one start.
 */
void launch_config_add(struct sha512 *h, const char *word, const char *name);
