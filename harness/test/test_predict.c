/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "format/bytes.h"
#include "format/eventlog.h"
#include "format/sha2.h"
#include "measure/acpi.h"
#include "measure/explain.h"
#include "measure/firmware.h"
#include "measure/predict.h"
#include "measure/predict_json.h"
#include "measure/smbios.h"
#include "measure/volume.h"
#include "test/golden.h"
#include "test/kernel_image.h"
#include "test/tests.h"

#define LOADER_SIZE 384

/* A whole set of inputs on made-up blobs; the firmware images are described in golden/measure. */
static struct fixture {
	struct golden firmware;
	uint8_t kernel[KERNEL_SIZE];
	uint8_t initrd[100], loader[LOADER_SIZE], rsdp[20], tables[256];
	struct acpi_blobs acpi;
	struct measure_inputs in;
} f;
static struct prediction p; /* what comes of them */

static void loader_allocate(uint8_t *command, const char *name)
{
	put_le(command, 1, 4);
	memcpy(command + 4, name, strlen(name));
}

static void take_initrd(size_t size)
{
	f.in.initrd.size = size;
	hash384(f.initrd, size, f.in.initrd.digest);
}

static void load(const char *firmware)
{
	golden_done(&f.firmware);
	f = (struct fixture){.firmware = golden_read(firmware)};
	kernel_image_make(f.kernel);
	loader_allocate(f.loader, "etc/acpi/rsdp");
	loader_allocate(f.loader + 128, "etc/acpi/tables");
	put_le(f.loader + 256, 3, 4); /* a checksum command: nothing is fetched */
	f.tables[3] = 7;
	f.acpi = (struct acpi_blobs){.loader = {f.loader, sizeof(f.loader)},
	                             .rsdp = {f.rsdp, sizeof(f.rsdp)},
	                             .tables = {f.tables, sizeof(f.tables)}};
	f.in = (struct measure_inputs){
	        .firmware = {f.firmware.data, f.firmware.size},
	        .memory = 1ull << 30,
	        .kernel = {f.kernel, sizeof(f.kernel)},
	        .cmdline = "quiet",
	        .acpi = &f.acpi,
	        .qemu = 1002,
	};
	take_initrd(sizeof(f.initrd));
}

static void setup(void)
{
	load("measure/tiny.fd");
}

static void teardown(void)
{
	golden_done(&f.firmware);
	prediction_done(&p);
}

static void predict_ok(struct prediction *ret)
{
	struct err e;

	prediction_done(ret);
	ck_assert_msg(predict(&f.in, ret, &e) == 0, "%s", e.text);
}

static const struct predicted_event *find(const char *what)
{
	for (size_t i = 0; i < p.events; i++) {
		if (strncmp(p.event[i].what, what, strlen(what)) == 0)
			return &p.event[i];
	}
	ck_abort_msg("no event '%s'", what);
	return NULL;
}

static void expect(const char *what, unsigned rtmr, const char *hex)
{
	const struct predicted_event *ev = find(what);

	ck_assert_uint_eq(ev->rtmr, rtmr);
	assert_hex(what, ev->digest, sizeof(ev->digest), hex);
}

/* The digests are those of genuine logs; UiApp and its volume have the same names in all OVMFs. */
TEST(known_digests)
{
	predict_ok(&p);
	ck_assert_ptr_nonnull(strstr(p.profile, "OVMF 2025.02"));
	expect("variable SecureBoot", 0, "9dc3a1f80bcec915391dcda5");
	expect("variable PK", 0, "6f2e3cbc14f9def86980f5f6");
	expect("variable KEK", 0, "d607c0efb41c0d757d69bca0");
	expect("variable db", 0, "08a74f8963b337acb6c93682");
	expect("variable dbx", 0, "18cc6e01f0c6ea99aa23f8a2");
	expect("variable BootOrder", 0, "1dd6f7b457ad880d840d41c9");
	expect("variable Boot0000", 0, "23ada07f5261f12f34a0bd8e");
	expect("Calling EFI Application", 1, "77a0dab2312b4e1e57a84d86");
	expect("Exit Boot Services Invocation", 1, "214b0bef1379756011344877");
	expect("Exit Boot Services Returned", 1, "0a2e01c85deae718a530ad8c");
	expect("separator", 0, "394341b7182cd227c5c6b07e");
	/* hashlib: "quiet initrd=initrd" in UTF-16 with its NUL */
	expect("LOADED_IMAGE::LoadOptions", 2, "930fe4e554e48169d25b95a1");
}

