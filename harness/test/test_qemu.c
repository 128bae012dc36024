/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "format/q35.h"
#include "run/qemu.h"
#include "test/tests.h"

#define CMDLINE                                                                             \
	"console=ttyS0 quiet panic=-1 nokaslr tsc=reliable no_timer_check 8250.nr_uarts=1 " \
	"cryptomgr.notests random.trust_cpu=on"
#define CPUS_CMDLINE \
	CMDLINE " norandmaps init_on_alloc=0 mitigations=off initcall_blacklist=jent_mod_init"
#define TCG_CMDLINE CPUS_CMDLINE " highres=off nohz=off"
#define PLAIN_CPU   "max,la57=off,erms=off,fsrm=off"

static struct guest_parts parts = {
        .kernel = {[KERNEL_TRIXIE] = {(char *)"/c/vmlinuz", (char *)"/b/initrd.cpio",
                                      (char *)"/c/vmlinux"},
                   [KERNEL_BACKPORTS] = {(char *)"/c/vmlinuz-backports",
                                         (char *)"/b/initrd-backports.cpio"}},
        .root = {[IMAGE_FULL] = {.path = (char *)"/c, \"odd\"/root.squashfs"},
                 [IMAGE_MINIMAL] = {.path = (char *)"/c, \"odd\"/root-minimal.squashfs"}},
        .firmware = (char *)"/c/OVMF.fd",
        .module = (char *)"/b/tdxemu.bin",
};

static struct quote_service quotes = {.path = "/var/run/tdx-qgs/qgs.socket"};

static void expect(const struct boot *boot, const char *const *want, size_t count)
{
	struct qemu_spec s = {.boot = boot,
	                      .parts = &parts,
	                      .qemu = "/usr/bin/qemu-system-x86_64",
	                      .quotes = &quotes,
	                      .qemu_version = "7.2.22",
	                      .tsc_khz = 2300123,
	                      .fd = {11, 12, 13, 14, 15, 16}};
	struct argv a = {0};
	struct err e;

	ck_assert_int_eq(qemu_argv(&s, &a, &e), 0);
	for (size_t i = 0; i < count && i < a.count; i++)
		ck_assert_str_eq(a.item[i], want[i]);
	ck_assert_uint_eq(a.count, count);
	ck_assert_ptr_null(a.item[count]);
	argv_done(&a);
}
#define EXPECT(boot, ...)                                         \
	do {                                                      \
		static const char *const want_[] = {__VA_ARGS__}; \
		expect(boot, want_, COUNT_OF(want_));             \
	} while (0)

#define WITHOUT "smm=off,hpet=off,vmport=off,i8042=off,sata=off"
#define COMMON(smp)                                                                          \
	"/usr/bin/qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", \
	        "-no-reboot", "-smp", smp
#define KERNEL_OF(kernel) "-kernel", "/c/vmlinuz" kernel, "-initrd", "/b/initrd" kernel ".cpio"
/* By KVM. */
#define DEVICES(shared) BARE_DEVICES(shared, ""), KERNEL_OF(""), "-append", CMDLINE
/* A plain VM by TCG: it gets the unpacked kernel, which is told the frequency, and no other is. */
#define UNPACKED "-kernel", "/c/vmlinux", "-initrd", "/b/initrd.cpio"
#define TIMED(kernel, image) \
	BARE_DEVICES("", image), kernel, "-append", TCG_CMDLINE " tsc_early_khz=2300123"
#define BARE_DEVICES(shared, image)                                                             \
	"-chardev", "socket,id=console,fd=12", "-serial", "chardev:console", "-blockdev",       \
	        "{\"node-name\":\"root\",\"driver\":\"raw\",\"read-only\":true,\"file\":{"      \
	        "\"driver\":\"file\",\"filename\":\"/c, \\\"odd\\\"/root" image                 \
	        ".squashfs\","                                                                  \
	        "\"locking\":\"off\"}}",                                                        \
	        "-device", "virtio-blk-pci,drive=root,serial=tception-root" shared, "-chardev", \
	        "socket,id=channel,fd=11", "-device", "virtio-serial-pci,id=serial,max_ports=2" \
	        shared,                                                                         \
	        "-device", "virtserialport,bus=serial.0,chardev=channel,name=tception"

TEST(plain_tcg)
{
	struct boot b = {.memory_mib = 2048, .vcpus = 1};

	EXPECT(&b, COMMON("1"), "-accel", "tcg", "-machine", "q35," WITHOUT,
	       "-cpu", PLAIN_CPU, "-m", "2048", TIMED(UNPACKED, ""));
}

