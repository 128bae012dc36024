/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/firmware.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure/volume.h"

/* Modules whose presence tells something: file names of edk2's .inf files. */
static const uint8_t guid_td_tcg2_dxe[GUID_SIZE] = /* OvmfPkg/Tcg/TdTcg2Dxe */
        GUID(0xf062221e, 0xc607, 0x44c2, 0xb0, 0xb4, 0xc3, 0x88, 0x63, 0x31, 0xd3, 0x51);
static const uint8_t guid_td_tcg2_pei[GUID_SIZE] = /* OvmfPkg/Tcg/TdTcg2Pei, since December 2024 */
        GUID(0xfcb3a3d6, 0x6274, 0x411c, 0xa5, 0x48, 0xbd, 0x0e, 0x71, 0x7d, 0x53, 0x3a);
static const uint8_t guid_secure_boot_config[GUID_SIZE] = /* SecurityPkg SecureBootConfigDxe */
        GUID(0xf0e6a44f, 0x7195, 0x41c3, 0xac, 0x64, 0x54, 0xf2, 0x02, 0xcd, 0x0a, 0x21);
static const uint8_t guid_ui_app[GUID_SIZE] = /* MdeModulePkg/Application/UiApp */
        GUID(0x462caa21, 0x7614, 0x4503, 0x83, 0x6e, 0x8a, 0xb6, 0xf4, 0x66, 0x23, 0x31);
static const uint8_t guid_smbios_platform[GUID_SIZE] = /* OvmfPkg/SmbiosPlatformDxe */
        GUID(0x4110465d, 0x5ff3, 0x4f4b, 0xb5, 0x80, 0x24, 0xed, 0x0d, 0x06, 0x74, 0x7a);
const uint8_t guid_shell[GUID_SIZE] = /* ShellPkg */
        GUID(0x7c04a583, 0x9e3e, 0x4f1c, 0xad, 0x65, 0xe0, 0x52, 0x68, 0xd0, 0xb4, 0xd1);

struct scan {
	struct firmware *f;
	bool pei_measures; /* has TdTcg2Pei */
};

static bool file_is(const struct volume_file *file, const uint8_t guid[GUID_SIZE])
{
	return memcmp(file->name, guid, GUID_SIZE) == 0;
}

/* The version is a UTF-16 string "20YY.MM" that SMBIOS shows. */
static void find_version(struct bytes code, char out[32])
{
	static const char shape[] = "20dd.dd";

	for (size_t at = 0; at + 2 * (sizeof(shape) - 1) <= code.size; at++) {
		size_t i;

		for (i = 0; shape[i]; i++) {
			uint8_t c = code.data[at + 2 * i];

			if (code.data[at + 2 * i + 1] != 0)
				break;
			if (shape[i] == 'd' ? c < '0' || c > '9' : c != (uint8_t)shape[i])
				break;
		}
		if (shape[i])
			continue;
		for (i = 0; shape[i]; i++)
			out[i] = (char)code.data[at + 2 * i];
		out[i] = '\0';
		return;
	}
}

static void take_menu(struct firmware *f, const struct volume_file *file)
{
	memcpy(f->volume, file->volume, GUID_SIZE);
	memcpy(f->menu, file->name, GUID_SIZE);
	if (file->ui_name.size > 0 && file->ui_name.size <= sizeof(f->menu_name)) {
		memcpy(f->menu_name, file->ui_name.data, file->ui_name.size);
		f->menu_name_size = file->ui_name.size;
	}
}

static void look_at_file(const struct volume_file *file, void *userdata)
{
	static const char fw_cfg_event[] = "QEMU FW CFG";
	struct scan *s = userdata;

	if (file_is(file, guid_td_tcg2_dxe))
		s->f->measures = true;
	if (file_is(file, guid_td_tcg2_pei))
		s->pei_measures = true;
	if (file_is(file, guid_secure_boot_config))
		s->f->secure_boot = true;
	if (file_is(file, guid_shell))
		s->f->shell = true;
	if (file_is(file, guid_ui_app))
		take_menu(s->f, file);
	if (file_is(file, guid_smbios_platform))
		find_version(file->content, s->f->version);
	if (memmem(file->content.data, file->content.size, fw_cfg_event, sizeof(fw_cfg_event)))
		s->f->measures_fw_cfg = true;
}

static int read_cfv(struct firmware *f, struct err *e)
{
	for (uint32_t i = 0; i < f->tdvf.count; i++) {
		const struct tdvf_section *s = &f->tdvf.section[i];

		if (s->type == TDVF_CFV && s->raw_size > 0)
			f->cfv = (struct bytes){f->image.data + s->data_offset, s->raw_size};
	}
	return f->cfv.data ? variable_store_read(f->cfv, &f->variables, e) : 0;
}

int firmware_read(struct bytes image, struct firmware *ret, struct err *e)
{
	struct firmware f = {.image = image};
	struct scan scan = {.f = &f};
	enum format_code code;
	uint64_t at = 0;
	int r;

	code = tdvf_parse(image.data, image.size, &f.tdvf, &at);
	if (code != FORMAT_OK)
		return err_set(e, -EBADMSG, "TDVF metadata: %s at byte %" PRIu64,
		               format_code_name(code), at);
	r = volume_walk(image, look_at_file, &scan, e);
	if (r == 0)
		r = read_cfv(&f, e);
	if (r < 0) {
		firmware_done(&f);
		return r;
	}
	/*
	 * Nothing but code tells whether the fix of August 2024 is in. An image with TdTcg2Pei is
	 * younger; of the others we go by the version and take an unnamed one for older.
	 */
	f.separator_in_rtmr0 = !scan.pei_measures && strcmp(f.version, "2024.11") < 0;
	*ret = f;
	return 0;
}

void firmware_done(struct firmware *f)
{
	variable_store_done(&f->variables);
}
