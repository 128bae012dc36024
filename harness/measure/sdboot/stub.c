/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sdboot/stub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "format/bytes.h"
#include "format/eventlog.h"
#include "measure/boot.h"
#include "measure/sdboot/objects.h"
#include "measure/sdboot/sidecar.h"
#include "measure/sdboot/text.h"

#define MIXIN_SIZE 32  /* bytes that a file needs to be mixed into the secret */
#define TD_AWARE   255 /* from this version on it sees that it is in a TD */

/* In the order in which the stub measures them; systemd's fundamental/uki.c. */
static const char *const names[] = {".linux",   ".osrel",   ".cmdline", ".initrd", ".ucode",
                                    ".splash",  ".dtb",     ".uname",   ".sbat",   ".pcrsig",
                                    ".pcrpkey", ".profile", ".dtbauto", ".hwids",  ".efifw"};
enum {
	LINUX,
	OSREL,
	CMDLINE,
	INITRD,
	UCODE,
	SPLASH,
	DTB,
	UNAME,
	SBAT,
	PCRSIG,
	PCRPKEY,
	PROFILE,
	DTBAUTO,
	HWIDS,
	EFIFW,
	SECTIONS
};

/* Sections that it also hands on as files of an archive of their own, in this order. */
static const struct {
	unsigned section;
	const char *file;
	bool since_257;
} extras[] = {
        {PCRSIG, "tpm2-pcr-signature.json", false},
        {PCRPKEY, "tpm2-pcr-public-key.pem", false},
        {OSREL, "os-release", true},
        {PROFILE, "profile", true},
};

struct stub { /* one that runs */
	struct event_list *l;
	const struct pe *pe;
	const struct stub_start *start;
	struct sd_program program;
	const struct pe_section *section[SECTIONS];
	unsigned profile;
	char *cmdline; /* what the kernel gets; NULL: none */
	struct addons addons;
	struct initrd initrd;
	unsigned initrd_parts;
};

bool uki_is(const struct pe *pe)
{
	return pe_find(pe, ".linux") != NULL;
}

/* ---- sections ---- */

/* The first of each name among these; later calls override. */
static void take_sections(struct stub *s, unsigned from, unsigned to)
{
	for (unsigned n = 0; n < SECTIONS; n++) {
		for (unsigned i = from; i < to; i++) {
			if (strcmp(s->pe->section[i].name, names[n]) == 0) {
				s->section[n] = &s->pe->section[i];
				break;
			}
		}
	}
}

/* Sections before the first .profile are those of all profiles; -1 when there is no such one. */
static int find_sections(struct stub *s)
{
	unsigned number = 0, base = s->pe->sections, from = 0, to = 0;

	for (unsigned i = 0; s->program.profiles && i < s->pe->sections; i++) {
		if (strcmp(s->pe->section[i].name, ".profile") != 0)
			continue;
		if (number == 0)
			base = i;
		if (number == s->profile) {
			from = i;
			to = s->pe->sections;
		} else if (number == s->profile + 1)
			to = i;
		number++;
	}
	take_sections(s, 0, base);
	take_sections(s, from, to);
	return s->profile > 0 && number <= s->profile ? -1 : 0;
}

static struct bytes section_bytes(const struct stub *s, unsigned n)
{
	return s->section[n] ? pe_bytes(s->pe, s->section[n]) : (struct bytes){NULL, 0};
}

/* What is in the image that is left open. */
static void check_sections(struct stub *s)
{
	static const unsigned by_hardware[] = {DTBAUTO, EFIFW};
	char reason[160];

	for (size_t i = 0; i < COUNT_OF(by_hardware); i++) {
		unsigned n = by_hardware[i];

		if (!s->section[n])
			continue;
		snprintf(reason, sizeof(reason),
		         "the image has a section %s, which is taken by the hardware's IDs",
		         names[n]);
		event_open(s->l, 2, reason);
	}
	for (unsigned n = 0; n < SECTIONS; n++) {
		if (!s->section[n] || s->section[n]->virtual_size <= s->section[n]->raw_size)
			continue;
		snprintf(reason, sizeof(reason), "section %s is larger in memory than in the file",
		         names[n]);
		event_open(s->l, 2, reason);
	}
}

static void measure_sections(struct stub *s)
{
	const struct event_tag tag = {2, EV_IPL, INPUT_DISK};
	uint8_t digest[48];

	for (unsigned n = 0; s->program.measures && n < SECTIONS; n++) {
		struct bytes b = section_bytes(s, n);

		if (n == PCRSIG || b.size == 0)
			continue;
		event_hash(s->l, tag, names[n], strlen(names[n]) + 1, "name of section %s",
		           names[n]);
		hash384_view(s->pe->view, b, digest);
		event_add(s->l, tag, digest, "section %s", names[n]);
	}
}

/* Since 262 also what no firmware has events for. */
static void measure_tagged(struct stub *s, const struct addon_part *part, const char *what)
{
	uint8_t digest[48];

	if (!s->program.measures || !s->program.tagged)
		return;
	hash384_view(part->file, part->data, digest);
	event_add(s->l, (struct event_tag){2, EV_IPL, INPUT_DISK}, digest, "%s", what);
}

