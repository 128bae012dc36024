/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/util.h"

void channel_init(struct channel *c, int in, int out, bool port)
{
	*c = (struct channel){.in = in, .out = out, .port = port};
	channel_begin(c);
}

void channel_begin(struct channel *c)
{
	sha384_init(&c->evidence);
}

void channel_evidence(const struct channel *c, uint8_t digest[SHA384_SIZE])
{
	struct sha512 copy = c->evidence;

	sha384_final(&copy, digest);
}

int channel_encode(enum frame_type type, uint32_t sequence, const json_t *object, char **ret,
                   size_t *ret_size)
{
	_cleanup_(util_freep) char *bytes = NULL, *text = json_dumps(object, JSON_COMPACT);
	const size_t length = text ? strlen(text) : 0;

	if (length == 0)
		return -EINVAL;
	if (length > FRAME_PAYLOAD_MAX)
		return -EMSGSIZE;
	bytes = malloc(FRAME_HEADER_SIZE + length);
	if (!bytes)
		return -ENOMEM;
	struct frame_header h = {.type = type, .sequence = sequence, .length = (uint32_t)length};
	frame_header_write(&h, (uint8_t *)bytes);
	memcpy(bytes + FRAME_HEADER_SIZE, text, length);
	*ret = bytes;
	bytes = NULL;
	*ret_size = FRAME_HEADER_SIZE + length;
	return 0;
}

int channel_send(struct channel *c, enum frame_type type, json_t *object)
{
	_cleanup_(util_freep) char *bytes = NULL;
	size_t size = 0;
	int r = channel_encode(type, c->next, object, &bytes, &size);

	json_decref(object);
	if (r < 0)
		return r;
	c->next++;
	sha512_update(&c->evidence, bytes, size);
	return util_write_all(c->out, bytes, size);
}

/* A virtio port reads as ended while the host has nobody connected: wait for somebody. */
static int read_exactly(struct channel *c, void *data, size_t size)
{
	char *p = data;

	while (size) {
		ssize_t n = read(c->in, p, size);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0 && !c->port)
			return -ENODATA;
		if (n == 0)
			util_sleep_ms(10);
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

int channel_receive(struct channel *c, uint16_t *ret_type, json_t **ret_object)
{
	_cleanup_(util_freep) char *payload = NULL;
	uint8_t bytes[FRAME_HEADER_SIZE];
	struct frame_header h;
	int r = read_exactly(c, bytes, sizeof(bytes));

	if (r < 0)
		return r;
	if (frame_header_parse(bytes, sizeof(bytes), &h, NULL) != FORMAT_OK ||
	    h.sequence != c->expected)
		return -EPROTO;
	c->expected++;
	payload = malloc(h.length + 1);
	if (!payload)
		return -ENOMEM;
	r = read_exactly(c, payload, h.length);
	if (r < 0)
		return r;
	json_t *object = json_loadb(payload, h.length, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(object)) {
		json_decref(object);
		return -EPROTO;
	}
	*ret_type = h.type;
	*ret_object = object;
	return 0;
}
