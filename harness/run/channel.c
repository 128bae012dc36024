/* SPDX-License-Identifier: Apache-2.0 */
#include "run/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int outbox_put(struct outbox *o, enum frame_type type, const char *json, struct err *e)
{
	size_t length = strlen(json);
	struct frame_header h = {.type = type, .sequence = o->sequence, .length = (uint32_t)length};
	uint8_t *data;

	if (length > FRAME_PAYLOAD_MAX)
		return err_set(e, -EMSGSIZE, "a frame of %zu bytes is too long", length);
	data = realloc(o->data, o->size + FRAME_HEADER_SIZE + length);
	if (!data)
		return err_nomem(e);
	o->data = data;
	frame_header_write(&h, data + o->size);
	memcpy(data + o->size + FRAME_HEADER_SIZE, json, length);
	o->size += FRAME_HEADER_SIZE + length;
	o->sequence++;
	return 0;
}

int outbox_flush(struct outbox *o, int fd, bool *ret_empty, struct err *e)
{
	while (o->sent < o->size) {
		ssize_t n =
		        send(fd, o->data + o->sent, o->size - o->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return err_sys(e, -errno, "writing to the evidence channel");
		o->sent += (size_t)n;
	}
	*ret_empty = o->sent == o->size;
	if (*ret_empty)
		o->sent = o->size = 0;
	return 0;
}

void outbox_done(struct outbox *o)
{
	free(o->data);
	*o = (struct outbox){0};
}