/* ---- the command line ---- */

/* "@2 rest": the number, and where the rest begins; 0 where it says nothing of a profile. */
static unsigned parse_profile(const char *options, const char **ret_rest)
{
	char *end;
	unsigned long n;

	*ret_rest = options;
	if (options[0] != '@' || options[1] < '0' || options[1] > '9')
		return 0;
	n = strtoul(options + 1, &end, 10);
	if (n > UINT32_MAX || (*end != ' ' && *end != '\0'))
		return 0;
	*ret_rest = *end ? end + 1 : end;
	return (unsigned)n;
}

static int read_options(struct stub *s, struct err *e)
{
	const char *rest = s->start->options;

	if (!rest || (unsigned char)rest[0] < ' ')
		return 0;
	if (s->program.profiles)
		s->profile = parse_profile(s->start->options, &rest);
	s->cmdline = strdup(rest);
	if (!s->cmdline)
		return err_sys(e, -ENOMEM, "unified kernel image");
	sd_mangle(s->cmdline, &s->program);
	return 0;
}

static int measure_profile(struct stub *s, struct err *e)
{
	char number[16];

	if (s->profile == 0 || !s->program.measures || !s->program.tagged)
		return 0;
	snprintf(number, sizeof(number), "%u", s->profile);
	return sd_measure_text(s->l, EV_IPL, number, "number of the profile", e);
}

/* Handed over, or else the image's own. */
static int settle_cmdline(struct stub *s, struct err *e)
{
	struct bytes own = section_bytes(s, CMDLINE);

	/* With Secure Boot on, what is in the image holds; in a TD, as newer ones see it, always. */
	if (s->start->admission->on && (s->section[CMDLINE] || s->program.version >= TD_AWARE)) {
		free(s->cmdline);
		s->cmdline = NULL;
	}
	if (s->cmdline && s->cmdline[0])
		return s->program.measures ? sd_measure_text(s->l, EV_IPL, s->cmdline,
		                                             "command line from the loader", e)
		                           : 0;
	free(s->cmdline);
	s->cmdline = NULL;
	if (!s->section[CMDLINE])
		return 0;
	s->cmdline = sd_text(own);
	if (!s->cmdline)
		return err_sys(e, -ENOMEM, "unified kernel image");
	sd_mangle(s->cmdline, &s->program);
	return 0;
}

static int add_addons(struct stub *s, struct err *e)
{
	_cleanup_(freep) char *uname = sd_text(section_bytes(s, UNAME));
	int r = addons_load(s->l, &s->program, s->start, s->section[UNAME] ? uname : NULL,
	                    &s->addons, e);

	if (r < 0 || !s->addons.cmdline)
		return r;
	sd_mangle(s->addons.cmdline, &s->program);
	if (!s->addons.cmdline[0])
		return 0;
	if (s->program.measures)
		r = sd_measure_text(s->l, EV_IPL, s->addons.cmdline, "add-ons' command line", e);
	s->cmdline = sd_join(s->cmdline, s->addons.cmdline);
	return s->cmdline ? r : err_sys(e, -ENOMEM, "unified kernel image");
}

static void check_console(struct stub *s)
{
	const char *c = s->cmdline ? s->cmdline : "";

	if (s->program.console && strncmp(c, "console=", 8) != 0 && !strstr(c, " console="))
		event_open(s->l, 2,
		           "the command line has no console=: this stub adds those that it finds");
}

/* ---- the initrd ---- */

static void add_part(struct stub *s, const struct view *v, struct bytes b)
{
	if (b.size == 0)
		return;
	initrd_pad4(&s->initrd);
	initrd_append_view(&s->initrd, v, b);
	s->initrd_parts++;
}

static void add_extra(struct stub *s, unsigned section, const char *file)
{
	struct bytes b = section_bytes(s, section);
	struct cpio c = {&s->initrd, 1, ".extra", 0555, 0444};

	if (b.size == 0)
		return;
	initrd_pad4(&s->initrd);
	cpio_folder(&c);
	cpio_file(&c, file, s->pe->view, b);
	cpio_end(&c);
	s->initrd_parts++;
}

static int add_sidecars(struct stub *s, struct err *e)
{
	uint64_t before = s->initrd.size;
	int r = sidecar_append(&s->program, s->start, &s->initrd, e);

	s->initrd_parts += s->initrd.size > before;
	return r;
}

/* Whether it puts a secret into the initrd that nobody can foresee: it needs a disk that it can
 * write to, and a file there that is long enough or can be made. */
static bool keeps_secret(const struct stub *s)
{
	const struct stub_start *start = s->start;
	struct fat_entry file = {0};

	if (!s->program.secret || !start->fat || start->read_only)
		return false;
	if (fat_stat(start->fat, "loader/random-seed", &file, NULL) == 0 && file.read_only)
		return false;
	if (fat_stat(start->fat, "loader/boot-secret-mixin", &file, NULL) < 0)
		return true;
	return file.size == 0 ? !file.read_only : file.size >= MIXIN_SIZE;
}

