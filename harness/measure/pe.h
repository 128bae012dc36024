/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "core/err.h"
#include "core/view.h"
#include "format/quote.h"

/*
 * PE/COFF images, PE32 and PE32+: Microsoft "PE Format". Only what measuring needs: the sections
 * and the parts that the Authenticode digest leaves out.
 */
#define PE_SECTIONS_MAX 96

struct pe_section {
	char name[9];          /* at most 8 bytes and a NUL */
	uint32_t virtual_size; /* bytes in memory */
	uint32_t raw_size;     /* bytes in the file */
	uint32_t raw_offset;   /* bytes from the file's start */
};

struct pe {
	struct bytes file;         /* borrowed */
	const struct view *view;   /* that it is in, or NULL; borrowed */
	struct bytes head;         /* stands in place of as many bytes at its start; borrowed */
	size_t checksum_at;        /* offset of the 4-byte checksum */
	size_t certificate_at;     /* offset of the 8-byte directory entry, 0: there is none */
	uint32_t certificates;     /* offset of the certificate table; not checked */
	uint32_t certificate_size; /* bytes of it; at the file's end, as the digest goes */
	uint32_t headers_size;     /* bytes */
	unsigned sections;
	struct pe_section section[PE_SECTIONS_MAX]; /* in the order of the table */
};

/* -EBADMSG with the offset of what is wrong. All sections lie within the file. */
int pe_parse(struct bytes file, struct pe *ret, struct err *e);
/* Of a whole view, or of a section of an image. */
int pe_parse_view(const struct view *v, struct pe *ret, struct err *e);
int pe_parse_within(const struct pe *outer, struct bytes file, struct pe *ret, struct err *e);
/* The same image with other bytes at its start. All of its headers are in `head`. */
int pe_parse_with_head(struct bytes file, struct bytes head, struct pe *ret, struct err *e);

/*
 * The Authenticode digest with SHA-384, as UEFI firmware computes it (edk2's PE measuring, after
 * "Windows Authenticode Portable Executable Signature Format").
 */
void pe_authenticode(const struct pe *pe, uint8_t digest[48]);
/* What such a digest, with any hash, is of; piece by piece. */
void pe_authenticode_bytes(const struct pe *pe, view_take take, void *userdata);

/* The section named `name` (NULL when there is none), and its bytes: min(raw, virtual) of them. */
const struct pe_section *pe_find(const struct pe *pe, const char *name);
/* The same for a name of more than 8 bytes, which is in the file's table of strings. */
const struct pe_section *pe_find_long(const struct pe *pe, const char *name);
struct bytes pe_bytes(const struct pe *pe, const struct pe_section *section);