TEST(stored_variables_count_with_secure_boot)
{
	load("measure/policy.fd");
	predict_ok(&p);
	ck_assert_ptr_nonnull(strstr(p.profile, "separator in RTMR0, Secure Boot built in"));
	expect("variable SecureBoot", 0, "2cded0c6f453d4c6"); /* a genuine log's: enabled */
	/* hashlib, see make.py for the contents: the finished copy of KEK, the right db */
	expect("variable PK", 0, "1aac527081d27485a2ea66f3");
	expect("variable KEK", 0, "b15802c7b66284bf4e4cb70f");
	expect("variable db", 0, "abaed32a077ff0d76a660307");
	expect("variable dbt", 0, "1ef9a9ec8ca57ab22c8f5cad");
	ck_assert(!p.known[0]);
	for (unsigned i = 0; i < 3; i++) { /* it may not be admitted at all */
		ck_assert(!p.known[i]);
		ck_assert_ptr_nonnull(strstr(p.reason[i], "Secure Boot is on"));
	}
}

/* A control VM's program has no signature. */
TEST(secure_boot_can_be_turned_off)
{
	struct golden image = golden_read("measure/policy.fd");
	struct firmware fw;

	for (int left = 1; left >= 0; left--) {
		ck_assert_int_eq(firmware_read((struct bytes){image.data, image.size}, &fw, NULL), 0);
		ck_assert_int_eq(firmware_secure_boot_on(&fw), left);
		ck_assert_ptr_nonnull(variable_find(&fw.variables, guid_image_security, "db"));
		firmware_done(&fw);
		ck_assert_int_eq(firmware_delete_platform_key(image.data, image.size), left);
	}
	golden_done(&image);
}

/* OVMF 2026.08: the digests are those it logged for the same bytes. */
TEST(newer_firmware)
{
	static const uint8_t menu[2], order[] = "/rom@genroms/linuxboot_dma.bin";
	struct golden smbios = golden_read("acpi/q35-7.2-smbios.bin");
	struct err e;

	load("measure/newer.fd");
	predict_ok(&p);
	ck_assert_ptr_nonnull(strstr(p.profile, "OVMF 2026.08: "));
	ck_assert_ptr_nonnull(strstr(p.profile, "fw_cfg items and SMBIOS measured"));
	ck_assert(!p.known[0]);
	ck_assert_ptr_nonnull(strstr(p.reason[0], "fw_cfg BootMenu: devices not given"));

	f.acpi.boot_menu = (struct bytes){menu, sizeof(menu)};
	f.acpi.boot_order = (struct bytes){order, sizeof(order)};
	f.acpi.smbios = (struct bytes){smbios.data, smbios.size};
	predict_ok(&p);
	ck_assert(p.known[0] && p.known[1] && p.known[2]);
	expect("fw_cfg BootMenu", 0, "1dd6f7b457ad");
	expect("fw_cfg bootorder", 0, "53d3dbc00691");
	expect("SMBIOS tables", 0, "1a913accddb2");
	expect("variable BootOrder", 0, "52b9a02de946"); /* 0000 0001 */
	expect("variable Boot0000", 0, "5068e6a9ded2");
	expect("variable Boot0001", 0, "dd424f2eeb35");
	/* hashlib: "initrd=initrd quiet" in UTF-16 with its NUL */
	expect("LOADED_IMAGE::LoadOptions", 2, "bc61a39ef381cf793a6ab81a");
	/* in the order of the log */
	ck_assert(find("fw_cfg bootorder") < find("variable SecureBoot"));
	ck_assert(find("ACPI DATA etc/acpi/tables") < find("SMBIOS tables"));
	ck_assert(find("SMBIOS tables") < find("variable BootOrder"));

	f.acpi.smbios.size -= 2; /* the last structure has no end */
	ck_assert_int_eq(predict(&f.in, &p, &e), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(e.text, "SMBIOS tables: a damaged structure at byte 417"));
	golden_done(&smbios);
}