static void measure_parts(struct stub *s)
{
	for (size_t i = s->addons.ucodes; i-- > 0;)
		measure_tagged(s, &s->addons.ucode[i], "add-on's microcode");
	for (size_t i = 0; i < s->addons.initrds; i++)
		measure_tagged(s, &s->addons.initrd[i], "add-on's initrd");
}

/* Microcode comes first, for the kernel looks for it nowhere else. */
static int build_initrd(struct stub *s, struct err *e)
{
	int r;

	for (size_t i = s->addons.ucodes; i-- > 0;)
		add_part(s, s->addons.ucode[i].file, s->addons.ucode[i].data);
	if (s->program.measures)
		add_part(s, s->pe->view, section_bytes(s, UCODE));
	add_part(s, s->pe->view, section_bytes(s, INITRD));
	r = add_sidecars(s, e);
	for (size_t i = 0; i < COUNT_OF(extras); i++) {
		if (!extras[i].since_257 || s->program.version >= 257)
			add_extra(s, extras[i].section, extras[i].file);
	}
	if (keeps_secret(s))
		event_open(
		        s->l, 2,
		        "systemd-stub adds a secret of its own to the initrd where it can write "
		        "to the disk; an ESP with loader/boot-secret-mixin of one byte stops it");
	for (size_t i = 0; i < s->addons.initrds; i++)
		add_part(s, s->addons.initrd[i].file, s->addons.initrd[i].data);
	if (s->initrd_parts > 1)
		initrd_pad4(&s->initrd);
	return r;
}

/* ---- the kernel ---- */

static int measure_kernel(struct stub *s, struct err *e)
{
	const struct event_tag tag = {1, EV_EFI_BOOT_SERVICES_APPLICATION, INPUT_DISK};
	uint8_t digest[48];
	struct pe kernel;
	int r;

	/* Nobody else sees it; it is in the image, which was measured. With Secure Boot on the stub
	 * keeps firmware from asking for a signature of it, and so from measuring it. */
	if (s->program.loads_kernel || s->start->admission->on)
		return 0;
	r = pe_parse_within(s->pe, section_bytes(s, LINUX), &kernel, e);
	if (r < 0) {
		err_prefix(e, "section .linux");
		return r;
	}
	pe_authenticode(&kernel, digest);
	event_add(s->l, tag, digest, "kernel (section .linux)");
	return 0;
}

static int start_kernel(struct stub *s, const uint8_t digest[48], struct err *e)
{
	int r = measure_kernel(s, e);

	if (r < 0)
		return r;
	if (boot_stub_measures(s->l, s->pe->view, section_bytes(s, LINUX))) {
		if (s->cmdline && s->cmdline[0])
			r = sd_measure_text(s->l, EV_EVENT_TAG, s->cmdline,
			                    "LOADED_IMAGE::LoadOptions", e);
		if (s->initrd.size > 0)
			event_add(s->l, (struct event_tag){2, EV_EVENT_TAG, INPUT_DISK}, digest,
			          "Linux initrd, as systemd-stub puts it together");
	}
	boot_measure_exit(s->l);
	return r;
}

/* ---- all of it ---- */

static int run_stub(struct stub *s, struct err *e)
{
	uint8_t digest[48];
	int r = read_options(s, e);

	if (r < 0)
		return r;
	if (find_sections(s) < 0 || !s->section[LINUX])
		return err_set(e, -EBADMSG, "unified kernel image: no profile %u", s->profile);
	check_sections(s);
	r = measure_profile(s, e);
	if (r == 0) {
		measure_sections(s);
		r = settle_cmdline(s, e);
	}
	if (r == 0)
		r = add_addons(s, e);
	if (r < 0)
		return r;
	check_console(s);
	if (s->program.smbios && !s->start->smbios_done)
		objects_measure(s->l, s->start->smbios);
	for (size_t i = 0; i < s->addons.dtbs; i++)
		measure_tagged(s, &s->addons.dtb[i], "add-on's device tree");
	r = sidecar_measure(s->l, &s->program, s->start, e);
	if (r < 0)
		return r;
	measure_parts(s);
	initrd_init(&s->initrd);
	r = build_initrd(s, e);
	initrd_final(&s->initrd, digest);
	return r < 0 ? r : start_kernel(s, digest, e);
}

int stub_measure(struct event_list *l, const struct pe *pe, const struct stub_start *start,
                 struct err *e)
{
	struct stub s = {.l = l, .pe = pe, .start = start};
	int r;

	if (!sd_program_read(pe, "stub", &s.program)) {
		for (unsigned i = 0; i < 3; i++)
			event_open(l, i,
			           "the image's stub is no systemd-stub: what it measures is "
			           "not known here");
	}
	sd_program_check(l, &s.program, "stub", 0, 2);
	r = run_stub(&s, e);
	addons_done(&s.addons);
	free(s.cmdline);
	return r;
}
