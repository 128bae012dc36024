/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/firmware.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "format/guid.h"
#include "measure/pe.h"
#include "measure/volume.h"

/* Modules whose presence tells something: file names of edk2's .inf files. */
static const uint8_t guid_td_tcg2_dxe[GUID_SIZE] = /* OvmfPkg/Tcg/TdTcg2Dxe */
        GUID(0xf062221e, 0xc607, 0x44c2, 0xb0, 0xb4, 0xc3, 0x88, 0x63, 0x31, 0xd3, 0x51);
static const uint8_t guid_td_tcg2_pei[GUID_SIZE] = /* OvmfPkg/Tcg/TdTcg2Pei, since December 2024 */
        GUID(0xfcb3a3d6, 0x6274, 0x411c, 0xa5, 0x48, 0xbd, 0x0e, 0x71, 0x7d, 0x53, 0x3a);
static const uint8_t guid_secure_boot_config[GUID_SIZE] = /* SecurityPkg SecureBootConfigDxe */
        GUID(0xf0e6a44f, 0x7195, 0x41c3, 0xac, 0x64, 0x54, 0xf2, 0x02, 0xcd, 0x0a, 0x21);
const uint8_t guid_ui_app[GUID_SIZE] = /* MdeModulePkg/Application/UiApp */
        GUID(0x462caa21, 0x7614, 0x4503, 0x83, 0x6e, 0x8a, 0xb6, 0xf4, 0x66, 0x23, 0x31);
static const uint8_t guid_smbios_platform[GUID_SIZE] = /* OvmfPkg/SmbiosPlatformDxe */
        GUID(0x4110465d, 0x5ff3, 0x4f4b, 0xb5, 0x80, 0x24, 0xed, 0x0d, 0x06, 0x74, 0x7a);
static const uint8_t guid_menu_app[GUID_SIZE] = /* MdeModulePkg/Application/BootManagerMenuApp */
        GUID(0xeec25bdc, 0x67f2, 0x4d95, 0xb1, 0xd5, 0xf8, 0x1b, 0x20, 0x39, 0xd1, 0x1d);
static const uint8_t guid_boot_manager[GUID_SIZE] = /* MdeModulePkg/Universal/BdsDxe */
        GUID(0x6d33944a, 0xec75, 0x4855, 0xa5, 0x4d, 0x80, 0x9c, 0x75, 0x24, 0x1f, 0x6c);
static const uint8_t guid_smbios_measurement[GUID_SIZE] = /* MdeModulePkg SmbiosMeasurementDxe */
        GUID(0xd27fed59, 0xabb4, 0x4fed, 0xbe, 0xad, 0x2a, 0x87, 0x8c, 0x7e, 0x4a, 0x7e);
/* The name of the volume that OvmfPkg/IntelTdx leaves out in a trust domain: FV.NCCFV */
static const uint8_t guid_not_for_tds[GUID_SIZE] =
        GUID(0xae047c6d, 0xbce9, 0x426c, 0xae, 0x03, 0xa6, 0x8e, 0x3b, 0x8a, 0x04, 0x88);
const uint8_t guid_shell[GUID_SIZE] = /* ShellPkg */
        GUID(0x7c04a583, 0x9e3e, 0x4f1c, 0xad, 0x65, 0xe0, 0x52, 0x68, 0xd0, 0xb4, 0xd1);

struct menu { /* a file that may be the boot manager's menu */
	uint8_t volume[GUID_SIZE];
	uint8_t file[GUID_SIZE];
	uint8_t name[64];
	size_t name_size; /* 0: it is not there */
};

struct scan {
	struct firmware *f;
	bool pei_measures;           /* has TdTcg2Pei */
	bool names_menu_app;         /* the boot manager names BootManagerMenuApp as its menu */
	struct menu setup, menu_app; /* UiApp, BootManagerMenuApp */
};

static bool file_is(const struct volume_file *file, const uint8_t guid[GUID_SIZE])
{
	return memcmp(file->name, guid, GUID_SIZE) == 0;
}

