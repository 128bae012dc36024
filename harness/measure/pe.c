/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/pe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "format/reader.h"

#define DOS_HEADER_SIZE        64
#define OPTIONAL_PE32          0x10b
#define OPTIONAL_PE32_PLUS     0x20b
#define DIRECTORY_CERTIFICATES 4

/* Reads the optional header: `r` covers exactly its bytes. */
static void read_optional(struct reader *r, struct pe *pe)
{
	uint16_t magic = reader_u16(r);
	uint32_t directories;

	if (magic != OPTIONAL_PE32 && magic != OPTIONAL_PE32_PLUS)
		reader_fail(r, FORMAT_BAD_MAGIC, r->base);
	reader_skip(r, 58);
	pe->headers_size = reader_u32(r);
	pe->checksum_at = (size_t)reader_offset(r);
	reader_skip(r, 8); /* checksum, subsystem, DLL characteristics */
	reader_skip(r, magic == OPTIONAL_PE32_PLUS ? 36 : 20); /* stack, heap, loader flags */
	directories = reader_u32(r);
	if (directories <= DIRECTORY_CERTIFICATES)
		return;
	reader_skip(r, DIRECTORY_CERTIFICATES * 8);
	pe->certificate_at = (size_t)reader_offset(r);
	pe->certificates = reader_u32(r);
	pe->certificate_size = reader_u32(r);
}

static void read_sections(struct reader *r, struct pe *pe, unsigned count)
{
	if (count > PE_SECTIONS_MAX) {
		reader_fail(r, FORMAT_BAD_COUNT, reader_offset(r));
		return;
	}
	for (unsigned i = 0; i < count && reader_ok(r); i++) {
		struct pe_section *s = &pe->section[i];
		uint64_t at = reader_offset(r);

		reader_copy(r, s->name, 8);
		s->virtual_size = reader_u32(r);
		reader_skip(r, 4); /* virtual address */
		s->raw_size = reader_u32(r);
		s->raw_offset = reader_u32(r);
		reader_skip(r, 16); /* relocations, line numbers, characteristics */
		if (s->raw_size > 0 &&
		    (s->raw_offset > pe->file.size || s->raw_size > pe->file.size - s->raw_offset))
			reader_fail(r, FORMAT_BAD_SIZE, at);
	}
	pe->sections = count;
}

static void read_image(struct reader *r, struct pe *pe)
{
	unsigned sections, optional_size;
	struct reader optional;
	uint32_t at;

	if (reader_u16(r) != 0x5a4d) /* "MZ" */
		reader_fail(r, FORMAT_BAD_MAGIC, 0);
	reader_skip(r, DOS_HEADER_SIZE - 2 - 4);
	at = reader_u32(r);
	if (at < r->pos || at > r->size)
		reader_fail(r, FORMAT_BAD_VALUE, DOS_HEADER_SIZE - 4);
	else
		reader_skip(r, at - r->pos);
	if (reader_u32(r) != 0x4550) /* "PE\0\0" */
		reader_fail(r, FORMAT_BAD_MAGIC, at);
	reader_skip(r, 2); /* machine */
	sections = reader_u16(r);
	reader_skip(r, 12); /* time, symbols */
	optional_size = reader_u16(r);
	reader_skip(r, 2); /* characteristics */
	optional = reader_sub(r, optional_size);
	read_optional(&optional, pe);
	if (!reader_ok(&optional))
		reader_fail(r, optional.code, optional.fail_at);
	read_sections(r, pe, sections);
	if (pe->headers_size < r->pos || pe->headers_size > pe->file.size)
		reader_fail(r, FORMAT_BAD_SIZE, pe->checksum_at - 4);
	if (pe->certificate_size > pe->file.size - pe->headers_size)
		reader_fail(r, FORMAT_BAD_SIZE, pe->certificate_at + 4);
}

int pe_parse_with_head(struct bytes file, struct bytes head, struct pe *ret, struct err *e)
{
	struct pe pe = {.file = file, .head = head};
	struct reader r = reader_of(head.data, head.size);

	read_image(&r, &pe);
	if (!reader_ok(&r))
		return err_bad(e, &r, "PE image");
	*ret = pe;
	return 0;
}

int pe_parse(struct bytes file, struct pe *ret, struct err *e)
{
	return pe_parse_with_head(file, file, ret, e);
}