/* The digests are those of the logs of Debian's two builds of OVMF 2026.08 on a disk with a
 * bootindex. */
static const struct {
	const char *firmware, *order, *disk, *shell;
} newer_disks[] = {
        {"measure/shell.fd", "f24e6d838fb4", "variable Boot0002", "variable Boot0004"},
        {"measure/bare.fd", "7210af19145e", "variable Boot0001", NULL},
};

TEST_EACH(newer_firmware_boots_a_disk, newer_disks)
{
	static const struct pci_place place = {.device = 1, .first = true, .others = 1};

	load(newer_disks[_i].firmware);
	f.in.kernel = (struct bytes){NULL, 0};
	f.in.boot_device = &place;
	predict_ok(&p);
	expect("fw_cfg bootorder", 0, "4cb12a7c33ce");
	expect("variable BootOrder", 0, newer_disks[_i].order);
	expect(newer_disks[_i].disk, 0, "1f880024a6be");
	expect("variable Boot0000", 0, "5068e6a9ded2");
	if (newer_disks[_i].shell)
		expect(newer_disks[_i].shell, 0, "af47986215d1");
}

/* Without a bootindex every device that can boot has an option: they must be known. */
static const struct {
	const char *devices, *reason;
} listed[] = {
        {NULL, "was not captured"},
        {"virtio-blk-pci\nvirtio-net-pci\n", "adds boot options"},
        {"virtio-blk-pci\n(default)\n", "adds boot options"},
        {"virtio-blk-pci\nnvme\n", "adds boot options"},
        {"virtio-serial-pci\nvirtio-blk-pci\n", ""},
};

TEST_EACH(devices_that_add_options, listed)
{
	static const struct pci_place place = {.device = 1};

	f.in.kernel = (struct bytes){NULL, 0};
	f.in.boot_device = &place;
	if (listed[_i].devices)
		f.acpi.devices = (struct bytes){(const uint8_t *)listed[_i].devices,
		                                strlen(listed[_i].devices)};
	predict_ok(&p);
	ck_assert_int_eq(p.known[0], !*listed[_i].reason);
	ck_assert_msg(strstr(p.reason[0], listed[_i].reason), "%s", p.reason[0]);
	if (p.known[0])
		expect("variable Boot0001", 0, "1f880024a6be");
}

/* Known means read: what the firmware does not tell leaves its registers open. */
static const struct {
	const char *firmware, *profile;
	bool known[3];
} forms[] = {
        {"measure/redhat.fd", "OVMF 2024.11: ready-to-boot separator in RTMR1", {1, 1, 1}},
        {"measure/nameless.fd", "separator in RTMR0 or RTMR1", {0, 0, 1}},
        {"measure/foreign.fd", "not known here", {0, 0, 0}},
};

TEST_EACH(firmware_in_other_words, forms)
{
	load(forms[_i].firmware);
	predict_ok(&p);
	ck_assert_msg(strstr(p.profile, forms[_i].profile), "%s", p.profile);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_msg(p.known[i] == forms[_i].known[i], "RTMR%u: %s", i, p.reason[i]);
}

static const uint8_t zeros[48];

/* Linux before 6.9 knows no CC protocol: the register stays as it was. */
TEST(stub_without_the_protocol)
{
	kernel_image_stub(f.kernel, KERNEL_GUID_TCG2);
	predict_ok(&p);
	ck_assert(p.known[1] && p.known[2]);
	ck_assert_mem_eq(p.rtmr[2], zeros, 48);
	kernel_image_stub(f.kernel, KERNEL_GUID_NONE);
	predict_ok(&p);
	ck_assert(p.known[1] && !p.known[2]);
	ck_assert_ptr_nonnull(strstr(p.reason[2], "EFI stub"));
}

