/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/shim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "format/eventlog.h"
#include "format/guid.h"
#include "format/reader.h"
#include "format/sha2.h"

#define VERSION_MARK  "UEFI SHIM\n$Version: "
#define VERSION_TRIED 16
#define LIST_HEAD     28 /* bytes of an EFI_SIGNATURE_LIST before its entries */
/* What shim sets without Secure Boot: no revocations but the format's own first date. */
#define SBAT_LEVEL "sbat,1,2021030218\n"

const uint8_t guid_shim_lock[GUID_SIZE] =
        GUID(0x605dab50, 0xe046, 0x4300, 0xab, 0xb6, 0x3d, 0xd8, 0x10, 0xdd, 0x8b, 0x23);
const uint8_t guid_shim_loader[GUID_SIZE] =
        GUID(0x1f492041, 0xfadb, 0x4e59, 0x9e, 0x57, 0x7c, 0xaf, 0xe7, 0x3a, 0x55, 0xab);
/* Kinds of entries of a signature list: UEFI specification 2.10, section 32.4.1 */
static const uint8_t guid_x509[GUID_SIZE] =
        GUID(0xa5c059a1, 0x94e4, 0x4aa7, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72);
static const uint8_t guid_sha256[GUID_SIZE] =
        GUID(0xc1c41626, 0x504c, 0x4092, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28);

/* It says so in its section .data.ident. */
static unsigned version_of(const struct pe *pe)
{
	const uint8_t *at =
	        memmem(pe->file.data, pe->file.size, VERSION_MARK, strlen(VERSION_MARK));
	size_t left;
	unsigned major = 0;

	if (!at)
		return 0;
	at += strlen(VERSION_MARK);
	left = pe->file.size - (size_t)(at - pe->file.data);
	for (size_t i = 0; i < left && i < 4 && at[i] >= '0' && at[i] <= '9'; i++)
		major = 10 * major + (unsigned)(at[i] - '0');
	return major;
}

int shim_read(const struct pe *pe, struct shim *ret, struct err *e)
{
	const struct pe_section *s = pe_find_long(pe, ".vendor_cert");
	struct shim found = {0};
	uint32_t size[2], at[2];
	struct bytes b;
	struct reader r;

	if (!s)
		return 0;
	b = pe_bytes(pe, s);
	r = reader_of(b.data, b.size);
	for (size_t i = 0; i < 2; i++)
		size[i] = reader_u32(&r);
	for (size_t i = 0; i < 2; i++)
		at[i] = reader_u32(&r);
	for (size_t i = 0; i < 2; i++) {
		if (at[i] > b.size || size[i] > b.size - at[i])
			reader_fail(&r, FORMAT_BAD_SIZE, 4 * i);
	}
	if (!reader_ok(&r))
		return err_bad(e, &r, "shim's built-in keys");
	found.allow = (struct bytes){b.data + at[0], size[0]};
	found.deny = (struct bytes){b.data + at[1], size[1]};
	found.major = version_of(pe);
	found.has_loader = memmem(pe->file.data, pe->file.size, guid_shim_loader,
	                          sizeof(guid_shim_loader)) != NULL;
	*ret = found;
	return 1;
}

/* ---- what it measures ---- */

/* A list with one entry, as shim makes it; the caller frees. */
static uint8_t *one_entry(const uint8_t *kind, struct bytes data, size_t *ret_size)
{
	size_t entry = GUID_SIZE + data.size, size = LIST_HEAD + entry;
	uint8_t *list = calloc(size, 1);

	if (!list)
		return NULL;
	memcpy(list, kind, GUID_SIZE);
	for (size_t i = 0; i < 4; i++) {
		list[16 + i] = (uint8_t)(size >> 8 * i);
		list[24 + i] = (uint8_t)(entry >> 8 * i);
	}
	memcpy(list + LIST_HEAD, guid_shim_lock, GUID_SIZE);
	memcpy(list + LIST_HEAD + GUID_SIZE, data.data, data.size);
	*ret_size = size;
	return list;
}

static bool is_certificate(struct bytes b)
{
	return b.size > 4 && b.data[0] == 0x30 && b.data[1] == 0x82; /* DER, a long SEQUENCE */
}

/* One of its two lists: a certificate is put into a list, and an empty list gets an entry. */
static int measure_list(struct event_list *l, struct bytes keys, bool certificates,
                        const char *name, struct err *e)
{
	static const uint8_t nothing[32];
	const struct event_tag tag = {2, EV_IPL, INPUT_DISK};
	_cleanup_(freep) uint8_t *made = NULL;
	size_t size = 0;

	if (keys.size == 0)
		made = one_entry(guid_sha256, (struct bytes){nothing, sizeof(nothing)}, &size);
	else if (certificates && is_certificate(keys))
		made = one_entry(guid_x509, keys, &size);
	else {
		event_hash(l, tag, keys.data, keys.size, "shim's %s", name);
		return 0;
	}
	if (!made)
		return err_sys(e, -ENOMEM, "shim");
	event_hash(l, tag, made, size, "shim's %s", name);
	return 0;
}

static void measure_level(struct event_list *l)
{
	static const char level[] = SBAT_LEVEL;
	const struct event_tag tag = {0, EV_EFI_VARIABLE_AUTHORITY, INPUT_DISK};

	event_variable(l, tag, guid_shim_lock, "SbatLevel",
	               (struct bytes){(const uint8_t *)level, strlen(level)}, "shim's variable");
}

static bool has_own_variables(const struct firmware *f)
{
	for (size_t i = 0; f->secure_boot && i < f->variables.count; i++) {
		if (memcmp(f->variables.item[i].guid, guid_shim_lock, GUID_SIZE) == 0)
			return true;
	}
	return false;
}

int shim_measure(struct event_list *l, const struct shim *s, const struct firmware *f,
                 struct err *e)
{
	static const uint8_t trusted = 1; /* what shim takes for the absent variable */
	const struct event_tag tag = {2, EV_IPL, INPUT_DISK};
	char reason[160] = "";
	int r;

	if (s->major != VERSION_TRIED)
		snprintf(reason, sizeof(reason), "shim %u is not known here, only %u", s->major,
		         VERSION_TRIED);
	else if (has_own_variables(f))
		snprintf(reason, sizeof(reason), "the firmware image has variables of shim's");
	for (unsigned i = 0; reason[0] && i < 3; i++)
		event_open(l, i, reason);
	r = measure_list(l, s->allow, true, "MokList", e);
	if (r == 0)
		r = measure_list(l, s->deny, false, "MokListX", e);
	if (r < 0)
		return r;
	measure_level(l);
	event_hash(l, tag, &trusted, sizeof(trusted), "shim's MokListTrusted");
	return 0;
}
