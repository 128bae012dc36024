/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/uki.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "format/bytes.h"
#include "format/eventlog.h"
#include "measure/boot.h"

#define STUB_MAGIC  "#### LoaderInfo: systemd-stub "
#define STUB_OLDEST 257 /* earlier ones pack other files into the initrd, or do not measure */
#define STUB_NEWEST 257
#define CPIO_FOLDER 0040555u
#define CPIO_FILE   0100444u

/* The sections that are measured, in the order in which the stub does it. */
static const char *const sections[] = {".linux",  ".osrel", ".cmdline", ".initrd", ".ucode",
                                       ".splash", ".dtb",   ".uname",   ".sbat",   ".pcrpkey"};
/* What nobody here has tried: their effect is left open. */
static const char *const untried[] = {".profile", ".dtbauto", ".hwids", ".efifw", ".ucode", ".dtb"};

/* Sections that the stub also hands on as files of an archive of their own, in this order. */
static const struct {
	const char *section;
	const char *file;
} extras[] = {
        {".pcrsig", ".extra/tpm2-pcr-signature.json"},
        {".pcrpkey", ".extra/tpm2-pcr-public-key.pem"},
        {".osrel", ".extra/os-release"},
};

bool uki_is(const struct pe *pe)
{
	return pe_find(pe, ".linux") != NULL;
}

/* The stub's version: 257 for "systemd-stub 257.13-1", 0 when it does not say. */
static unsigned stub_version(const struct pe *pe)
{
	const struct pe_section *s = pe_find(pe, ".sdmagic");
	char text[64] = "";
	unsigned version = 0;

	if (s) {
		struct bytes b = pe_bytes(pe, s);

		memcpy(text, b.data, b.size < sizeof(text) - 1 ? b.size : sizeof(text) - 1);
	}
	return sscanf(text, STUB_MAGIC "%4u", &version) == 1 ? version : 0;
}

/* ---- the initrd that the stub puts together ---- */

struct buffer {
	uint8_t *data;
	size_t size;
	bool failed;
};

static void append(struct buffer *b, const void *data, size_t size)
{
	uint8_t *grown = b->failed ? NULL : realloc(b->data, b->size + size + 1);

	if (!grown) {
		b->failed = true;
		return;
	}
	b->data = grown;
	if (size > 0)
		memcpy(b->data + b->size, data, size);
	b->size += size;
}

static void pad4(struct buffer *b)
{
	append(b, "\0\0\0", (4 - b->size % 4) % 4);
}

/* One entry of a "newc" archive: owner root, no times. Every archive begins at a multiple of 4. */
static void append_entry(struct buffer *b, unsigned inode, unsigned mode, const char *name,
                         struct bytes contents)
{
	char header[128];

	snprintf(header, sizeof(header),
	         "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", inode, mode, 0, 0, 1,
	         0, (unsigned)contents.size, 0, 0, 0, 0, (unsigned)strlen(name) + 1, 0);
	append(b, header, strlen(header));
	append(b, name, strlen(name) + 1);
	pad4(b);
	append(b, contents.data, contents.size);
	pad4(b);
}

static void append_extra(struct buffer *b, const char *file, struct bytes contents)
{
	static const char trailer[] =
	        "070701"
	        "00000000"
	        "00000000"
	        "00000000"
	        "00000000"
	        "00000001"
	        "00000000"
	        "00000000"
	        "00000000"
	        "00000000"
	        "00000000"
	        "00000000"
	        "0000000B"
	        "00000000"
	        "TRAILER!!!\0\0\0"; /* and the string's own NUL */

	append_entry(b, 1, CPIO_FOLDER, ".extra", (struct bytes){NULL, 0});
	append_entry(b, 2, CPIO_FILE, file, contents);
	append(b, trailer, sizeof(trailer));
}