/* Whether QEMU's writes into the kernel are measured, by its version and by firmware. */
static const struct {
	const char *firmware;
	unsigned qemu;
	const char *what; /* NULL: not known */
} writes[] = {
        {"measure/tiny.fd", 702, "kernel, with what QEMU writes"},
        {"measure/tiny.fd", 1000, "kernel"},
        {"measure/redhat.fd", 1000, "kernel, with what QEMU writes"},
        {"measure/redhat.fd", 1001, "kernel, with what QEMU writes"},
        {"measure/redhat.fd", 1002, "kernel"},
        {"measure/redhat.fd", 0, NULL},
};

TEST_EACH(what_qemu_writes_into_the_kernel, writes)
{
	const char *what = writes[_i].what;

	load(writes[_i].firmware);
	f.in.qemu = writes[_i].qemu;
	predict_ok(&p);
	ck_assert_int_eq(p.known[1], what != NULL);
	if (what)
		ck_assert_msg(strncmp(find("kernel")->what, what, strlen(what)) == 0 &&
		                      (strcmp(what, "kernel") != 0 ||
		                       strcmp(find("kernel")->what, "kernel") == 0),
		              "%s", find("kernel")->what);
	else
		ck_assert_ptr_nonnull(strstr(p.reason[1], "QEMU version"));
}

/* Serial numbers and the like do not count, everything else does. */
TEST(smbios_is_filtered)
{
	static const struct {
		size_t at;
		bool speeds, counts;
	} flips[] = {
	        {9, false, false},   /* UUID */
	        {6, false, true},    /* version */
	        {30, false, true},   /* a letter of the manufacturer */
	        {131, false, false}, /* processor: voltage */
	        {131, true, true},
	};
	struct golden g = golden_read("acpi/q35-7.2-smbios.bin");
	uint8_t before[48], after[48];
	struct err e;

	for (size_t i = 0; i < COUNT_OF(flips); i++) {
		struct bytes table = {g.data, g.size};

		ck_assert_int_eq(smbios_digest(table, flips[i].speeds, before, &e), 0);
		g.data[flips[i].at] ^= 1;
		ck_assert_int_eq(smbios_digest(table, flips[i].speeds, after, &e), 0);
		g.data[flips[i].at] ^= 1;
		ck_assert_msg((memcmp(before, after, 48) != 0) == flips[i].counts, "flip %zu", i);
	}
	g.data[7] = 3; /* the system's serial number: its third string, of which no letter counts */
	ck_assert_int_eq(smbios_digest((struct bytes){g.data, g.size}, false, before, &e), 0);
	*(uint8_t *)memmem(g.data, g.size, "pc-q35", 6) ^= 1;
	ck_assert_int_eq(smbios_digest((struct bytes){g.data, g.size}, false, after, &e), 0);
	ck_assert_mem_eq(before, after, 48);
	golden_done(&g);
}

TEST(firmware_that_measures_nothing)
{
	static const uint8_t zero[48];

	load("measure/silent.fd");
	predict_ok(&p);
	ck_assert_uint_eq(p.events, 0);
	for (int i = 0; i < 4; i++) {
		ck_assert(p.known[i]);
		ck_assert_mem_eq(p.rtmr[i], zero, 48);
	}
}

/* The registers are the fold of the events, register by register, starting from zero. */
TEST(registers_fold_the_events)
{
	uint8_t rtmr[4][48] = {{0}}, both[96];

	predict_ok(&p);
	for (size_t i = 0; i < p.events; i++) {
		memcpy(both, rtmr[p.event[i].rtmr], 48);
		memcpy(both + 48, p.event[i].digest, 48);
		sha384(both, sizeof(both), rtmr[p.event[i].rtmr]);
	}
	ck_assert_mem_eq(p.rtmr, rtmr, sizeof(rtmr));
}

enum { MRTD = 1, RTMR0 = 2, RTMR1 = 4, RTMR2 = 8 };

static unsigned difference(const struct prediction *a, const struct prediction *b)
{
	unsigned bits = memcmp(a->mrtd, b->mrtd, sizeof(a->mrtd)) ? MRTD : 0;

	for (int i = 0; i < 4; i++) {
		ck_assert(a->known[i] && b->known[i]);
		bits |= memcmp(a->rtmr[i], b->rtmr[i], 48) ? RTMR0 << i : 0;
	}
	return bits;
}

