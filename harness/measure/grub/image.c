/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/grub/image.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "format/guid.h"
#include "format/reader.h"
#include "measure/shim.h"

#define MODULES_MAGIC 0x676d696du /* "mimg" */
enum { OBJECT_ELF = 0, OBJECT_MEMDISK = 1, OBJECT_CONFIG = 2, OBJECT_PREFIX = 3 };

/* How to hand an initrd to Linux' EFI stub: LINUX_EFI_INITRD_MEDIA_GUID */
static const uint8_t guid_initrd[GUID_SIZE] =
        GUID(0x5568e427, 0x68fc, 0x4f3d, 0xac, 0x74, 0xca, 0x55, 0x52, 0x31, 0xcc, 0x68);
/* EFI_CC_MEASUREMENT_PROTOCOL: UEFI specification 2.10, section 38.2 */
static const uint8_t guid_cc[GUID_SIZE] =
        GUID(0x96751a3d, 0x72f4, 0x41a6, 0xa7, 0x94, 0xed, 0x5d, 0x0e, 0x67, 0xae, 0x6b);

static bool contains(struct bytes b, const void *what, size_t size)
{
	return memmem(b.data, b.size, what, size) != NULL;
}

/* ---- ELF objects ---- */

/* All within bounds, or an empty view. */
static struct bytes piece(struct bytes b, uint64_t at, uint64_t size)
{
	if (at > b.size || size > b.size - at)
		return (struct bytes){NULL, 0};
	return (struct bytes){b.data + at, (size_t)size};
}

/* Copied out, because an object in the image need not be aligned. */
static bool elf_section(struct bytes elf, uint64_t index, Elf64_Shdr *ret)
{
	Elf64_Ehdr head;
	struct bytes b;

	if (elf.size < sizeof(head))
		return false;
	memcpy(&head, elf.data, sizeof(head));
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    head.e_shentsize != sizeof(*ret) || index >= head.e_shnum || head.e_shoff > elf.size)
		return false;
	b = piece(elf, head.e_shoff + index * sizeof(*ret), sizeof(*ret));
	if (!b.data)
		return false;
	memcpy(ret, b.data, sizeof(*ret));
	return true;
}

static struct bytes elf_find(struct bytes elf, const char *name, Elf64_Shdr *ret)
{
	Elf64_Ehdr head;
	Elf64_Shdr names, s;
	size_t length = strlen(name) + 1;

	if (elf.size < sizeof(head))
		return (struct bytes){NULL, 0};
	memcpy(&head, elf.data, sizeof(head));
	if (!elf_section(elf, head.e_shstrndx, &names))
		return (struct bytes){NULL, 0};
	for (unsigned i = 0; elf_section(elf, i, &s); i++) {
		struct bytes text = piece(elf, names.sh_offset, names.sh_size);

		text = piece(text, s.sh_name, length);
		if (!text.data || memcmp(text.data, name, length) != 0)
			continue;
		if (ret)
			*ret = s;
		return piece(elf, s.sh_offset, s.sh_size);
	}
	return (struct bytes){NULL, 0};
}

/* The symbol's number, or 0 (which no named symbol has). */
static unsigned elf_symbol(struct bytes elf, const char *name)
{
	Elf64_Shdr s, strings;
	struct bytes table = elf_find(elf, ".symtab", &s), text;
	size_t length = strlen(name) + 1;

	if (!table.data || !elf_section(elf, s.sh_link, &strings))
		return 0;
	text = piece(elf, strings.sh_offset, strings.sh_size);
	for (unsigned i = 1; i < table.size / sizeof(Elf64_Sym); i++) {
		Elf64_Sym symbol;
		struct bytes b;

		memcpy(&symbol, table.data + i * sizeof(symbol), sizeof(symbol));
		b = piece(text, symbol.st_name, length);
		if (b.data && memcmp(b.data, name, length) == 0)
			return i;
	}
	return 0;
}

/* How often the code of an object refers to a symbol. */
static unsigned elf_uses(struct bytes elf, const char *name)
{
	struct bytes table = elf_find(elf, ".rela.text", NULL);
	unsigned symbol = elf_symbol(elf, name), uses = 0;

	for (size_t i = 0; symbol && i < table.size / sizeof(Elf64_Rela); i++) {
		Elf64_Rela rela;

		memcpy(&rela, table.data + i * sizeof(rela), sizeof(rela));
		uses += ELF64_R_SYM(rela.r_info) == symbol;
	}
	return uses;
}

/* The next of the NUL-terminated strings in *left. */
static bool next_string(struct bytes *left, char out[32])
{
	size_t length = left->size ? strnlen((const char *)left->data, left->size) : 0;

	while (left->size > 0 && length == 0) { /* padding */
		*left = piece(*left, 1, left->size - 1);
		length = left->size ? strnlen((const char *)left->data, left->size) : 0;
	}
	if (length == 0)
		return false;
	snprintf(out, 32, "%.*s", length < 31 ? (int)length : 31, (const char *)left->data);
	*left = piece(*left, length, left->size - length);
	return true;
}

