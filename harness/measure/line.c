/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void line_init(struct line *l, char *out, size_t size)
{
	*l = (struct line){.out = out, .size = size};
	out[0] = '\0';
}

void line_add(struct line *l, const char *fmt, ...)
{
	size_t room = l->size - l->used;
	va_list ap;
	int n;

	if (l->cut)
		return;
	va_start(ap, fmt);
	n = vsnprintf(l->out + l->used, room, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n < room) {
		l->used += (size_t)n;
		return;
	}
	l->used = l->size - 1;
	l->cut = true;
	memcpy(l->out + l->size - 4, "...", 4);
}

static void add_char(struct line *l, uint32_t c)
{
	if (c >= 0x20 && c < 0x7f && c != '\\')
		line_add(l, "%c", (char)c);
	else if (c < 0x100)
		line_add(l, "\\x%02x", c);
	else
		line_add(l, "\\u%04x", c);
}

void line_bytes(struct line *l, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size && data[i] && !l->cut; i++)
		add_char(l, data[i]);
}

static uint32_t utf16_at(const uint8_t *data, size_t i)
{
	return data[i] | (uint32_t)data[i + 1] << 8;
}

void line_utf16(struct line *l, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 1 < size && utf16_at(data, i) && !l->cut; i += 2)
		add_char(l, utf16_at(data, i));
}

void line_hex(struct line *l, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size && !l->cut; i++)
		line_add(l, "%02x", data[i]);
}

void line_guid(struct line *l, const uint8_t g[16])
{
	line_add(l, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-", g[3], g[2], g[1], g[0], g[5],
	         g[4], g[7], g[6], g[8], g[9]);
	line_hex(l, g + 10, 6);
}