/* Idle CPUs do not tick. */
TEST(plain_cpus)
{
	struct boot b = {.memory_mib = 2048, .vcpus = 2};

	EXPECT(&b, COMMON("2"), "-accel", "tcg", "-machine", "q35," WITHOUT,
	       "-cpu", PLAIN_CPU, "-m", "2048", BARE_DEVICES("", ""), UNPACKED, "-append",
	       CPUS_CMDLINE " tsc_early_khz=2300123");
}

TEST(plain_kvm)
{
	struct boot b = {.memory_mib = 1024, .vcpus = 2, .kvm = true};

	EXPECT(&b, COMMON("2"), "-accel", "kvm", "-machine", "q35," WITHOUT,
	       "-cpu", "host", "-m", "1024", DEVICES(""));
}

TEST(other_files)
{
	struct boot b = {
	        .memory_mib = 2048, .vcpus = 1, .kernel = KERNEL_BACKPORTS, .image = IMAGE_MINIMAL};

	EXPECT(&b, COMMON("1"), "-accel", "tcg", "-machine", "q35," WITHOUT,
	       "-cpu", PLAIN_CPU, "-m", "2048", TIMED(KERNEL_OF("-backports"), "-minimal"));
}

#define EMULATED(size)                                                                            \
	"-accel", "tcg", "-object",                                                               \
	        "memory-backend-file,id=ram,size=" size "M,mem-path=/proc/self/fd/13,share=on,align=2M", \
	        "-machine",                                                                       \
	        "q35," WITHOUT ",max-ram-below-4g=2147483648,memory-backend=ram", \
	        "-cpu",                                                                           \
	        "max,vendor=GenuineIntel,family=6,model=175,stepping=3,phys-bits=48,+svm,+npt,"   \
	        "3dnow=off,3dnowext=off,sse4a=off,"                                               \
	        "la57=off,mpx=off,pku=off,pks=off,cr8legacy=off,cx16=off,erms=off,fsrm=off",      \
	        "-m", size, "-bios", "/c/OVMF.fd", "-device",                                     \
	        "loader,file=/proc/self/fd/14,addr=0x10000000,force-raw=on", "-device",           \
	        "loader,addr=0x10010000,cpu-num=0", "-chardev", "socket,id=module-log,fd=15",     \
	        "-device", "isa-debugcon,iobase=0xe9,chardev=module-log", "-chardev",             \
	        "socket,id=doorbell,fd=16", "-device",                                            \
	        "isa-debugcon,iobase=0xeb,chardev=doorbell", "-device",                           \
	        "isa-debug-exit,iobase=0xf4,iosize=4",                                            \
	        BARE_DEVICES(",iommu_platform=on,disable-legacy=on", ""), KERNEL_OF(""),          \
	        "-append", TCG_CMDLINE " swiotlb=8704"

/* The module's 256 MiB, and the TD's memory twice: private and shared. */
TEST(emulated)
{
	struct boot b = {.memory_mib = 2048,
	                 .vcpus = 1,
	                 .platform = PLATFORM_EMULATED,
	                 .layer0 = {.kind = &kind_rows[KIND_TD]}};

	EXPECT(&b, COMMON("1"), EMULATED("4352"));
	b.layer0.axes = 1;
	b.layer0.axis[0] = (struct axis_value){.axis = AXIS_PAGES, .word = WORD_PAGES_SHARED};
	EXPECT(&b, COMMON("1"), EMULATED("2304"));
	b.layer0.axis[0].word = WORD_PAGES_ENFORCED;
	b.memory_mib = 4097; /* both parts begin at a block of 2 MiB */
	b.layer0.axes = 1;
	EXPECT(&b, COMMON("1"), EMULATED("8452"));
}

#define HARDWARE(service)     HARDWARE_OF(service, "", , "", "host")
#define HARDWARE_OF(service, more, backend, machine, cpu)                                   \
	COMMON("4"), "-accel", "kvm", "-object",                                            \
	        "{\"qom-type\":\"tdx-guest\",\"id\":\"tdx0\",\"quote-generation-socket\":"  \
	        "{" service "}" more "}",                                                   \
	        backend "-machine",                                                         \
	        "q35,kernel-irqchip=split,confidential-guest-support=tdx0,pic=off," \
	        WITHOUT machine,                                              \
	        "-cpu", cpu, "-m", "4096", "-bios", "/c/OVMF.fd",                        \
	        DEVICES(",iommu_platform=on,disable-legacy=on")