static void flip_kernel(void)
{
	f.kernel[KERNEL_TAIL] ^= 1;
}
static void flip_initrd(void)
{
	f.initrd[7] ^= 1;
	take_initrd(sizeof(f.initrd));
}
static void longer_initrd(void)
{
	take_initrd(sizeof(f.initrd) - 1);
}
static void other_cmdline(void)
{
	f.in.cmdline = "quieT";
}
static void flip_code(void)
{
	f.firmware.data[f.firmware.size - 0x700] ^= 1; /* BFV, not the compressed part */
}
static void flip_cfv(void)
{
	f.firmware.data[0x1f00] ^= 1;
}
static void more_memory(void)
{
	f.in.memory = 2ull << 30;
}
static void flip_acpi(void)
{
	f.tables[9] ^= 1;
}

static const struct {
	void (*change)(void);
	unsigned qemu;
	unsigned bits;
} changes[] = {
        {flip_kernel, 1002, RTMR1},
        {flip_initrd, 1002, RTMR2},
        {longer_initrd, 1002, RTMR2},
        {longer_initrd, 702, RTMR1 | RTMR2}, /* its size is in the patched header */
        {longer_initrd, 902, RTMR1 | RTMR2},
        {longer_initrd, 1002, RTMR2},
        {other_cmdline, 702, RTMR2},
        {flip_code, 702, MRTD},
        {flip_cfv, 702, RTMR0}, /* not in MRTD: a CFV section is not measured there */
        {more_memory, 1002, RTMR0},
        {more_memory, 702, RTMR0 | RTMR1}, /* the initrd's address is in the patched header */
        {flip_acpi, 702, RTMR0},
};

TEST_EACH(a_change_shows_where_it_should, changes)
{
	struct prediction before = {0};

	f.in.qemu = changes[_i].qemu;
	predict_ok(&before);
	changes[_i].change();
	predict_ok(&p);
	ck_assert_uint_eq(difference(&before, &p), changes[_i].bits);
	prediction_done(&before);
}

TEST(missing_inputs_leave_registers_unknown)
{
	f.in.acpi = NULL;
	f.in.memory = 0;
	f.in.qemu = 702;
	predict_ok(&p);
	ck_assert(!p.known[0] && !p.known[1] && p.known[2] && p.known[3]);
	ck_assert_str_eq(p.reason[0], "TD HOB: memory not given");
	ck_assert(!find("ACPI DATA etc/acpi/tables")->known);
}

/* Like Linux' EFI stub: no options, no event; without an initrd nothing is appended. */
TEST(empty_cmdline_is_not_measured)
{
	f.in.cmdline = NULL;
	f.in.initrd = (struct hashed_file){0};
	predict_ok(&p);
	for (size_t i = 0; i < p.events; i++)
		ck_assert_uint_ne(p.event[i].rtmr, 2);
	ck_assert(p.known[2]);
}

TEST(damaged_firmware_leaves_all_open)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *text;
	} damages[] = {
	        {72 + 20, 0x5b, "variable store: bad-value at byte 92"},
	        {72, 0, "variable store: bad-magic at byte 72"},
	        {48, 0, "variable store: bad-size at byte 48"},
	        {0x2000 + 72 + 20, 1, "firmware file: bad-size at byte 72"},
	        {0x2000 + 72 + 24, 3, "firmware section: bad-size at byte 0"},
	        {0x2000 + 72 + 24 + 20, 23, "firmware volume: bad-value at byte 20"},
	        {0x2000 + 72 + 24 + 24, 0xff, "firmware volume: a section: no LZMA stream"},
	};

	for (size_t i = 0; i < COUNT_OF(damages); i++) {
		load("measure/tiny.fd");
		f.firmware.data[damages[i].at] = damages[i].value;
		if (damages[i].at == 0x2000 + 72 + 20 || damages[i].at == 0x2000 + 72 + 24)
			memset(f.firmware.data + damages[i].at + 1, 0, 2);
		predict_ok(&p); /* MRTD is told */
		for (unsigned k = 0; k < 4; k++) {
			ck_assert(!p.known[k]);
			ck_assert_str_eq(p.reason[k], damages[i].text);
		}
	}
}

