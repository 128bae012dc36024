/* SPDX-License-Identifier: Apache-2.0 */
#include "run/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Collects a header; true once it is complete. */
static bool take_header(struct frame_scanner *s, const uint8_t *data, size_t size, size_t *used)
{
	size_t n = FRAME_HEADER_SIZE - s->have;

	if (n > size - *used)
		n = size - *used;
	memcpy(s->header + s->have, data + *used, n);
	s->have += n;
	*used += n;
	return s->have == FRAME_HEADER_SIZE;
}

enum scan_result frame_scan(struct frame_scanner *s, const uint8_t *data, size_t size,
                            size_t *ret_used)
{
	enum scan_result result = SCAN_MORE;
	size_t used = 0;

	while (used < size && result == SCAN_MORE) {
		struct frame_header h;
		size_t n;

		if (s->have < FRAME_HEADER_SIZE) {
			if (!take_header(s, data, size, &used))
				break;
			if (frame_header_parse(s->header, FRAME_HEADER_SIZE, &h, NULL) !=
			    FORMAT_OK) {
				result = SCAN_GARBAGE;
				break;
			}
			s->length = s->left = h.length;
			s->type = h.type;
		}
		n = s->left < size - used ? s->left : size - used;
		s->left -= (uint32_t)n;
		used += n;
		if (s->left == 0) {
			s->have = 0;
			if (s->type == FRAME_DONE)
				result = SCAN_DONE;
			else if (s->type == FRAME_READY)
				result = SCAN_READY;
			else if (s->type == FRAME_CLOCK)
				result = SCAN_CLOCK;
		}
	}
	sha256_update(&s->digest, data, used);
	s->position += used;
	*ret_used = used;
	return result;
}

void frame_scan_rest(struct frame_scanner *s, const uint8_t *data, size_t *size)
{
	sha256_update(&s->digest, data, *size);
	s->position += *size;
	*size = 0;
}

uint64_t frame_scan_begin(const struct frame_scanner *s)
{
	return s->position - s->length - FRAME_HEADER_SIZE;
}

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
