/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/variables.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "format/guid.h"
#include "format/reader.h"

#define VARIABLE_MAGIC  0x55aa
#define VARIABLE_ADDED  0x3f /* state: written and valid */
#define VARIABLE_MOVING 0x3e /* valid too, unless a newer copy was added already */
#define STORE_FORMATTED 0x5a
#define STORE_HEALTHY   0xfe
#define STORE_HEADER    28
#define DELETED         0x02 /* cleared in a state */
#define STATE_TO_GUID   42   /* bytes */
#define VARIABLES_MAX   4096

const uint8_t guid_global_variable[GUID_SIZE] =
        GUID(0x8be4df61, 0x93ca, 0x11d2, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c);
const uint8_t guid_image_security[GUID_SIZE] =
        GUID(0xd719b2cb, 0x3d3a, 0x4596, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f);
const uint8_t guid_secure_boot_enable[GUID_SIZE] =
        GUID(0xf0a30bc7, 0xaf08, 0x4556, 0x99, 0xc4, 0x00, 0x10, 0x09, 0xc9, 0x3a, 0x44);
static const uint8_t guid_nv_volume[GUID_SIZE] =
        GUID(0xfff12b8d, 0x7696, 0x4c8b, 0xa9, 0x85, 0x27, 0x47, 0x07, 0x5b, 0x4f, 0x50);
static const uint8_t guid_store[GUID_SIZE] =
        GUID(0xaaf32c78, 0x947b, 0x439a, 0xa1, 0x80, 0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92);

/* Steps over the volume's header; false when the volume is none for variables. */
static bool enter_volume(struct reader *r)
{
	const uint8_t *format;
	unsigned header;

	reader_skip(r, 16);
	format = reader_bytes(r, GUID_SIZE);
	if (!format || memcmp(format, guid_nv_volume, GUID_SIZE) != 0)
		return false;
	reader_skip(r, 16);
	header = reader_u16(r);
	if (header < r->pos)
		reader_fail(r, FORMAT_BAD_SIZE, r->pos - 2);
	else
		reader_skip(r, header - r->pos);
	return true;
}

/* A view of the store's variables, or an empty one for flash that was never formatted. */
static struct reader enter_store(struct reader *r)
{
	uint64_t at = reader_offset(r);
	const uint8_t *guid = reader_bytes(r, GUID_SIZE);
	uint32_t size = reader_u32(r);
	uint8_t format = reader_u8(r), state = reader_u8(r);

	reader_skip(r, 6);
	if (guid && format == 0xff && state == 0xff)
		return reader_sub(r, 0);
	if (!guid || memcmp(guid, guid_store, GUID_SIZE) != 0)
		reader_fail(r, FORMAT_BAD_MAGIC, at);
	else if (format != STORE_FORMATTED || state != STORE_HEALTHY)
		reader_fail(r, FORMAT_BAD_VALUE, at + GUID_SIZE + 4);
	else if (size < STORE_HEADER)
		reader_fail(r, FORMAT_BAD_SIZE, at + GUID_SIZE);
	return reader_sub(r, size - STORE_HEADER);
}

/* Reads one variable: 1 with it and its state, 0 at the end of the used part. */
static int read_variable(struct reader *r, struct variable *ret, uint8_t *ret_state)
{
	uint32_t name_size, data_size;
	uint64_t at = reader_offset(r);

	if (reader_left(r) < 4 || reader_u16(r) != VARIABLE_MAGIC)
		return 0;
	*ret_state = reader_u8(r);
	reader_skip(r, 1 + 4 + 8 + 16 + 4); /* reserved, attributes, count, time, key index */
	name_size = reader_u32(r);
	data_size = reader_u32(r);
	ret->guid = reader_bytes(r, GUID_SIZE);
	if (name_size < 2 || name_size % 2)
		reader_fail(r, FORMAT_BAD_SIZE, at + 36);
	ret->name = (struct bytes){reader_bytes(r, name_size), name_size - 2};
	ret->data = (struct bytes){reader_bytes(r, data_size), data_size};
	while (reader_ok(r) && reader_left(r) > 0 && (reader_offset(r) & 3))
		reader_skip(r, 1);
	return reader_ok(r);
}

static bool same_variable(const struct variable *a, const struct variable *b)
{
	return memcmp(a->guid, b->guid, GUID_SIZE) == 0 && a->name.size == b->name.size &&
	       memcmp(a->name.data, b->name.data, a->name.size) == 0;
}

/* Adds a valid variable; a copy in transition gives way to a finished one, in either order. */
static int keep(struct variable_store *s, const struct variable *v, bool finished)
{
	struct variable *grown;

	for (size_t i = 0; i < s->count; i++) {
		if (!same_variable(&s->item[i], v))
			continue;
		if (finished)
			s->item[i] = *v;
		return 0;
	}
	grown = reallocarray(s->item, s->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->item = grown;
	s->item[s->count++] = *v;
	return 0;
}

static int read_store(struct reader *store, struct variable_store *s, struct err *e)
{
	struct variable v;
	uint8_t state = 0;

	while (read_variable(store, &v, &state) == 1) {
		if (state != VARIABLE_ADDED && state != VARIABLE_MOVING)
			continue;
		if (s->count == VARIABLES_MAX)
			return err_set(e, -EBADMSG, "variable store: more than %u variables",
			               VARIABLES_MAX);
		if (keep(s, &v, state == VARIABLE_ADDED) < 0)
			return err_sys(e, -ENOMEM, "variable store");
	}
	return reader_ok(store) ? 0 : err_bad(e, store, "variable store");
}

int variable_store_read(struct bytes volume, struct variable_store *ret, struct err *e)
{
	struct variable_store s = {0};
	int code;
	struct reader r = reader_of(volume.data, volume.size), store;

	if (!enter_volume(&r)) {
		*ret = s;
		return 0;
	}
	store = enter_store(&r);
	if (!reader_ok(&r))
		return err_bad(e, &r, "variable store");
	code = read_store(&store, &s, e);
	if (code < 0)
		variable_store_done(&s);
	else
		*ret = s;
	return code;
}

void variable_store_done(struct variable_store *s)
{
	free(s->item);
	*s = (struct variable_store){0};
}

void variable_delete(uint8_t *guid)
{
	guid[-STATE_TO_GUID] &= (uint8_t)~DELETED;
}

bool variable_is(const struct variable *v, const char *name)
{
	if (v->name.size != 2 * strlen(name))
		return false;
	for (size_t i = 0; name[i]; i++) {
		if (v->name.data[2 * i] != (uint8_t)name[i] || v->name.data[2 * i + 1] != 0)
			return false;
	}
	return true;
}

const struct variable *variable_find(const struct variable_store *s, const uint8_t *guid,
                                     const char *name)
{
	for (size_t i = 0; i < s->count; i++) {
		if (memcmp(s->item[i].guid, guid, GUID_SIZE) == 0 && variable_is(&s->item[i], name))
			return &s->item[i];
	}
	return NULL;
}