/* What is kept with a run comes back the same; a register that its events do not give does not. */
TEST(goes_through_json)
{
	struct prediction back;
	struct err e;
	json_t *root;
	char *text;

	load("measure/shell.fd"); /* RTMR0 is open */
	predict_ok(&p);
	root = prediction_to_json(&p);
	ck_assert_msg(prediction_from_json(root, &back, &e) == 0, "%s", e.text);
	ck_assert_mem_eq(back.mrtd, p.mrtd, sizeof(p.mrtd));
	ck_assert_mem_eq(back.rtmr, p.rtmr, sizeof(p.rtmr));
	ck_assert_mem_eq(back.known, p.known, sizeof(p.known));
	ck_assert_mem_eq(back.complete, p.complete, sizeof(p.complete));
	ck_assert_str_eq(back.reason[0], p.reason[0]);
	ck_assert_str_eq(back.profile, p.profile);
	ck_assert_uint_eq(back.events, p.events);
	for (size_t i = 0; i < p.events; i++) {
		ck_assert_mem_eq(back.event[i].digest, p.event[i].digest, 48);
		ck_assert_str_eq(back.event[i].what, p.event[i].what);
		ck_assert_int_eq(back.event[i].input, p.event[i].input);
	}
	ck_assert(back.input[INPUT_INITRD].given && !back.input[INPUT_DISK].given);
	ck_assert_mem_eq(back.input[INPUT_INITRD].digest, p.input[INPUT_INITRD].digest, 48);
	prediction_done(&back);
	text = json_dumps(root, 0);
	strstr(text, "\"rtmr\": [null, \"")[17] ^= 1;
	json_decref(root);
	root = json_loads(text, 0, NULL);
	ck_assert_int_eq(prediction_from_json(root, &back, &e), -EINVAL);
	ck_assert_str_eq(e.text, "prediction: 'rtmr' is missing or wrong");
	json_decref(root);
	free(text);
}

TEST(tells_which_input_differs)
{
	struct prediction a = {0};
	char why[300];

	f.in.qemu = 702;
	predict_ok(&a);
	f.in.memory = 2ull << 30;
	predict_ok(&p);
	ck_assert(predict_diff(&a, &p, 0, why, sizeof(why)));
	ck_assert_str_eq(why, "TD HOB (memory, another one)");
	ck_assert(predict_diff(&a, &p, 1, why, sizeof(why)));
	ck_assert_str_eq(why,
	                 "kernel, with what QEMU writes into its header (kernel, the same one)");
	ck_assert(!predict_diff(&a, &p, 2, why, sizeof(why)));
	ck_assert(!predict_diff(&a, &p, -1, why, sizeof(why)));
	ck_assert_str_eq(why, "");
	p.events--;
	ck_assert(predict_diff(&a, &p, 1, why, 40)); /* cut, not overrun */
	ck_assert_uint_eq(strlen(why), 39);
	p.mrtd[0][0] ^= 1;
	ck_assert(predict_diff(&a, &p, -1, why, sizeof(why)));
	ck_assert_str_eq(why, "firmware, the same one");
	p.events++;
	prediction_done(&a);
}

static void count(const char *name, struct bytes blob, void *userdata)
{
	(void)name;
	(void)blob;
	++*(unsigned *)userdata;
}

TEST(refuses_damaged_loader)
{
	unsigned calls = 0;
	struct err e;

	memset(f.loader + 128 + 4, 'x', 56);
	ck_assert_int_eq(acpi_fetch_order(&f.acpi, count, &calls, &e), -EBADMSG);
	ck_assert_str_eq(e.text, "ACPI table loader: bad-encoding at byte 132");
	ck_assert_uint_eq(calls, 2);
	f.acpi.loader.size = 200;
	ck_assert_int_eq(acpi_fetch_order(&f.acpi, count, &calls, &e), -EBADMSG);
	ck_assert_str_eq(e.text, "ACPI table loader: truncated at byte 128");
}

TESTS("predict", .setup = setup, .teardown = teardown)
