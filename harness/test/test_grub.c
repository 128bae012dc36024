/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "disk/disk.h"
#include "format/bytes.h"
#include "format/eventlog.h"
#include "measure/predict.h"
#include "test/golden.h"
#include "test/tests.h"

/* The disk that cases/golden/grub/make.py made, raw, so that it can be changed. */
static uint8_t *image;
static size_t size;
static struct golden firmware;

static void load(void)
{
	struct golden g = golden_read("grub/grub.qcow2");
	struct disk *d;
	struct err e;

	firmware = golden_read("measure/tiny.fd");
	ck_assert_int_eq(disk_open_memory((struct bytes){g.data, g.size}, &d, &e), 0);
	size = disk_size(d);
	image = malloc(size);
	ck_assert_ptr_nonnull(image);
	ck_assert_int_eq(disk_read(d, 0, image, size, &e), 0);
	disk_free(d);
	golden_done(&g);
}

static void unload(void)
{
	free(image);
	golden_done(&firmware);
}

/* Every place where `from` is becomes `to`, which is as long; says how many there were. */
static unsigned change(const void *from, const void *to, size_t length)
{
	unsigned count = 0;

	for (size_t at = 0; at + length <= size; at++) {
		if (memcmp(image + at, from, length) != 0)
			continue;
		memcpy(image + at, to, length);
		count++;
	}
	return count;
}

static struct prediction prediction(void)
{
	const struct pci_place place = {.device = 1, .first = true, .others = 1};
	struct measure_inputs in = {.firmware = {firmware.data, firmware.size},
	                            .boot_device = &place};
	struct prediction p;
	struct err e;

	ck_assert_int_eq(disk_open_memory((struct bytes){image, size}, &in.disk, &e), 0);
	ck_assert_msg(predict(&in, &p, &e) == 0, "%s", e.text);
	disk_free(in.disk);
	return p;
}

/* The next event of this register whose text begins so, from *from on; NULL when there is none. */
static const struct predicted_event *next(const struct prediction *p, size_t *from,
                                          const char *what)
{
	for (; *from < p->events; (*from)++) {
		const struct predicted_event *ev = &p->event[*from];

		if (strncmp(ev->what, what, strlen(what)) == 0)
			return &p->event[(*from)++];
	}
	return NULL;
}

static void expect(const struct prediction *p, unsigned rtmr, const char *what, const char *hex)
{
	size_t from = 0;
	const struct predicted_event *ev = next(p, &from, what);

	ck_assert_msg(ev != NULL, "no event '%s'", what);
	ck_assert_uint_eq(ev->rtmr, rtmr);
	assert_hex(what, ev->digest, 48, hex);
}

static bool has(const struct prediction *p, const char *what)
{
	size_t from = 0;

	return next(p, &from, what) != NULL;
}

/* What make.py printed; SbatLevel and MokListTrusted are of a genuine log, with Debian's shim. */
TEST(measures_programs_and_files)
{
	struct prediction p = prediction();

	ck_assert_msg(p.known[1] && p.known[2], "%s; %s", p.reason[1], p.reason[2]);
	expect(&p, 1, "EFI/BOOT/BOOTX64.EFI", "ed7b411e47c72551e5120997");
	expect(&p, 2, "shim's MokList", "f542c7192dc6cc7fa2515289");
	expect(&p, 2, "shim's MokListX", "80ee2571334a57bf90238d21");
	expect(&p, 0, "shim's variable SbatLevel", "f143e2948d63");
	expect(&p, 2, "shim's MokListTrusted", "8d2ce87d86f5");
	expect(&p, 1, "EFI/BOOT/grubx64.efi", "087c5b4489a57cce43a68224");
	expect(&p, 2, "(hd0,gpt1)/EFI/debian/grub.cfg", "d65035afd6d70640ffb49ab6");
	expect(&p, 2, "/boot/vmlinuz-", "cf5b043bf741508791c3fca3");
	expect(&p, 2, "/boot/initrd.img-", "7ff1e69dac09401927127b65");
	expect(&p, 1, "kernel, loaded by shim", "4a5c189a52ac828c266f1929");
	expect(&p, 2, "LOADED_IMAGE::LoadOptions", "d4b1f627e63155e68615c3c1");
	expect(&p, 2, "Linux initrd", "c045aabe0215f6493b4a4b10");
	prediction_done(&p);
}

/* Debian's GRUB 2.14 ran this configuration in a TD. Its log has each command, and the files that
 * are the same here: all but kernel, initrd, and modules that this disk has not. */
