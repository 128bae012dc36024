/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "run/acpi.h"
#include "run/portable.h"
#include "test/tests.h"

/* The words of a command line, in memory that the next call takes again. */
static char *const *words(const char *line)
{
	static char text[2048], *word[64];
	char *rest = strcpy(text, line);
	size_t n = 0;

	while (rest)
		word[n++] = strsep(&rest, " ");
	word[n] = NULL;
	return word;
}

static char *joined(struct argv *a)
{
	static char text[4096];

	text[0] = '\0';
	for (size_t i = 0; i < a->count; i++) {
		strcat(text, i ? " " : "");
		strcat(text, a->item[i]);
	}
	argv_done(a);
	return text;
}

TEST(emulated_td_becomes_a_plain_vm)
{
	static const char line[] =
	        "/usr/bin/qemu -nodefaults -display none -smp 1 "
	        "-object memory-backend-file,id=ram,size=1280M,mem-path=/proc/self/fd/7,share=on "
	        "-machine q35,smm=off,max-ram-below-4g=1073741824,memory-backend=ram "
	        "-device loader,file=/proc/self/fd/8,addr=0x70000000,force-raw=on "
	        "-chardev socket,id=doorbell,fd=9 "
	        "-device isa-debugcon,iobase=0xeb,chardev=doorbell "
	        "-device isa-debug-exit,iobase=0xf4,iosize=4 "
	        "-blockdev {\"node-name\":\"root\"} "
	        "-device virtio-blk-pci,bootindex=0,addr=1e.0,iommu_platform=on,disable-legacy=on "
	        "-kernel /k -initrd /i -append quiet";
	struct argv a;

	ck_assert_int_eq(acpi_control_argv(words(line), "/d.efi", "/proc/5/fd/6", &a, NULL), 0);
	ck_assert_str_eq(joined(&a),
	                 "/usr/bin/qemu -nodefaults -display none -smp 1 "
	                 "-object memory-backend-ram,id=ram,size=1280M,share=on "
	                 "-machine q35,smm=off,max-ram-below-4g=1073741824,memory-backend=ram "
	                 "-chardev null,id=doorbell -blockdev {\"node-name\":\"root\"} "
	                 "-device virtio-blk-pci,addr=1e.0,iommu_platform=on,disable-legacy=on "
	                 "-kernel /d.efi -chardev file,id=fw-cfg,path=/proc/5/fd/6 "
	                 "-device isa-debugcon,iobase=0xe9,chardev=fw-cfg "
	                 "-device isa-debug-exit,iobase=0xf4,iosize=4");
}

TEST(hardware_td_becomes_a_plain_vm)
{
	static const char line[] =
	        "/usr/bin/qemu -accel kvm "
	        "-object {\"qom-type\":\"tdx-guest\",\"id\":\"tdx0\"} "
	        "-machine q35,kernel-irqchip=split,confidential-guest-support=tdx0,hpet=off "
	        "-no-reboot -bios /OVMF.fd";
	struct argv a;

	ck_assert_int_eq(acpi_control_argv(words(line), "/d.efi", "/o", &a, NULL), 0);
	ck_assert_str_eq(joined(&a),
	                 "/usr/bin/qemu -accel kvm "
	                 "-machine q35,kernel-irqchip=split,hpet=off,smm=off,pic=off "
	                 "-no-reboot -bios /OVMF.fd -kernel /d.efi "
	                 "-chardev file,id=fw-cfg,path=/o "
	                 "-device isa-debugcon,iobase=0xe9,chardev=fw-cfg "
	                 "-device isa-debug-exit,iobase=0xf4,iosize=4");
}

/* Of a backend nothing but what all have is left: memory-backend-ram knows neither of these. */
TEST(backend_of_huge_pages)
{
	static const char line[] =
	        "qemu -object memory-backend-memfd,id=ram,size=4096M,hugetlb=on,hugetlbsize=2M";
	struct argv a;

	ck_assert_int_eq(acpi_control_argv(words(line), "/d.efi", "/o", &a, NULL), 0);
	ck_assert_ptr_nonnull(strstr(joined(&a), "-object memory-backend-ram,id=ram,size=4096M -kernel"));
}

static void count(void *userdata, const char *option, const char *why)
{
	ck_assert(option[0] == '-' && why[0]);
	++*(unsigned *)userdata;
}

/* canonical's run_td on a host without KVM and vsock: the devices stay, in their order. */
TEST(another_projects_command_line)
{
	static const char line[] =
	        "qemu -D /tmp/log -accel kvm -m 2G -smp 16 "
	        "-name td,process=td,debug-threads=on -cpu host "
	        "-object {\"qom-type\":\"tdx-guest\",\"id\":\"tdx\"} "
	        "-machine q35,kernel_irqchip=split,confidential-guest-support=tdx,hpet=off "
	        "-bios OVMF.fd -nographic -daemonize -nodefaults "
	        "-device virtio-net-pci,netdev=nic0 "
	        "-netdev user,id=nic0,hostfwd=tcp::10022-:22 "
	        "-drive file=td.qcow2,if=none,id=disk0,format=qcow2 "
	        "-device virtio-blk-pci,drive=disk0 "
	        "-device vhost-vsock-pci,guest-cid=3,addr=5.0 -pidfile /tmp/pid "
	        "-blockdev {\"driver\":\"file\",\"node-name\":\"root\",\"filename\":\"/x\"}";
	const struct portable_host host = {.kvm = false, .vsock = false};
	unsigned notes = 0;
	struct argv a;

	ck_assert_int_eq(portable_argv(words(line), &host, count, &notes, &a, NULL), 0);
	ck_assert_str_eq(joined(&a),
	                 "qemu -display none -accel tcg -m 2G -smp 16 -name "
	                 "td,process=td,debug-threads=on -cpu max "
	                 "-object {\"qom-type\":\"tdx-guest\",\"id\":\"tdx\"} "
	                 "-machine q35,confidential-guest-support=tdx,hpet=off -bios OVMF.fd "
	                 "-nodefaults -device virtio-net-pci,netdev=nic0 "
	                 "-netdev user,id=nic0 "
	                 "-drive if=none,id=disk0,driver=null-co,read-zeroes=on "
	                 "-device virtio-blk-pci,drive=disk0 -device virtio-rng-pci,addr=5.0 "
	                 "-blockdev driver=null-co,read-zeroes=on,node-name=root");
	ck_assert_uint_eq(notes, 10);
}

/* Where KVM and vsock are, they stay. */
TEST(a_host_that_has_them)
{
	static const char line[] =
	        "qemu -accel kvm -cpu host -machine q35,kernel_irqchip=split "
	        "-device vhost-vsock-pci,guest-cid=3";
	const struct portable_host host = {.kvm = true, .vsock = true};
	struct argv a;

	ck_assert_int_eq(portable_argv(words(line), &host, NULL, NULL, &a, NULL), 0);
	ck_assert_str_eq(
	        joined(&a),
	        "qemu -display none -accel kvm -cpu host -machine q35,kernel_irqchip=split "
	        "-device vhost-vsock-pci,guest-cid=3");
}

TESTS("acpi")