#define ZEROS_60 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define BACKEND  "-object", "memory-backend-memfd,id=ram,size=4096M,hugetlb=on,hugetlbsize=2M",

TEST(hardware)
{
	const struct quote_service unix_socket = quotes;
	struct boot b = {
	        .memory_mib = 4096, .vcpus = 4, .platform = PLATFORM_HARDWARE, .kvm = true};
	struct err e;

	EXPECT(&b, HARDWARE("\"type\":\"unix\",\"path\":\"/var/run/tdx-qgs/qgs.socket\""));
	ck_assert_int_eq(quote_service_parse("vsock:2:4050", &quotes, &e), 0);
	EXPECT(&b, HARDWARE("\"type\":\"vsock\",\"cid\":\"2\",\"port\":\"4050\""));
	quotes = unix_socket;
}

/* Its registers in base64 of 48 bytes, its memory's backend, and PERFMON. */
TEST(hardware_as_asked)
{
	struct boot b = {
	        .memory_mib = 4096, .vcpus = 4, .platform = PLATFORM_HARDWARE, .kvm = true};
	struct cell cell;
	struct err e;

	ck_assert_int_eq(cell_parse("td@mrconfigid=258@mrowner=1@mrownerconfig=2@attributes=perfmon", &cell, &e), 0);
	b.layer0 = cell.layer[0];
	EXPECT(&b, HARDWARE_OF("\"type\":\"unix\",\"path\":\"/var/run/tdx-qgs/qgs.socket\"",
	                       ",\"mrconfigid\":\"" ZEROS_60 "AAEC\""
	                       ",\"mrowner\":\"" ZEROS_60 "AAAB\""
	                       ",\"mrownerconfig\":\"" ZEROS_60 "AAAC\"",
	                       , "", "host,pmu=on"));
	ck_assert_int_eq(cell_parse("td@backend=hugepages", &cell, &e), 0);
	b.layer0 = cell.layer[0];
	EXPECT(&b, HARDWARE_OF("\"type\":\"unix\",\"path\":\"/var/run/tdx-qgs/qgs.socket\"", "",
	                       BACKEND, ",memory-backend=ram", "host"));
}

TEST(quote_services)
{
	static const struct {
		const char *text, *again, *error;
	} row[] = {
	        {"/run/qgs, odd", "unix:/run/qgs, odd", NULL},
	        {"unix:/run/qgs", "unix:/run/qgs", NULL},
	        {"unix:vsock:2:1", "unix:vsock:2:1", NULL},
	        {"vsock:1:4051", "vsock:1:4051", NULL},
	        {"vsock:2:", NULL, "vsock:2:: no quoting service; expected vsock:CID:PORT"},
	        {"vsock:2:4050x", NULL,
	         "vsock:2:4050x: no quoting service; expected vsock:CID:PORT"},
	        {"unix:", NULL, "unix:: no path of a quoting service's socket"},
	};
	char text[QUOTE_SERVICE_TEXT_MAX], longer[200] = "";

	for (size_t i = 0; i < COUNT_OF(row); i++) {
		struct quote_service q;
		struct err e = {0};
		int r = quote_service_parse(row[i].text, &q, &e);

		ck_assert_int_eq(r, row[i].again ? 0 : -EINVAL);
		if (r == 0)
			quote_service_text(&q, text);
		ck_assert_str_eq(r == 0 ? text : e.text, r == 0 ? row[i].again : row[i].error);
	}
	memset(longer, 'x', sizeof(longer) - 1);
	ck_assert_int_eq(quote_service_parse(longer, &quotes, &(struct err){0}), -ENAMETOOLONG);
}