TEST(runs_a_script_as_a_genuine_log_has_it)
{
	struct golden g = golden_read("grub/ccel.bin");
	struct prediction p = prediction();
	struct eventlog log;
	struct event ev;
	enum format_code code;
	uint64_t at;
	size_t from = 0, seen = 0;

	ck_assert_int_eq(eventlog_open(g.data, g.size, &log, &at), FORMAT_OK);
	while (eventlog_next(&log, &ev, &code, &at) > 0) {
		const struct predicted_event *mine;
		char text[96];

		snprintf(text, sizeof(text), "%.*s", (int)ev.size, (const char *)ev.data);
		if (ev.type != EV_IPL || strncmp(text, "Mok", 3) == 0 ||
		    strstr(text, "x86_64-efi") || strncmp(text, "/boot/vmlinuz", 13) == 0 ||
		    strncmp(text, "/boot/initrd", 12) == 0)
			continue;
		do { /* the next of mine that is a command or one of those files */
			mine = next(&p, &from, "");
			ck_assert_msg(mine != NULL, "no event for '%s'", text);
		} while (mine->type != EV_IPL || strstr(mine->what, "Mok") ||
		         strncmp(mine->what, "/boot/vmlinuz", 13) == 0 ||
		         strncmp(mine->what, "/boot/initrd", 12) == 0);
		ck_assert_msg(memcmp(mine->digest, ev.digest, 48) == 0, "'%s' is not '%s'",
		              mine->what, text);
		seen++;
	}
	ck_assert_uint_eq(seen, 58);
	prediction_done(&p);
	golden_done(&g);
}

/* What one change turns: the reason of RTMR1 and RTMR2, both. */
static const struct {
	const char *from, *to, *reason;
} outside[] = {
#define CFG   "(hd0,gpt2)/boot/grub/grub.cfg:"
#define FIRST "(hd0,gpt1)/EFI/debian/grub.cfg:"
#define HERE  "is not understood here"
        {"set timeout=1;", "for i in 1 2;;", CFG "3: 'for' " HERE},
        {"set timeout=1;", "set timeaut=1;",
         CFG "43: without a timeout the menu waits for somebody"},
        {"set timeout=1;", "background_im;", CFG "3: command 'background_im' is not known here"},
        {"set timeout=1;", "blscfg       ;", CFG "3: command 'blscfg' is not known here"},
        {"set timeout=1;", "echo *.timeou;", CFG "3: '*' as a pattern " HERE},
        {"set timeout=1;", "echo a\\ bcdef;", CFG "3: a '\\' that " HERE},
        {"set timeout=1;", "echo $\"dqabc\";", CFG "3: a '$' that " HERE},
        {"set timeout=1;", "set lang=de_A;",
         CFG "3: translations to 'de_A' are not understood here"},
        {"set timeout=1;", "set theme=a/b;", CFG "3: what setting 'theme' does " HERE},
        {"set timeout=1;", "loadfont abcd;", CFG "3: this GRUB has no command 'loadfont' built in"},
        {"[ -e /boot/grub/grubenv -o -z \"$words\" ];", "terminal_output gfxterm;                 ",
         CFG "12: whether a command succeeds is not known here"},
        {"set timeout=1;", "echo a | echo;", CFG "3: syntax that " HERE},
        {"set timeout=1;", "set root=hd1,;", CFG "12: the device of '/boot/grub/grubenv' " HERE},
        {"set timeout=1;", "source /a; [ ;", CFG "3: '[' without ']'"},
        {"\"$foo\" = bar ]", "\"$foo\" -nt b ]", CFG "9: the test '-nt' " HERE},
        {"set default=the-id", "set default='0>e1'", CFG "43: the default entry '0>e1' " HERE},
        {"set default=the-id", "set default=0     ", CFG "32: the kernel is not there"},
        {"export x\n", "boot    \n", CFG "25: nothing is there to be booted"},
        {"--unrestricted", "--users unknow", CFG "34: an entry with '--users'"},
        {"initrd /boot/", "initrd newc:/", CFG "41: an initrd with 'newc:' " HERE},
        {"--set 1b4f1c4e", "--xyz 1b4f1c4e", CFG "37: 'search' with '--xyz' " HERE},
        {"output console", "output abcdefg", CFG "29: the terminal 'abcdefg' " HERE},
        {"$prefix/grub.cfg", "$prefix/grob.cfg", "no entry boots anything"},
        {"1b4f1c4e-8f0a-4c4b-9d9d-0a0b0c0d0e0f root", "2b4f1c4e-8f0a-4c4b-9d9d-0a0b0c0d0e0f root",
         "no entry boots anything"},
        {"grub,2.14,x", "grub,2.06,x", "GRUB 2.06 is not known here, only Debian's 2.12 and 2.14"},
        {"grub.debian,5", "grub.fedora,5",
         "GRUB 2.14 of another maker is not known here, only Debian's 2.12 and 2.14"},
        {"$Version: 16.1", "$Version: 15.8", "shim 15 is not known here, only 16"},
};