/* Whether UTF-16 text at `at` has the shape: '#' is a digit, anything else itself. */
static bool text_is(struct bytes code, size_t at, const char *shape)
{
	for (size_t i = 0; shape[i]; i++) {
		uint8_t c = code.data[at + 2 * i];

		if (code.data[at + 2 * i + 1] != 0)
			return false;
		if (shape[i] == '#' ? c < '0' || c > '9' : c != (uint8_t)shape[i])
			return false;
	}
	return true;
}

/*
 * The version is a UTF-16 string that SMBIOS shows: "2025.02-8" of Debian, Ubuntu and SUSE,
 * "edk2-20241117-2.el9" of Red Hat, "edk2-stable202411". Kept as "2024.11".
 */
static void find_version(struct bytes code, char out[32])
{
	static const struct {
		const char *shape;
		size_t year, month; /* where they are in it */
	} forms[] = {{"20##.##", 0, 5}, {"edk2-20######", 5, 9}, {"edk2-stable20####", 11, 15}};

	for (size_t f = 0; f < COUNT_OF(forms); f++) {
		size_t size = 2 * strlen(forms[f].shape);

		for (size_t at = 0; at + size <= code.size; at++) {
			const uint8_t *year = code.data + at + 2 * forms[f].year;
			const uint8_t *month = code.data + at + 2 * forms[f].month;

			if (!text_is(code, at, forms[f].shape))
				continue;
			snprintf(out, 32, "%c%c%c%c.%c%c", year[0], year[2], year[4], year[6],
			         month[0], month[2]);
			return;
		}
	}
}

/*
 * Where the ready-to-boot separator goes. Nothing but code tells whether the fix of August 2024 is
 * in. An image with TdTcg2Pei is younger; of the others we go by the version where there is one.
 */
static int find_separator(const char *version, bool pei_measures)
{
	if (pei_measures || strcmp(version, "2024.11") >= 0)
		return 1;
	return version[0] && strcmp(version, "2024.08") <= 0 ? 0 : -1;
}

static void take_menu(struct menu *m, const struct volume_file *file)
{
	memcpy(m->volume, file->volume, GUID_SIZE);
	memcpy(m->file, file->name, GUID_SIZE);
	if (file->ui_name.size > 0 && file->ui_name.size <= sizeof(m->name)) {
		memcpy(m->name, file->ui_name.data, file->ui_name.size);
		m->name_size = file->ui_name.size;
	}
}

/* The menu is a constant of the boot manager: the menu application, or else the whole setup. */
static void choose_menu(const struct scan *s)
{
	struct firmware *f = s->f;
	const struct menu *m =
	        s->names_menu_app && s->menu_app.name_size ? &s->menu_app : &s->setup;

	f->bare_menu = m == &s->menu_app;
	memcpy(f->volume, m->volume, GUID_SIZE);
	memcpy(f->menu, m->file, GUID_SIZE);
	memcpy(f->menu_name, m->name, sizeof(f->menu_name));
	f->menu_name_size = m->name_size;
}

static bool contains(struct bytes where, const void *what, size_t size)
{
	return memmem(where.data, where.size, what, size) != NULL;
}

/* The driver's table of what it leaves out: type 4, offset 0x16, 2 bytes is a later addition. */
static void look_at_smbios(struct firmware *f, struct bytes content)
{
	static const uint64_t current_speed[] = {4, 0x16, 2};

	f->measures_smbios = true;
	f->smbios_speeds = !contains(content, current_speed, sizeof(current_speed));
}

static void look_at_boot_manager(struct scan *s, struct bytes content)
{
	static const char initrd_first[] = "initrd=initrd "; /* older ones: " initrd=initrd" */

	s->names_menu_app |= contains(content, guid_menu_app, GUID_SIZE);
	s->f->initrd_first |= contains(content, initrd_first, sizeof(initrd_first));
}