static int measure_initrd(struct event_list *l, const struct pe *pe, struct err *e)
{
	const struct event_tag tag = {2, EV_EVENT_TAG, INPUT_DISK};
	const struct pe_section *s = pe_find(pe, ".initrd");
	struct buffer b = {0};

	if (s) {
		struct bytes initrd = pe_bytes(pe, s);

		append(&b, initrd.data, initrd.size);
	}
	for (size_t i = 0; i < COUNT_OF(extras); i++) {
		s = pe_find(pe, extras[i].section);
		if (!s)
			continue;
		pad4(&b);
		append_extra(&b, extras[i].file, pe_bytes(pe, s));
	}
	if (!b.failed && b.size > 0)
		event_hash(l, tag, b.data, b.size,
		           "Linux initrd, as systemd-stub puts it together");
	free(b.data);
	return b.failed ? err_sys(e, -ENOMEM, "unified kernel image") : 0;
}

/* ---- the command line ---- */

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The stub drops white space at both ends and makes control characters inside into spaces. */
static int measure_cmdline(struct event_list *l, const struct pe *pe, struct err *e)
{
	const struct event_tag tag = {2, EV_EVENT_TAG, INPUT_DISK};
	const struct pe_section *s = pe_find(pe, ".cmdline");
	struct bytes b = s ? pe_bytes(pe, s) : (struct bytes){NULL, 0};
	_cleanup_(freep) uint8_t *wide = calloc(b.size + 1, 2);
	size_t length = b.size ? strnlen((const char *)b.data, b.size) : 0, from = 0;

	if (!wide)
		return err_sys(e, -ENOMEM, "unified kernel image");
	while (from < length && is_space(b.data[from]))
		from++;
	while (length > from && b.data[length - 1] <= ' ')
		length--;
	for (size_t i = from; i < length; i++) {
		if (b.data[i] >= 0x80) {
			event_open(l, 2, "the image's command line is not ASCII");
			return 0;
		}
		wide[2 * (i - from)] = b.data[i] < ' ' ? ' ' : b.data[i];
	}
	if (length > from)
		event_hash(l, tag, wide, 2 * (length - from + 1), "LOADED_IMAGE::LoadOptions");
	return 0;
}

/* ---- all of it ---- */

static void measure_sections(struct event_list *l, const struct pe *pe)
{
	const struct event_tag tag = {2, EV_IPL, INPUT_DISK};

	for (size_t i = 0; i < COUNT_OF(sections); i++) {
		const struct pe_section *s = pe_find(pe, sections[i]);
		struct bytes b;

		if (!s)
			continue;
		b = pe_bytes(pe, s);
		event_hash(l, tag, sections[i], strlen(sections[i]) + 1, "name of section %s",
		           sections[i]);
		event_hash(l, tag, b.data, b.size, "section %s", sections[i]);
	}
}

static int measure_kernel(struct event_list *l, const struct pe *pe, struct err *e)
{
	const struct event_tag tag = {1, EV_EFI_BOOT_SERVICES_APPLICATION, INPUT_DISK};
	uint8_t digest[48];
	struct pe kernel;
	int r = pe_parse(pe_bytes(pe, pe_find(pe, ".linux")), &kernel, e);

	if (r < 0) {
		err_prefix(e, "section .linux");
		return r;
	}
	pe_authenticode(&kernel, digest);
	event_add(l, tag, digest, "kernel (section .linux)");
	return 0;
}

static void leave_untried_open(struct event_list *l, const struct pe *pe, unsigned version)
{
	char reason[160];

	if (version < STUB_OLDEST || version > STUB_NEWEST) {
		snprintf(reason, sizeof(reason), "systemd-stub %u is not known here, only %u to %u",
		         version, STUB_OLDEST, STUB_NEWEST);
		event_open(l, 2, reason);
	}
	for (size_t i = 0; i < COUNT_OF(untried); i++) {
		if (!pe_find(pe, untried[i]))
			continue;
		snprintf(reason, sizeof(reason), "the image has a section %s", untried[i]);
		event_open(l, 2, reason);
	}
}

int uki_measure(struct event_list *l, const struct pe *pe, struct err *e)
{
	struct bytes kernel = pe_bytes(pe, pe_find(pe, ".linux"));
	int r;

	leave_untried_open(l, pe, stub_version(pe));
	measure_sections(l, pe);
	r = measure_kernel(l, pe, e);
	if (r == 0 && boot_stub_measures(l, kernel)) {
		r = measure_cmdline(l, pe, e);
		if (r == 0)
			r = measure_initrd(l, pe, e);
	}
	if (r == 0)
		boot_measure_exit(l);
	return r;
}