TEST_EACH(leaves_open_what_is_outside, outside)
{
	struct prediction p;

	ck_assert_uint_eq(strlen(outside[_i].from), strlen(outside[_i].to));
	ck_assert_uint_gt(change(outside[_i].from, outside[_i].to, strlen(outside[_i].to)), 0);
	p = prediction();
	ck_assert_str_eq(p.reason[1], outside[_i].reason);
	ck_assert_str_eq(p.reason[2], outside[_i].reason);
	ck_assert(!p.known[1] && !p.known[2]);
	prediction_done(&p);
}

/* How GRUBs differ, and one bit more or less of what it is told by. */
static const uint8_t guid_cc[16] = {0x3d, 0x1a, 0x75, 0x96, 0xf4, 0x72, 0xa6, 0x41,
                                    0xa7, 0x94, 0xed, 0x5d, 0x0e, 0x67, 0xae, 0x6b},
                     no_guid[16], guid_loader[] = {0x41, 0x20, 0x49, 0x1f, 0xdb, 0xfa, 0x59, 0x4e},
                     zero[8];

TEST(takes_2_12_for_what_it_is)
{
	struct prediction p;

	change("grub,2.14,x", "grub,2.12,x", 11);
	p = prediction();
	ck_assert(p.known[2]);
	expect(&p, 2, "LOADED_IMAGE::LoadOptions", "699e43acd980b7d8ed017def");
	prediction_done(&p);
}

/* As in logs of TDs with Debian's 2.12 and 2.14: a configuration beside GRUB's image comes first. A
 * second entry for the same file is made in EFI/BOOT, behind that of grubx64.efi. */
TEST(a_configuration_beside_grub)
{
	static const char name[] = "GRUB    CFG", second[] = "GRUBX64 EFI";
	const uint8_t *file = memmem(image, size, name, sizeof(name) - 1);
	uint8_t *slot = memmem(image, size, second, sizeof(second) - 1);
	struct prediction p;
	size_t from = 0;

	ck_assert(file && slot);
	while (slot[0])
		slot += 32;
	memcpy(slot, file, 32);
	p = prediction();
	ck_assert(p.known[1] && p.known[2]);
	for (int i = 0; i < 2; i++) /* looked for, and read */
		ck_assert_ptr_nonnull(next(&p, &from, "(hd0,gpt1)/EFI/BOOT/grub.cfg"));
	ck_assert(!has(&p, "(hd0,gpt1)/EFI/debian/grub.cfg"));
	prediction_done(&p);
}

/* Entries of a FAT folder from `slot` on: a folder with a long name, and a file. */
static void add_folder(uint8_t *slot, const uint8_t *same_as)
{
	static const char text[13] = "x86_64-efi";
	static const uint8_t places[13] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};
	uint8_t sum = 0;

	memset(slot, 0, 32);
	slot[0] = 0x41;
	slot[11] = 0x0f;
	memcpy(slot + 32, same_as, 32);
	memcpy(slot + 32, "X86_64~1   ", 11);
	for (int i = 0; i < 11; i++)
		sum = (uint8_t)(((sum & 1) << 7) + (sum >> 1) + slot[32 + i]);
	slot[13] = sum;
	for (size_t i = 0; i < sizeof(places); i++) {
		slot[places[i]] = i > 10 ? 0xff : (uint8_t)text[i];
		slot[places[i] + 1] = i > 10 ? 0xff : 0;
	}
}

/* As in the log of a TD with Debian's 2.14: between looking for its configuration and reading it
 * GRUB reads lists of modules. EFI/debian gets itself as its folder x86_64-efi, and one list. */
TEST(lists_of_modules)
{
	static const char name[] = "GRUB    CFG", folder[] = "DEBIAN     ";
	static const char *const order[] = {"(hd0,gpt1)/EFI/debian/grub.cfg",
	                                    "(hd0,gpt1)/EFI/debian/x86_64-efi/crypto.lst",
	                                    "(hd0,gpt1)/EFI/debian/grub.cfg", "grub_cmd: "};
	uint8_t *file = memmem(image, size, name, sizeof(name) - 1), *slot = file;
	const uint8_t *debian = memmem(image, size, folder, sizeof(folder) - 1);
	struct prediction p;
	size_t from = 0, first;

	ck_assert(file && debian);
	while (slot[0])
		slot += 32;
	memcpy(slot, file, 32);
	memcpy(slot, "CRYPTO  LST", 11);
	add_folder(slot + 32, debian);
	p = prediction();
	ck_assert_ptr_nonnull(next(&p, &from, order[0]));
	first = --from;
	for (size_t i = 0; i < COUNT_OF(order); i++) {
		from = first + i;
		ck_assert_ptr_nonnull(next(&p, &from, order[i]));
		ck_assert_uint_eq(from, first + i + 1);
	}
	prediction_done(&p);
}

