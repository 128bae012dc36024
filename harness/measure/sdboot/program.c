/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sdboot/program.h"

#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "format/bytes.h"
#include "format/guid.h"

static const unsigned versions[] = {252, 254, 257, 262}; /* seen in logs of TDs */

/* EFI_CC_MEASUREMENT_PROTOCOL: stands in the code as two immediates of 8 bytes. */
static const uint8_t guid_cc[GUID_SIZE] =
        GUID(0x96751a3d, 0x72f4, 0x41a6, 0xa7, 0x94, 0xed, 0x5d, 0x0e, 0x67, 0xae, 0x6b);

/* In the program itself: a unified kernel image has a kernel and more in other sections. */
static bool has(const struct pe *pe, const void *data, size_t size)
{
	static const char *const own[] = {".text", ".rodata", ".rdata", ".data"};

	for (size_t i = 0; i < COUNT_OF(own); i++) {
		const struct pe_section *s = pe_find(pe, own[i]);
		struct bytes b = s ? pe_bytes(pe, s) : (struct bytes){NULL, 0};

		if (b.size > 0 && memmem(b.data, b.size, data, size))
			return true;
	}
	return false;
}

static bool has_text(const struct pe *pe, const char *text)
{
	return has(pe, text, strlen(text));
}

/* The same as UTF-16. */
static bool has_wide(const struct pe *pe, const char *text)
{
	char wide[128] = {0};
	size_t n = strlen(text);

	for (size_t i = 0; i < n && 2 * i + 1 < sizeof(wide); i++)
		wide[2 * i] = text[i];
	return has(pe, wide, 2 * n);
}

static bool is_known(unsigned version)
{
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		if (versions[i] == version)
			return true;
	}
	return false;
}

int sd_program_read(const struct pe *pe, const char *name, struct sd_program *ret)
{
	const struct pe_section *s = pe_find(pe, ".sdmagic");
	struct sd_program p = {0};
	char text[64] = "", form[64];
	struct bytes b;

	if (!s)
		return 0;
	b = pe_bytes(pe, s);
	memcpy(text, b.data, b.size < sizeof(text) - 1 ? b.size : sizeof(text) - 1);
	snprintf(form, sizeof(form), "#### LoaderInfo: systemd-%s ", name);
	if (strncmp(text, form, strlen(form)) != 0)
		return 0;
	(void)sscanf(text + strlen(form), "%4u", &p.version);
	p.known = is_known(p.version);
	p.measures = has(pe, guid_cc, 8) && has(pe, guid_cc + 8, 8);
	p.smbios = p.measures && has_wide(pe, "LoaderPcrSMBIOS");
	p.tagged = p.smbios; /* came with it: nothing else tells them apart */
	p.secret = has_wide(pe, "boot-secret");
	p.console = has_wide(pe, "console=hvc0");
	p.loads_kernel = has_wide(pe, "Inner kernel image contains") ||
	                 has_text(pe, "Inner kernel image contains");
	p.profiles = has_text(pe, ".profile");
	p.addons = has_wide(pe, ".addon.efi");
	p.global_extensions = has_wide(pe, "Global system extension initrd");
	*ret = p;
	return 1;
}

void sd_program_check(struct event_list *l, const struct sd_program *p, const char *name,
                      unsigned from, unsigned to)
{
	char reason[160];

	if (p->known)
		return;
	snprintf(reason, sizeof(reason), "systemd-%s %u is not known here, only 252, 254, 257, 262",
	         name, p->version);
	for (unsigned i = from; i <= to; i++)
		event_open(l, i, reason);
}