/* In front of the other devices, and nothing that makes QEMU start a kernel. */
#define DISK(driver)                                                                               \
	"-accel", "kvm", "-object",                                                                \
	        "{\"qom-type\":\"tdx-guest\",\"id\":\"tdx0\",\"quote-generation-socket\":{"        \
	        "\"type\":\"unix\",\"path\":\"/var/run/tdx-qgs/qgs.socket\"}}",                    \
	        "-machine",                                                                        \
	        "q35,kernel-irqchip=split,confidential-guest-support=tdx0,pic=off," WITHOUT,                                                                  \
	        "-cpu", "host", "-m", "4096", "-bios", "/c/OVMF.fd", "-blockdev",                  \
	        "{\"node-name\":\"boot\",\"driver\":\"" driver                                     \
	        "\",\"read-only\":true,\"file\":{"                                                 \
	        "\"driver\":\"file\",\"filename\":\"/d, \\\"odd\\\"/disk\",\"locking\":\"off\"}}", \
	        "-device",                                                                         \
	        "virtio-blk-pci,drive=boot,bootindex=0,addr=1.0,iommu_platform=on,"                \
	        "disable-legacy=on",                                                               \
	        BARE_DEVICES(",iommu_platform=on,disable-legacy=on", "")

TEST(disk)
{
	struct boot b = {
	        .memory_mib = 4096, .vcpus = 4, .platform = PLATFORM_HARDWARE, .kvm = true};

	parts.disk.path = (char *)"/d, \"odd\"/disk";
	EXPECT(&b, COMMON("4"), DISK("raw"));
	parts.disk.is_qcow2 = true;
	EXPECT(&b, COMMON("4"), DISK("qcow2"));
	/* Only where no other kernel is asked for. */
	b.kernel = KERNEL_BACKPORTS;
	ck_assert(!guest_parts_disk(&parts, &b));
	/* A plain VM boots it as a TD does. */
	b = (struct boot){.memory_mib = 2048, .vcpus = 1};
	parts.disk.scratch = true;
	EXPECT(&b, COMMON("1"), "-accel", "tcg", "-machine", "q35," WITHOUT,
	       "-cpu", PLAIN_CPU, "-m", "2048", "-bios", "/c/OVMF.fd", "-drive",
	       "if=none,id=boot,snapshot=on,format=qcow2,file=/d,, \"odd\"/disk", "-device",
	       "virtio-blk-pci,drive=boot,bootindex=0,addr=1.0,iommu_platform=on,"
	       "disable-legacy=on",
	       BARE_DEVICES("", ""));
	parts.disk.scratch = false;
	parts.disk.path = NULL;
}

/* Slots of 2 KiB: 16 MiB, and a page for each entry of the queue of each port and of the control
 * messages. Ports of our own and of the channel count, and QEMU makes no more. */
TEST(bounce_buffer)
{
	static const struct {
		const char *version;
		size_t ports;
		const char *slots;
	} way[] = {{"7.2.22", 0, "8704"},   {"11.1.3", 0, "8704"}, {"12.0.0", 7, "10496"},
	           {"10.0.13", 0, "12288"}, {"8.2.2", 7, "26624"}, {NULL, 15, "43008"}};
	const struct qemu_port port[15] = {{.name = "p", .fd = 20}};
	struct boot b = {.memory_mib = 2048,
	                 .vcpus = 1,
	                 .platform = PLATFORM_EMULATED,
	                 .layer0 = {.kind = &kind_rows[KIND_TD]}};

	for (size_t i = 0; i < COUNT_OF(way); i++) {
		struct qemu_spec s = {.boot = &b,
		                      .parts = &parts,
		                      .qemu = "qemu",
		                      .qemu_version = way[i].version,
		                      .port = port,
		                      .ports = way[i].ports};
		char max[40], slots[40];
		struct argv a = {0};
		bool found = false;
		struct err e;

		ck_assert_int_eq(qemu_argv(&s, &a, &e), 0);
		snprintf(max, sizeof(max), ",max_ports=%zu,", way[i].ports + 2);
		snprintf(slots, sizeof(slots), " swiotlb=%s", way[i].slots);
		for (size_t k = 0; k < a.count; k++)
			found |= strstr(a.item[k], "virtio-serial-pci,") && strstr(a.item[k], max);
		ck_assert(found);
		ck_assert_str_eq(strrchr(a.item[a.count - 1], ' '), slots);
		argv_done(&a);
	}
}

/* q35 splits RAM at 2 GiB from 2816 MiB on (QEMU, hw/i386/pc_q35.c). */
TEST(low_ram)
{
	const uint64_t mib = 1 << 20;

	ck_assert_uint_eq(q35_low_memory(512 * mib), 512 * mib);
	ck_assert_uint_eq(q35_low_memory(2815 * mib), 2815 * mib);
	ck_assert_uint_eq(q35_low_memory(2816 * mib), 2048 * mib);
	ck_assert_uint_eq(q35_low_memory(8192 * mib), 2048 * mib);
}

TESTS("qemu")
