/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/volume.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "format/guid.h"
#include "format/reader.h"
#include "measure/unpack.h"

#define VOLUME_DEPTH_MAX    6
#define VOLUME_UNPACKED_MAX (64u << 20) /* bytes, of all compressed sections together */
#define VOLUME_PACKED_MAX   16          /* compressed sections; OVMF has one */
#define VOLUME_STEPS_MAX    (1u << 16)  /* files and sections; OVMF has some thousands */
#define FLASH_BLOCK         4096        /* volumes in flash begin at multiples of this */

enum { /* section types */
       SECTION_GUIDED = 0x02,
       SECTION_PE32 = 0x10,
       SECTION_UI = 0x15,
       SECTION_VOLUME = 0x17,
};
#define FILE_PAD        0xf0
#define FILE_ERASED     0xff /* free space up to the volume's end */
#define FILE_LARGE      0x01 /* attribute: a 64-bit size follows the header */
#define FILE_HEADER     24
#define SIZE_LARGE      0xffffffu
#define VOLUME_MINIMUM  56
#define VOLUME_MAGIC_AT 40

static const uint8_t guid_lzma[GUID_SIZE] =
        GUID(0xee4e5898, 0x3914, 0x4259, 0x9d, 0x6e, 0xdc, 0x7b, 0xd7, 0x94, 0x03, 0xcf);
static const uint8_t guid_ffs2[GUID_SIZE] =
        GUID(0x8c8ce578, 0x8a3d, 0x4f1c, 0x99, 0x35, 0x89, 0x61, 0x85, 0xc3, 0x2d, 0xd3);
static const uint8_t guid_ffs3[GUID_SIZE] =
        GUID(0x5473c07a, 0x3dcb, 0x4dca, 0xbd, 0x6f, 0x1e, 0x96, 0x89, 0xe7, 0x34, 0x9a);

struct walk {
	void (*visit)(const struct volume_file *file, void *userdata);
	void *userdata;
	size_t unpacked; /* bytes so far */
	unsigned packed; /* compressed sections so far */
	unsigned steps;  /* files and sections so far */
	unsigned volumes;
	struct err *e;
};

static int walk_volume(struct walk *w, struct bytes volume, unsigned depth);

/* A small image could otherwise hold hours of work: nested volumes, streams that
 * unpack to little. */
static int count_step(struct walk *w)
{
	if (w->steps++ < VOLUME_STEPS_MAX)
		return 0;
	return err_set(w->e, -EBADMSG, "firmware volume: more than %u files and sections",
	               VOLUME_STEPS_MAX);
}

/* The sections come as an .lzma ("LZMA alone") stream. */
static int unpack_sections(struct walk *w, struct bytes packed, struct bytes *ret)
{
	int r;

	if (w->packed++ >= VOLUME_PACKED_MAX)
		return err_set(w->e, -EBADMSG, "firmware volume: more than %u compressed sections",
		               VOLUME_PACKED_MAX);
	r = unpack_lzma(packed, VOLUME_UNPACKED_MAX - w->unpacked, ret, w->e);
	if (r < 0)
		return err_prefix(w->e, "firmware volume: a section");
	w->unpacked += ret->size;
	return 0;
}

/* To a multiple of `unit`, or to the end: what comes last need not be padded. */
static void align(struct reader *r, size_t unit)
{
	size_t pad = -r->pos & (unit - 1);

	reader_skip(r, pad < reader_left(r) ? pad : reader_left(r));
}

/* Reads the header of the next section: its type and its body. */
static unsigned read_section(struct reader *r, struct reader *ret_body)
{
	uint64_t at = reader_offset(r);
	uint32_t word = reader_u32(r), size = word & SIZE_LARGE, header = 4;

	if (size == SIZE_LARGE) {
		size = reader_u32(r);
		header = 8;
	}
	if (size < header)
		reader_fail(r, FORMAT_BAD_SIZE, at);
	*ret_body = reader_sub(r, size - header);
	align(r, 4);
	return word >> 24;
}

static int walk_sections(struct walk *w, struct bytes content, unsigned depth);

static int walk_guided(struct walk *w, struct reader *body, unsigned depth)
{
	_cleanup_(bytes_free) struct bytes sections = {NULL, 0};
	const uint8_t *guid = reader_bytes(body, GUID_SIZE);
	unsigned data_offset = reader_u16(body); /* from the section's start, header included */
	struct bytes rest;
	int r;

	reader_skip(body, 2);
	if (!reader_ok(body) || memcmp(guid, guid_lzma, GUID_SIZE) != 0)
		return 0; /* signatures, CRCs: nothing with volumes in the images we know */
	if (data_offset < 24)
		reader_fail(body, FORMAT_BAD_VALUE, body->base + GUID_SIZE);
	else
		reader_skip(body, data_offset - 24);
	if (!reader_ok(body))
		return err_bad(w->e, body, "firmware volume");
	rest = (struct bytes){body->data + body->pos, reader_left(body)};
	r = unpack_sections(w, rest, &sections);
	return r < 0 ? r : walk_sections(w, sections, depth + 1);
}

static int walk_sections(struct walk *w, struct bytes content, unsigned depth)
{
	struct reader r, body;
	int ret = 0;

	if (depth > VOLUME_DEPTH_MAX)
		return err_set(w->e, -EBADMSG, "firmware volume: nested too deeply");
	r = reader_of(content.data, content.size);
	while (ret == 0 && reader_left(&r) >= 4) {
		unsigned type = read_section(&r, &body);

		if (!reader_ok(&r))
			return err_bad(w->e, &r, "firmware section");
		ret = count_step(w);
		if (ret < 0)
			break;
		if (type == SECTION_GUIDED)
			ret = walk_guided(w, &body, depth);
		else if (type == SECTION_VOLUME)
			ret = walk_volume(w, (struct bytes){body.data, body.size}, depth + 1);
	}
	return ret;
}