int grub_module_dependencies(struct bytes module, char ret[GRUB_DEPENDENCIES_MAX][32],
                             struct err *e)
{
	struct bytes names;
	int count = 0;

	if (!elf_find(module, ".modname", NULL).data)
		return err_set(e, -EBADMSG, "no GRUB module");
	names = elf_find(module, ".moddeps", NULL);
	while (count < GRUB_DEPENDENCIES_MAX && next_string(&names, ret[count]))
		count++;
	return count;
}

/* ---- the image ---- */

/*
 * Its module "tpm" reports to a TPM and, since 2.12, to firmware that measures for a confidential
 * guest. In 2.12 it does neither without a TPM: only where it also asks for that firmware before
 * (a second time, "commands/efi/tpm: Re-enable measurements on confidential computing platforms")
 * does it measure in a TD.
 */
static bool measures(struct bytes tpm)
{
	return contains(tpm, guid_cc, sizeof(guid_cc)) &&
	       (elf_symbol(tpm, "grub_tpm_present") == 0 ||
	        elf_uses(tpm, "grub_efi_locate_protocol") >= 2);
}

static void take_module(struct grub_image *g, struct bytes elf)
{
	struct bytes name = elf_find(elf, ".modname", NULL);

	if (g->modules == GRUB_MODULES_MAX || !next_string(&name, g->module[g->modules]))
		return;
	if (strcmp(g->module[g->modules], "tpm") == 0)
		g->measures = measures(elf);
	if (strcmp(g->module[g->modules], "linux") == 0)
		g->stub = contains(elf, guid_initrd, sizeof(guid_initrd));
	g->modules++;
}

static void read_version(const struct pe *pe, struct grub_image *g)
{
	const struct pe_section *s = pe_find(pe, ".sbat");
	struct bytes b = s ? pe_bytes(pe, s) : (struct bytes){NULL, 0};
	const char *line;
	char text[1024] = "";

	if (b.data)
		memcpy(text, b.data, b.size < sizeof(text) - 1 ? b.size : sizeof(text) - 1);
	line = strstr(text, "\ngrub,");
	if (line)
		sscanf(line + 1, "grub,%*[^,],%*[^,],grub,%15[0-9.]", g->version);
	g->debian = strstr(text, "\ngrub.debian,") != NULL;
}

static int read_objects(struct bytes mods, struct grub_image *g, struct err *e)
{
	uint64_t first, size;
	struct reader r = reader_of(mods.data, mods.size);

	if (reader_u32(&r) != MODULES_MAGIC)
		return 0;
	reader_skip(&r, 4);
	first = reader_u64(&r);
	size = reader_u64(&r);
	if (first < 24 || size < first || size > mods.size) {
		reader_fail(&r, FORMAT_BAD_SIZE, 8);
		return err_bad(e, &r, "GRUB's modules");
	}
	r = reader_of(mods.data, (size_t)size);
	reader_skip(&r, (size_t)first);
	while (reader_left(&r) >= 8) {
		uint32_t type = reader_u32(&r), length = reader_u32(&r);
		struct bytes b = {NULL, length < 8 ? 0 : length - 8};

		if (length < 8)
			reader_fail(&r, FORMAT_BAD_SIZE, reader_offset(&r) - 4);
		b.data = reader_bytes(&r, b.size);
		if (!b.data)
			return err_bad(e, &r, "GRUB's modules");
		if (type == OBJECT_ELF)
			take_module(g, b);
		g->memdisk |= type == OBJECT_MEMDISK;
		if (type == OBJECT_PREFIX)
			snprintf(g->prefix, sizeof(g->prefix), "%.*s",
			         (int)(b.size < 127 ? b.size : 127), (const char *)b.data);
		if (type == OBJECT_CONFIG)
			g->debian = false; /* a script of its own: not looked at here */
	}
	return 1;
}

int grub_image_read(const struct pe *pe, struct grub_image *ret, struct err *e)
{
	const struct pe_section *s = pe_find(pe, "mods");

	*ret = (struct grub_image){0};
	if (!s)
		return 0;
	read_version(pe, ret);
	ret->by_shim = contains(pe->file, guid_shim_loader, sizeof(guid_shim_loader));
	return read_objects(pe_bytes(pe, s), ret, e);
}

bool grub_image_has(const struct grub_image *g, const char *module)
{
	for (unsigned i = 0; i < g->modules; i++) {
		if (strcmp(g->module[i], module) == 0)
			return true;
	}
	return false;
}