/* What a TD's GRUB of Debian put on its kernel's command line for them. The digests are those of
 * make.py's command line with these words in place of the ones that are changed. */
static const struct {
	const char *from, *to, *hex;
} variables[] = {
        {"no_timer_check", "fw=${fw_path}x", "8285e8525e315d0d71111527"},
        {"cryptomgr.notests", "${color_normal}xx", "6e8692dbc6b51c7204fcc45b"},
        {"random.trust_cpu=on", "x=,${default},abcde", "8b59dfe144e0694b7328b5f8"},
};

TEST_EACH(variables_that_grub_sets, variables)
{
	struct prediction p;

	ck_assert_uint_eq(strlen(variables[_i].from), strlen(variables[_i].to));
	ck_assert_uint_eq(change(variables[_i].from, variables[_i].to, strlen(variables[_i].to)),
	                  1);
	p = prediction();
	expect(&p, 2, "LOADED_IMAGE::LoadOptions", variables[_i].hex);
	prediction_done(&p);
}

TEST(a_grub_that_measures_nothing)
{
	struct prediction p;

	ck_assert_uint_eq(change(guid_cc, no_guid, sizeof(no_guid)), 1);
	p = prediction();
	ck_assert(p.known[1] && p.known[2]);
	ck_assert(!has(&p, "grub_cmd: ") && !has(&p, "kernel_cmdline: ") && !has(&p, "/boot/"));
	ck_assert(has(&p, "Linux initrd") && has(&p, "kernel, loaded by shim"));
	prediction_done(&p);
}

TEST(a_kernel_that_nobody_measures)
{
	struct prediction p;

	ck_assert_uint_eq(change(guid_loader, zero, sizeof(zero)), 2); /* shim's and GRUB's */
	p = prediction();
	ck_assert(p.known[1] && p.known[2]);
	ck_assert(has(&p, "kernel_cmdline: ") && !has(&p, "kernel, loaded by shim"));
	prediction_done(&p);
}

TEST(secure_boot_is_left_open)
{
	struct prediction p;

	golden_done(&firmware);
	firmware = golden_read("measure/policy.fd");
	p = prediction();
	ck_assert_ptr_nonnull(strstr(p.reason[1], "Secure Boot is on"));
	ck_assert(!p.known[2]);
	prediction_done(&p);
}

/* Damage to the ext4 file system, which begins behind the FAT one. */
#define EXT4 (32768 + (256 << 10))
static const struct {
	size_t at;
	uint8_t value;
	const char *text;
} damages[] = {
        {EXT4 + 1024 + 4, 0xff, NULL}, /* fewer or more blocks */
        {EXT4 + 1024 + 6, 0xff, "ext4: bad-size in the superblock"},
        {EXT4 + 1024 + 24, 9, "ext4: bad-size in the superblock"},
        {EXT4 + 1024 + 33, 0, "ext4: bad-size in the superblock"},
        {EXT4 + 1024 + 56, 0,
         "(hd0,gpt1)/EFI/debian/grub.cfg:1: 'search': whether a file system has the UUID "
         "1b4f1c4e-8f0a-4c4b-9d9d-0a0b0c0d0e0f cannot be told"},
        {EXT4 + 1024 + 97, 0x80,
         "(hd0,gpt1)/EFI/debian/grub.cfg:1: 'search': whether a file system has the UUID "
         "1b4f1c4e-8f0a-4c4b-9d9d-0a0b0c0d0e0f cannot be told"},
        {EXT4 + 1024 + 104, 0, "no entry boots anything"},
};

TEST_EACH(damaged_ext4, damages)
{
	struct measure_inputs in = {.firmware = {firmware.data, firmware.size}};
	struct prediction p;
	struct err e = {0};

	image[damages[_i].at] = damages[_i].value;
	ck_assert_int_eq(disk_open_memory((struct bytes){image, size}, &in.disk, &e), 0);
	ck_assert_int_eq(predict(&in, &p, &e), 0);
	if (damages[_i].text)
		ck_assert_str_eq(p.reason[2], damages[_i].text);
	prediction_done(&p);
	disk_free(in.disk);
}

TESTS("grub", .timeout = 60, .setup = load, .teardown = unload)