int pe_parse_view(const struct view *v, struct pe *ret, struct err *e)
{
	int r = pe_parse(v->bytes, ret, e);

	if (r == 0)
		ret->view = v;
	return r;
}

int pe_parse_within(const struct pe *outer, struct bytes file, struct pe *ret, struct err *e)
{
	int r = pe_parse(file, ret, e);

	if (r == 0)
		ret->view = outer->view;
	return r;
}

static int by_offset(const void *a, const void *b)
{
	const struct pe_section *x = a, *y = b;

	return x->raw_offset < y->raw_offset ? -1 : x->raw_offset > y->raw_offset;
}

/* Where the image's bytes go. */
struct sink {
	view_take take;
	void *userdata;
};

/* The image's bytes from `at` to `end`. */
static void pour(const struct sink *to, const struct pe *pe, size_t at, size_t end)
{
	if (pe->head.data != pe->file.data && at < pe->head.size && at < end) {
		size_t n = (end < pe->head.size ? end : pe->head.size) - at;

		to->take(to->userdata, pe->head.data + at, n);
		at += n;
	}
	if (at < end)
		view_pour(pe->view, (struct bytes){pe->file.data + at, end - at}, to->take,
		          to->userdata);
}

void pe_authenticode_bytes(const struct pe *pe, view_take take, void *userdata)
{
	const struct sink to = {take, userdata};
	struct pe_section sorted[PE_SECTIONS_MAX];
	size_t at = pe->checksum_at + 4;
	uint64_t poured = pe->headers_size;

	pour(&to, pe, 0, pe->checksum_at);
	if (pe->certificate_at) {
		pour(&to, pe, at, pe->certificate_at);
		at = pe->certificate_at + 8;
	}
	pour(&to, pe, at, pe->headers_size);
	memcpy(sorted, pe->section, sizeof(sorted));
	qsort(sorted, pe->sections, sizeof(sorted[0]), by_offset);
	for (unsigned i = 0; i < pe->sections; i++) {
		if (sorted[i].raw_size == 0)
			continue;
		pour(&to, pe, sorted[i].raw_offset,
		     (size_t)sorted[i].raw_offset + sorted[i].raw_size);
		poured += sorted[i].raw_size;
	}
	/* What follows the sections, but for the certificates at the very end. */
	if (poured + pe->certificate_size < pe->file.size)
		pour(&to, pe, poured, pe->file.size - pe->certificate_size);
}

void pe_authenticode(const struct pe *pe, uint8_t digest[48])
{
	struct hash384 h;

	hash384_init(&h);
	pe_authenticode_bytes(pe, hash384_take, &h);
	hash384_final(&h, digest);
}

const struct pe_section *pe_find(const struct pe *pe, const char *name)
{
	for (unsigned i = 0; i < pe->sections; i++) {
		if (strcmp(pe->section[i].name, name) == 0)
			return &pe->section[i];
	}
	return NULL;
}

const struct pe_section *pe_find_long(const struct pe *pe, const char *name)
{
	uint32_t header, symbols, count;
	uint64_t strings;
	size_t length = strlen(name) + 1;
	struct reader r = reader_of(pe->file.data, pe->file.size);

	reader_skip(&r, 0x3c);
	header = reader_u32(&r);
	r = reader_of(pe->file.data, pe->file.size);
	reader_skip(&r, header);
	reader_skip(&r, 12);
	symbols = reader_u32(&r);
	count = reader_u32(&r);
	if (!reader_ok(&r) || symbols == 0)
		return NULL;
	strings = symbols + 18ull * count;
	for (unsigned i = 0; i < pe->sections; i++) {
		const char *digits = pe->section[i].name + 1;
		uint64_t at = strings + strtoul(digits, NULL, 10);

		if (digits[-1] == '/' && at < pe->file.size && length <= pe->file.size - at &&
		    memcmp(pe->file.data + at, name, length) == 0)
			return &pe->section[i];
	}
	return NULL;
}

struct bytes pe_bytes(const struct pe *pe, const struct pe_section *section)
{
	uint32_t size = section->raw_size;

	if (section->virtual_size < size)
		size = section->virtual_size;
	return (struct bytes){pe->file.data + section->raw_offset, size};
}
