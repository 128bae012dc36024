/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/smbios.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "format/bytes.h"
#include "format/sha2.h"

#define HEADER_SIZE 4
#define TYPE_END    127
#define IS_STRING   0x80 /* with a size: the text that this field numbers goes, too */

/* A field that is not measured: edk2 SmbiosMeasurementDxe.c; offsets are those of DSP0134. */
static const struct field {
	uint8_t type, offset, size;
	bool speed;
} fields[] = {
        {1, 0x07, IS_STRING | 1, false},  /* system: serial number */
        {1, 0x08, 16, false},             /* UUID */
        {1, 0x18, 1, false},              /* wake-up type */
        {2, 0x07, IS_STRING | 1, false},  /* baseboard: serial number */
        {2, 0x0a, IS_STRING | 1, false},  /* location in chassis */
        {3, 0x07, IS_STRING | 1, false},  /* chassis: serial number */
        {3, 0x08, IS_STRING | 1, false},  /* asset tag */
        {4, 0x20, IS_STRING | 1, false},  /* processor: serial number */
        {4, 0x21, IS_STRING | 1, false},  /* asset tag */
        {4, 0x22, IS_STRING | 1, false},  /* part number */
        {4, 0x23, 3, false},              /* numbers of cores, enabled cores, threads */
        {4, 0x2a, 6, false},              /* the same with 16 bits */
        {17, 0x18, IS_STRING | 1, false}, /* memory device: serial number */
        {17, 0x19, IS_STRING | 1, false}, /* asset tag */
        {17, 0x1a, IS_STRING | 1, false}, /* part number */
        {22, 0x07, IS_STRING | 1, false}, /* battery: serial number */
        {22, 0x10, 4, false},             /* SBDS serial number and date */
        {23, 0x05, 2, false},             /* system reset: count */
        {39, 0x08, IS_STRING | 1, false}, /* power supply: serial number */
        {39, 0x09, IS_STRING | 1, false}, /* asset tag */
        {39, 0x0a, IS_STRING | 1, false}, /* part number */
        {4, 0x11, 1, .speed = true},      /* processor: voltage */
        {4, 0x16, 2, .speed = true},      /* current speed */
        {27, 0x0c, 2, .speed = true},     /* cooling device: nominal speed */
};

/* OEM strings, event log, memory errors, boot integrity: nothing but the header counts. */
static const uint8_t header_only[] = {11, 15, 18, 31, 33};

struct structure {
	uint8_t *data;
	size_t formatted; /* bytes of the part with fields, its header included */
	size_t size;      /* with the strings and their end */
};

/* Strings end with an empty one; a structure without any has two NULs, too. 0 when damaged. */
static size_t size_of(const uint8_t *data, size_t left)
{
	if (left < HEADER_SIZE || data[1] < HEADER_SIZE || data[1] > left)
		return 0;
	for (size_t i = data[1]; i + 1 < left; i++) {
		if (data[i] == 0 && data[i + 1] == 0)
			return i + 2;
	}
	return 0;
}

static bool find_end(uint8_t *data, size_t left, struct structure *ret)
{
	size_t size = size_of(data, left);

	if (size > 0)
		*ret = (struct structure){data, data[1], size};
	return size > 0;
}

bool smbios_next(struct bytes table, size_t *at, struct bytes *ret)
{
	size_t size = size_of(table.data + *at, table.size - *at);

	if (size == 0 || table.data[*at] == TYPE_END)
		return false;
	*ret = (struct bytes){table.data + *at, size};
	*at += size;
	return true;
}

static void blank_string(const struct structure *s, unsigned number)
{
	uint8_t *text = s->data + s->formatted, *end = s->data + s->size - 1;

	while (number > 1 && text < end) {
		text += strnlen((char *)text, (size_t)(end - text)) + 1;
		number--;
	}
	if (text < end)
		memset(text, ' ', strnlen((char *)text, (size_t)(end - text)));
}

static void filter(const struct structure *s, bool speeds)
{
	if (memchr(header_only, s->data[0], sizeof(header_only))) {
		memset(s->data + HEADER_SIZE, 0, s->size - HEADER_SIZE);
		return;
	}
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		const struct field *f = &fields[i];
		size_t size = f->size & ~IS_STRING;

		if (f->type != s->data[0] || (f->speed && speeds) ||
		    f->offset + size > s->formatted)
			continue;
		if ((f->size & IS_STRING) && s->data[f->offset] > 0)
			blank_string(s, s->data[f->offset]);
		memset(s->data + f->offset, 0, size);
	}
}

int smbios_digest(struct bytes table, bool speeds, uint8_t ret[48], struct err *e)
{
	_cleanup_(freep) uint8_t *copy = malloc(table.size + 1);
	struct structure s = {0};
	size_t at = 0;

	if (!copy)
		return err_sys(e, -ENOMEM, "SMBIOS tables");
	if (table.size > 0)
		memcpy(copy, table.data, table.size);
	do {
		if (!find_end(copy + at, table.size - at, &s))
			return err_set(e, -EBADMSG,
			               "SMBIOS tables: a damaged structure at byte %zu", at);
		filter(&s, speeds);
		at += s.size;
	} while (s.data[0] != TYPE_END);
	sha384(copy, at, ret);
	return 0;
}