static void take_shell(struct firmware *f, struct bytes program)
{
	struct pe pe;

	f->shell = true;
	f->shell_is_booted = pe_parse(program, &pe, NULL) == 0;
	if (f->shell_is_booted)
		pe_authenticode(&pe, f->shell_digest);
}

static void look_at_file(const struct volume_file *file, void *userdata)
{
	static const char fw_cfg_event[] = "QEMU FW CFG";
	static const char boot_items[] = "etc/boot/"; /* OVMF puts "kernel" behind it */
	struct scan *s = userdata;

	if (memcmp(file->volume, guid_not_for_tds, GUID_SIZE) == 0)
		return;
	if (file_is(file, guid_td_tcg2_dxe))
		s->f->measures = true;
	if (file_is(file, guid_td_tcg2_pei))
		s->pei_measures = true;
	if (file_is(file, guid_secure_boot_config))
		s->f->secure_boot = true;
	if (file_is(file, guid_shell))
		take_shell(s->f, file->program);
	if (file_is(file, guid_ui_app)) {
		take_menu(&s->setup, file);
		s->f->setup = true;
	}
	if (file_is(file, guid_menu_app))
		take_menu(&s->menu_app, file);
	if (file_is(file, guid_smbios_measurement))
		look_at_smbios(s->f, file->content);
	if (file_is(file, guid_boot_manager)) {
		look_at_boot_manager(s, file->content);
		s->f->known = true;
	}
	if (file_is(file, guid_smbios_platform))
		find_version(file->content, s->f->version);
	if (contains(file->content, fw_cfg_event, sizeof(fw_cfg_event)))
		s->f->measures_fw_cfg = true;
	if (contains(file->content, boot_items, sizeof(boot_items) - 1))
		s->f->reads_boot_kernel = true;
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
	struct err why = {0};
	enum format_code code;
	uint64_t at = 0;
	int r;

	code = tdvf_parse(image.data, image.size, &f.tdvf, &at);
	if (code != FORMAT_OK)
		return err_set(e, -EBADMSG, "TDVF metadata: %s at byte %" PRIu64,
		               format_code_name(code), at);
	r = volume_walk(image, look_at_file, &scan, &why);
	choose_menu(&scan);
	/* The menu's newer form comes with a shell that is no boot option to be tried by itself. */
	f.shell_is_booted = f.shell_is_booted && !f.bare_menu;
	if (r == 0)
		r = read_cfv(&f, &why);
	if (r < 0 && r != -EBADMSG) {
		firmware_done(&f);
		return err_set(e, r, "%s", why.text);
	}
	f.known = r == 0 && (f.known || f.measures);
	snprintf(f.damage, sizeof(f.damage), "%.*s", (int)sizeof(f.damage) - 1, why.text);
	f.separator = find_separator(f.version, scan.pei_measures);
	*ret = f;
	return 0;
}

void firmware_done(struct firmware *f)
{
	variable_store_done(&f->variables);
}

/* edk2 AuthVariableLib: on when a platform key is enrolled and SecureBootEnable does not say no. */
bool firmware_secure_boot_on(const struct firmware *f)
{
	const struct variable_store *s = &f->variables;
	const struct variable *enable =
	        variable_find(s, guid_secure_boot_enable, "SecureBootEnable");

	if (!f->secure_boot || !variable_find(s, guid_global_variable, "PK"))
		return false;
	return !enable || enable->data.size == 0 || enable->data.data[0] == 1;
}

int firmware_delete_platform_key(uint8_t *image, size_t size)
{
	struct firmware f = {.image = {image, size}};
	const struct variable *key = NULL;
	uint64_t at;
	int deleted = 0;

	if (tdvf_parse(image, size, &f.tdvf, &at) != FORMAT_OK)
		return -EBADMSG;
	do { /* an older copy may count when the newer one is gone */
		if (read_cfv(&f, NULL) < 0)
			return -EBADMSG;
		key = variable_find(&f.variables, guid_global_variable, "PK");
		if (key)
			variable_delete(image + (key->guid - image));
		deleted |= key != NULL;
		firmware_done(&f);
	} while (key);
	return deleted;
}