/* Its name and, before that, its program: of the sections right in it. */
static void find_parts(struct walk *w, struct volume_file *file)
{
	struct reader r = reader_of(file->content.data, file->content.size), body;

	while (reader_left(&r) >= 4 && count_step(w) == 0) {
		unsigned type = read_section(&r, &body);

		if (!reader_ok(&r))
			break;
		if (type == SECTION_PE32)
			file->program = (struct bytes){body.data, body.size};
		if (type == SECTION_UI) {
			file->ui_name = (struct bytes){body.data, body.size};
			break;
		}
	}
}

/* One file at `r`; *ret_last when only free space follows. */
static int walk_file(struct walk *w, struct reader *r, const uint8_t *volume, unsigned depth,
                     bool *ret_last)
{
	struct volume_file file = {.volume = volume};
	uint64_t at = reader_offset(r), size, header = FILE_HEADER;
	uint8_t type, attributes;
	bool sections;

	file.name = reader_bytes(r, GUID_SIZE);
	reader_skip(r, 2); /* checksums */
	type = reader_u8(r);
	attributes = reader_u8(r);
	size = reader_u32(r) & SIZE_LARGE;
	if (type == FILE_ERASED && size == SIZE_LARGE) {
		*ret_last = true;
		return 0;
	}
	if (attributes & FILE_LARGE) {
		size = reader_u64(r);
		header += 8;
	}
	if (size < header || size - header > SIZE_MAX)
		reader_fail(r, FORMAT_BAD_SIZE, at);
	file.content.size = (size_t)(size - header);
	file.content.data = reader_bytes(r, file.content.size);
	if (!reader_ok(r))
		return err_bad(w->e, r, "firmware file");
	/* Types 1 (raw) and 0xf0 and above hold no sections. */
	sections = type > 1 && type < FILE_PAD;
	if (sections)
		find_parts(w, &file);
	if (type != FILE_PAD)
		w->visit(&file, w->userdata);
	return sections ? walk_sections(w, file.content, depth) : 0;
}

/* Reads the volume's header up to its first file; false when it holds no files we know. */
static bool read_volume_header(struct reader *r, const uint8_t **ret_name)
{
	static const uint8_t no_name[GUID_SIZE];
	const uint8_t *format;
	unsigned header, extended;

	reader_skip(r, 16);
	format = reader_bytes(r, GUID_SIZE);
	reader_skip(r, 16); /* length, magic, attributes */
	header = reader_u16(r);
	reader_skip(r, 2);
	extended = reader_u16(r);
	if (!format ||
	    (memcmp(format, guid_ffs2, GUID_SIZE) && memcmp(format, guid_ffs3, GUID_SIZE)))
		return false;
	*ret_name = no_name;
	r->pos = 0; /* both offsets count from the volume's start */
	reader_skip(r, extended ? extended : header);
	if (extended) {
		uint32_t size;

		*ret_name = reader_bytes(r, GUID_SIZE);
		size = reader_u32(r);
		if (size < GUID_SIZE + 4)
			reader_fail(r, FORMAT_BAD_SIZE, reader_offset(r) - 4);
		reader_skip(r, size - GUID_SIZE - 4);
	}
	return true;
}

static int walk_volume(struct walk *w, struct bytes volume, unsigned depth)
{
	const uint8_t *name = NULL;
	struct reader r;
	bool last = false;
	int ret = 0;

	w->volumes++;
	if (depth > VOLUME_DEPTH_MAX)
		return err_set(w->e, -EBADMSG, "firmware volume: nested too deeply");
	r = reader_of(volume.data, volume.size);
	if (!read_volume_header(&r, &name))
		return 0; /* variables and the like */
	align(&r, 8);
	while (ret == 0 && !last && reader_ok(&r) && reader_left(&r) >= FILE_HEADER) {
		ret = count_step(w);
		if (ret == 0)
			ret = walk_file(w, &r, name, depth, &last);
		align(&r, 8);
	}
	if (ret == 0 && !reader_ok(&r))
		return err_bad(w->e, &r, "firmware volume");
	return ret;
}

/* Bytes of the volume that begins at `at`, or 0. */
static uint64_t volume_size(struct bytes image, size_t at)
{
	struct reader r;
	uint64_t size;

	if (image.size - at < VOLUME_MINIMUM)
		return 0;
	r = reader_of(image.data + at + VOLUME_MAGIC_AT - 8, 12);
	size = reader_u64(&r);
	if (reader_u32(&r) != 0x4856465f || size < VOLUME_MINIMUM ||
	    size > image.size - at) /* _FVH */
		return 0;
	return size;
}

int volume_walk(struct bytes image, void (*visit)(const struct volume_file *file, void *userdata),
                void *userdata, struct err *e)
{
	struct walk w = {.visit = visit, .userdata = userdata, .e = e};
	size_t at = 0;

	while (at < image.size) {
		uint64_t size = volume_size(image, at);
		int r;

		if (size > 0) {
			r = walk_volume(&w, (struct bytes){image.data + at, (size_t)size}, 0);
			if (r < 0)
				return r;
		}
		at += size > 0 ? (size_t)((size + FLASH_BLOCK - 1) / FLASH_BLOCK * FLASH_BLOCK)
		               : FLASH_BLOCK;
	}
	return w.volumes > 0 ? 0 : err_set(e, -EBADMSG, "no firmware volume in the image");
}
