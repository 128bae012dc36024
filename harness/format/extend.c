/* SPDX-License-Identifier: Apache-2.0 */
#include "format/extend.h"

#include <string.h>

#include "format/text.h"

size_t extend_probe_payload(const uint8_t nonce[32], enum extend_interface interface,
                            const char *layer_id, uint8_t out[EXTEND_PROBE_MAX])
{
	size_t length = strlen(layer_id);

	if (length > EXTEND_PROBE_MAX - 33)
		length = EXTEND_PROBE_MAX - 33;
	memcpy(out, nonce, 32);
	out[32] = (uint8_t)interface;
	memcpy(out + 33, layer_id, length);
	return 33 + length;
}

void extend_digest(const char *event, const void *payload, size_t size, uint8_t ret[SHA384_SIZE])
{
	static const uint8_t type[4] = {EXTEND_TYPE & 0xff, EXTEND_TYPE >> 8 & 0xff,
	                                EXTEND_TYPE >> 16 & 0xff, EXTEND_TYPE >> 24};
	struct sha512 h;

	sha384_init(&h);
	sha512_update(&h, type, sizeof(type));
	sha512_update(&h, ":", 1);
	sha512_update(&h, event, strlen(event));
	sha512_update(&h, ":", 1);
	if (size > 0)
		sha512_update(&h, payload, size);
	sha384_final(&h, ret);
}

void launch_image_add(struct sha512 *h, char type, unsigned mode, const uint8_t *digest,
                      const char *path)
{
	char head[] = {type,
	               ' ',
	               (char)('0' + (mode >> 9 & 7)),
	               (char)('0' + (mode >> 6 & 7)),
	               (char)('0' + (mode >> 3 & 7)),
	               (char)('0' + (mode & 7)),
	               ' '};
	char hex[HEX_ENCODED_SIZE(SHA384_SIZE)] = "-";

	if (digest)
		hex_encode(digest, SHA384_SIZE, hex);
	sha512_update(h, head, sizeof(head));
	sha512_update(h, hex, strlen(hex));
	sha512_update(h, " ", 1);
	sha512_update(h, path, strlen(path) + 1);
}

void launch_config_add(struct sha512 *h, const char *word, const char *name)
{
	size_t length = strlen(name);

	while (*word) {
		if (length > 0 && strncmp(word, name, length) == 0) {
			sha512_update(h, "%", 1);
			word += length;
		} else {
			sha512_update(h, word++, 1);
		}
	}
	sha512_update(h, "", 1);
}
