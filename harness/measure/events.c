/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/events.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "format/guid.h"
#include "format/sha2.h"

void event_list_done(struct event_list *l)
{
	free(l->event);
	*l = (struct event_list){0};
}

/* A disk's text may be in it. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			*text = *text == '\n' || *text == '\t' ? ' ' : '?';
	}
}

static struct predicted_event *append(struct event_list *l, struct event_tag tag, const char *what,
                                      va_list ap)
{
	struct predicted_event *p;

	if (l->count == l->room) {
		size_t room = l->room ? 2 * l->room : 32;

		p = reallocarray(l->event, room, sizeof(*p));
		if (!p) {
			l->failed = true;
			return NULL;
		}
		l->event = p;
		l->room = room;
	}
	p = &l->event[l->count++];
	*p = (struct predicted_event){.rtmr = tag.rtmr, .type = tag.type, .input = tag.input};
	vsnprintf(p->what, sizeof(p->what), what, ap);
	make_printable(p->what);
	return p;
}

static void add_known(struct event_list *l, struct event_tag tag, const uint8_t digest[48],
                      const char *what, va_list ap)
{
	struct predicted_event *p = append(l, tag, what, ap);

	if (!p)
		return;
	p->known = true;
	memcpy(p->digest, digest, sizeof(p->digest));
}

void event_add(struct event_list *l, struct event_tag tag, const uint8_t digest[48],
               const char *what, ...)
{
	va_list ap;

	va_start(ap, what);
	add_known(l, tag, digest, what, ap);
	va_end(ap);
}

void event_hash(struct event_list *l, struct event_tag tag, const void *data, size_t size,
                const char *what, ...)
{
	uint8_t digest[48];
	va_list ap;

	hash384(data, size, digest);
	va_start(ap, what);
	add_known(l, tag, digest, what, ap);
	va_end(ap);
}

/* UEFI_VARIABLE_DATA: TCG PC Client Platform Firmware Profile, section 10.2.6 */
void event_variable(struct event_list *l, struct event_tag tag, const uint8_t guid[GUID_SIZE],
                    const char *name, struct bytes data, const char *whose)
{
	uint8_t head[GUID_SIZE + 16] = {0}, digest[48];
	struct sha512 h;

	memcpy(head, guid, GUID_SIZE);
	head[GUID_SIZE] = (uint8_t)strlen(name);
	for (size_t i = 0; i < 8; i++)
		head[GUID_SIZE + 8 + i] = (uint8_t)((uint64_t)data.size >> 8 * i);
	sha384_init(&h);
	sha512_update(&h, head, sizeof(head));
	for (const char *c = name; *c; c++) {
		const uint8_t unit[2] = {(uint8_t)*c, 0};

		sha512_update(&h, unit, sizeof(unit));
	}
	if (data.size > 0)
		sha512_update(&h, data.data, data.size);
	sha384_final(&h, digest);
	event_add(l, tag, digest, "%s %s", whose, name);
}

void event_unknown(struct event_list *l, struct event_tag tag, const char *what, ...)
{
	va_list ap;

	va_start(ap, what);
	append(l, tag, what, ap);
	va_end(ap);
}

void event_open(struct event_list *l, unsigned rtmr, const char *reason)
{
	if (l->open[rtmr])
		return;
	l->open[rtmr] = true;
	snprintf(l->open_reason[rtmr], sizeof(l->open_reason[rtmr]), "%s", reason);
	make_printable(l->open_reason[rtmr]);
}
