/* SPDX-License-Identifier: Apache-2.0 */
#include "format/scan.h"

#include <string.h>

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
			if (s->type == FRAME_KEY)
				sha256_init(&s->key);
		}
		n = s->left < size - used ? s->left : size - used;
		s->left -= (uint32_t)n;
		if (s->type == FRAME_KEY)
			sha256_update(&s->key, data + used, n);
		used += n;
		if (s->left == 0) {
			s->have = 0;
			if (s->type == FRAME_DONE)
				result = SCAN_DONE;
			else if (s->type == FRAME_READY)
				result = SCAN_READY;
			else if (s->type == FRAME_CLOCK)
				result = SCAN_CLOCK;
			else if (s->type == FRAME_ASK)
				result = SCAN_ASK;
			else if (s->type == FRAME_KEY)
				result = SCAN_KEY;
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
