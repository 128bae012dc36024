/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "run/control.h"
#include "test/tests.h"
#include "test/words.h"

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

struct notes {
	unsigned count;
	char text[8192]; /* a line each */
};

static void note(void *userdata, const char *option, const char *why)
{
	struct notes *n = userdata;
	size_t used = strlen(n->text);

	ck_assert(option[0] == '-' && why[0]);
	snprintf(n->text + used, sizeof(n->text) - used, "%s: %s\n", option, why);
	n->count++;
}

#define TAIL                                               \
	" -display none -kernel /d.efi"                    \
	" -chardev file,id=fw-cfg,path=/proc/5/fd/6"       \
	" -device isa-debugcon,iobase=0xe9,chardev=fw-cfg" \
	" -device isa-debug-exit,iobase=0xf4,iosize=4"

/* What becomes of a command line, without the tail that all have; the notes are added to `n`. */
static const char *control(char *const *argv, bool kvm, struct notes *n)
{
	const struct control_spec spec = {.dumper = "/d.efi",
	                                  .output = "/proc/5/fd/6",
	                                  .kvm = kvm,
	                                  .note = note,
	                                  .userdata = n};
	struct argv a = {0};
	struct err e;
	char *text;
	int r = control_argv(argv, &spec, &a, &e);

	ck_assert_msg(r == 0, "%s", r ? e.text : "");
	text = joined(&a);
	ck_assert_uint_gt(strlen(text), strlen(TAIL));
	ck_assert_str_eq(text + strlen(text) - strlen(TAIL), TAIL);
	text[strlen(text) - strlen(TAIL)] = '\0';
	return text;
}

TEST(emulated_td_becomes_a_plain_vm)
{
	static const char line[] =
	        "/usr/bin/qemu -nodefaults -display none -smp 1 "
	        "-object memory-backend-file,id=ram,size=1280M,mem-path=/proc/self/fd/7,share=on,align=2M "
	        "-machine q35,smm=off,max-ram-below-4g=1073741824,memory-backend=ram "
	        "-device loader,file=/proc/self/fd/8,addr=0x70000000,force-raw=on "
	        "-chardev socket,id=doorbell,fd=9 "
	        "-device isa-debugcon,iobase=0xeb,chardev=doorbell "
	        "-device isa-debug-exit,iobase=0xf4,iosize=4 "
	        "-blockdev {\"node-name\":\"root\"} "
	        "-device virtio-blk-pci,bootindex=0,addr=1e.0,iommu_platform=on,disable-legacy=on "
	        "-kernel /k -initrd /i -append -quiet";
	struct notes n = {0};

	ck_assert_str_eq(control(words(line), false, &n),
	                 "/usr/bin/qemu -nodefaults -smp 1 "
	                 "-object memory-backend-ram,id=ram,size=1280M,share=on "
	                 "-machine q35,smm=off,max-ram-below-4g=1073741824,memory-backend=ram "
	                 "-chardev null,id=doorbell "
	                 "-blockdev {\"node-name\":\"root\",\"driver\":\"null-co\",\"read-zeroes\":true} "
	                 "-device virtio-blk-pci,addr=1e.0,iommu_platform=on,disable-legacy=on");
}

/* Of a backend nothing but what all have is left: memory-backend-ram knows neither of these. */
TEST(backend_of_huge_pages)
{
	static const char line[] =
	        "qemu -object memory-backend-memfd,id=ram,size=4096M,hugetlb=on,hugetlbsize=2M";
	struct notes n = {0};

	ck_assert_str_eq(control(words(line), false, &n),
	                 "qemu -object memory-backend-ram,id=ram,size=4096M");
}

/* canonical's run_td (tdx/guest-tools/run_td, 2025). */
TEST(canonical_run_td)
{
	static const char line[] =
	        "qemu-system-x86_64 -D /tmp/log -accel kvm -m 2G -smp 16 "
	        "-name td,process=td,debug-threads=on -cpu host,-avx10 "
	        "-object {\"qom-type\":\"tdx-guest\",\"id\":\"tdx\",\"quote-generation-socket\":"
	        "{\"type\":\"vsock\",\"cid\":\"2\",\"port\":\"4050\"}} "
	        "-object memory-backend-ram,id=mem0,size=2G "
	        "-machine q35,kernel_irqchip=split,confidential-guest-support=tdx,memory-backend=mem0 "
	        "-bios OVMF.fd -nographic -daemonize -nodefaults -vga none "
	        "-device virtio-net-pci,netdev=nic0_td "
	        "-netdev user,id=nic0_td,hostfwd=tcp::10022-:22 "
	        "-drive file=td.qcow2,if=none,id=virtio-disk0 "
	        "-device virtio-blk-pci,drive=virtio-disk0 "
	        "-device vhost-vsock-pci,guest-cid=3 -pidfile /tmp/pid";
	struct notes n = {0};

	ck_assert_str_eq(control(words(line), false, &n),
	                 "qemu-system-x86_64 -accel tcg -m 2G -smp 16 "
	                 "-name td,process=td,debug-threads=on -cpu max,phys-bits=48 "
	                 "-object memory-backend-ram,id=mem0,size=2G "
	                 "-machine q35,memory-backend=mem0,smm=off,pic=off -bios OVMF.fd "
	                 "-nodefaults -vga none -device virtio-net-pci,netdev=nic0_td "
	                 "-netdev hubport,id=nic0_td,hubid=0 "
	                 "-drive if=none,id=virtio-disk0,driver=null-co,read-zeroes=on "
	                 "-device virtio-blk-pci,drive=virtio-disk0 "
	                 "-device virtio-rng-pci,disable-legacy=on");
	ck_assert_uint_eq(n.count, 11);
	ck_assert_ptr_nonnull(strstr(n.text, "-daemonize: left out: no part of the machine\n"));
	ck_assert_ptr_nonnull(strstr(n.text, "-accel kvm: the control VM runs without KVM"));
	ck_assert_ptr_null(strstr(n.text, "-object memory"));
}

/* The second try, where the first failed. */
TEST(with_kvm)
{
	static const char line[] =
	        "qemu -accel kvm -enable-kvm -cpu host -machine q35,kernel_irqchip=split,accel=kvm";
	struct notes n = {0};

	ck_assert_str_eq(control(words(line), true, &n), line);
	ck_assert_uint_eq(n.count, 0);
}

/* KVM's CPUs have the host's width of addresses where the line says so, and `max` by itself. */
static const struct {
	const char *line, *control;
} widths[] = {
        {"qemu -accel kvm -cpu max,pmu=off", "qemu -accel tcg -cpu max,pmu=off,phys-bits=48"},
        {"qemu -enable-kvm -cpu max,phys-bits=46", "qemu -cpu max,phys-bits=46"},
        {"qemu -M q35,accel=kvm -cpu Skylake-Server,host-phys-bits=on",
         "qemu -M q35 -cpu Skylake-Server,phys-bits=48"},
        {"qemu -accel kvm -cpu Skylake-Server", "qemu -accel tcg -cpu Skylake-Server"},
        {"qemu -cpu max", "qemu -cpu max"}, /* of TCG */
        {"qemu -name kvm -cpu max", "qemu -name kvm -cpu max"},
        {"qemu -accel kvm -cpu max,host-phys-bits=off",
         "qemu -accel tcg -cpu max,host-phys-bits=off"},
        {"qemu -accel kvm -cpu host,-avx10,phys-bits=46",
         "qemu -accel tcg -cpu max,phys-bits=46"},
};

TEST_EACH(address_width, widths)
{
	struct notes n = {0};

	ck_assert_str_eq(control(words(widths[_i].line), false, &n), widths[_i].control);
}

/* As libvirt's launch-security-tdx test has them: JSON, nodes on nodes, root ports. */
TEST(libvirt)
{
	static const char line[] =
	        "/usr/bin/qemu-system-x86_64 -name guest=td,debug-threads=on -S "
	        "-object {\"qom-type\":\"secret\",\"id\":\"masterKey0\",\"format\":\"raw\",\"file\":\"/k\"} "
	        "-machine pc-q35-7.2,usb=off,dump-guest-core=off,memory-backend=pc.ram,"
	        "confidential-guest-support=lsec0,hpet=off,acpi=on -accel kvm "
	        "-cpu host,migratable=on -m size=2097152k "
	        "-object {\"qom-type\":\"memory-backend-memfd\",\"id\":\"pc.ram\",\"share\":true,"
	        "\"x-use-canonical-path-for-ramblock-id\":false,\"size\":2147483648} "
	        "-overcommit mem-lock=off -smp 1,sockets=1,cores=1,threads=1 -uuid c7a5fdbd "
	        "-display none -no-user-config -nodefaults "
	        "-chardev socket,id=charmonitor,fd=1729,server=on,wait=off "
	        "-mon chardev=charmonitor,id=monitor,mode=control -rtc base=utc -no-shutdown "
	        "-boot strict=on "
	        "-device {\"driver\":\"pcie-root-port\",\"port\":8,\"chassis\":1,\"id\":\"pci.1\","
	        "\"bus\":\"pcie.0\",\"multifunction\":true,\"addr\":\"0x1\"} "
	        "-blockdev {\"driver\":\"file\",\"filename\":\"/g,1\",\"node-name\":\"s\"} "
	        "-blockdev {\"node-name\":\"f\",\"read-only\":false,\"driver\":\"raw\",\"file\":\"s\"} "
	        "-device {\"driver\":\"virtio-blk-pci\",\"bus\":\"pci.1\",\"drive\":\"f\",\"bootindex\":1} "
	        "-object {\"qom-type\":\"tdx-guest\",\"id\":\"lsec0\"} -sandbox on,spawn=deny "
	        "-msg timestamp=on";
	struct notes n = {0};

	ck_assert_str_eq(control(words(line), false, &n),
	                 "/usr/bin/qemu-system-x86_64 -name guest=td,debug-threads=on "
	                 "-machine pc-q35-7.2,usb=off,dump-guest-core=off,memory-backend=pc.ram,"
	                 "hpet=off,acpi=on,smm=off,pic=off -accel tcg -cpu max,phys-bits=48 "
	                 "-m size=2097152k "
	                 "-object {\"qom-type\":\"memory-backend-ram\",\"id\":\"pc.ram\",\"share\":true,"
	                 "\"size\":2147483648} "
	                 "-smp 1,sockets=1,cores=1,threads=1 -uuid c7a5fdbd "
	                 "-no-user-config -nodefaults -chardev null,id=charmonitor -rtc base=utc "
	                 "-boot strict=on "
	                 "-device {\"driver\":\"pcie-root-port\",\"port\":8,\"chassis\":1,\"id\":\"pci.1\","
	                 "\"bus\":\"pcie.0\",\"multifunction\":true,\"addr\":\"0x1\"} "
	                 "-blockdev {\"node-name\":\"s\",\"driver\":\"null-co\",\"read-zeroes\":true} "
	                 "-blockdev {\"node-name\":\"f\",\"driver\":\"null-co\",\"read-zeroes\":true} "
	                 "-device {\"driver\":\"virtio-blk-pci\",\"bus\":\"pci.1\",\"drive\":\"f\"}");
}

/* Kata's (govmm, 2025): descriptors of its own, virtio-fs and vsock of the host. */
TEST(kata)
{
	static const char line[] =
	        "qemu -machine q35,accel=kvm,kernel_irqchip=split,confidential-guest-support=tdx "
	        "-cpu host,pmu=off -qmp unix:fd=3,server=on,wait=off -m 2048M,slots=10,maxmem=8G "
	        "-object {\"qom-type\":\"tdx-guest\",\"id\":\"tdx\"} "
	        "-device pci-bridge,bus=pcie.0,id=pci-bridge-0,chassis_nr=1,shpc=off,addr=2 "
	        "-chardev socket,id=char0,path=/run/kata/fs.sock "
	        "-device vhost-user-fs-pci,chardev=char0,tag=kataShared,queue-size=1024 "
	        "-device vhost-vsock-pci,disable-modern=false,vhostfd=3,id=vsock-1,guest-cid=123 "
	        "-netdev tap,id=network-0,vhost=on,vhostfds=4,fds=5 "
	        "-device driver=virtio-net-pci,netdev=network-0,mac=02:42:ac:11:00:02,mq=on "
	        "-object memory-backend-memfd,id=dimm1,size=2048M,share=on -no-user-config "
	        "-nodefaults -nographic --no-reboot -kernel /k -append -quiet -bios /OVMF.fd "
	        "-pidfile /p -D /log -smp 1,cores=1,threads=1,sockets=1,maxcpus=1";
	struct notes n = {0};

	ck_assert_str_eq(control(words(line), false, &n),
	                 "qemu -machine q35,smm=off,pic=off -cpu max,phys-bits=48 "
	                 "-m 2048M,slots=10,maxmem=8G "
	                 "-device pci-bridge,bus=pcie.0,id=pci-bridge-0,chassis_nr=1,shpc=off,addr=2 "
	                 "-chardev null,id=char0 -device virtio-rng-pci,disable-legacy=on "
	                 "-device virtio-rng-pci,disable-modern=false,id=vsock-1,disable-legacy=on "
	                 "-netdev hubport,id=network-0,hubid=0 "
	                 "-device driver=virtio-net-pci,netdev=network-0,mac=02:42:ac:11:00:02,mq=on "
	                 "-object memory-backend-ram,id=dimm1,size=2048M,share=on -no-user-config "
	                 "-nodefaults -no-reboot -bios /OVMF.fd "
	                 "-smp 1,cores=1,threads=1,sockets=1,maxcpus=1");
}

/* dstack's (vmm/src/app/qemu.rs, 2026): 9p, a CD, memory of a node. */
TEST(dstack)
{
	static const char line[] =
	        "qemu -accel kvm -cpu host -nographic -nodefaults -chardev null,id=c0 -serial chardev:c0 "
	        "-qmp unix:/q,server,wait=off -bios ovmf.fd -kernel k -initrd i "
	        "-drive file=hda.img,if=none,id=hd1 -device virtio-blk-pci,drive=hd1 "
	        "-netdev user,id=net0 -device virtio-net-pci,netdev=net0 "
	        "-virtfs local,path=/s,mount_tag=host-shared,readonly=off,security_model=mapped,id=v0 "
	        "-cdrom rootfs.iso -numa node,nodeid=0,cpus=0-3,memdev=mem0 "
	        "-object memory-backend-file,id=mem0,size=8192M,mem-path=/dev/hugepages,share=on,"
	        "prealloc=no,host-nodes=0,policy=bind "
	        "-machine q35,kernel-irqchip=split,confidential-guest-support=tdx,hpet=off "
	        "-object tdx-guest,id=tdx -device vhost-vsock-pci,guest-cid=9 -append x";
	struct notes n = {0};

	ck_assert_str_eq(control(words(line), false, &n),
	                 "qemu -accel tcg -cpu max,phys-bits=48 -nodefaults -chardev null,id=c0 "
	                 "-serial null -bios ovmf.fd "
	                 "-drive if=none,id=hd1,driver=null-co,read-zeroes=on "
	                 "-device virtio-blk-pci,drive=hd1 -netdev hubport,id=net0,hubid=0 "
	                 "-device virtio-net-pci,netdev=net0 "
	                 "-virtfs local,path=/,mount_tag=host-shared,readonly=on,security_model=mapped,id=v0 "
	                 "-drive driver=null-co,read-zeroes=on,index=2,media=cdrom "
	                 "-numa node,nodeid=0,cpus=0-3,memdev=mem0 "
	                 "-object memory-backend-ram,id=mem0,size=8192M,share=on "
	                 "-machine q35,hpet=off,smm=off,pic=off -device virtio-rng-pci,disable-legacy=on");
}

TEST(what_is_no_command_line)
{
	static const struct {
		const char *line, *complaint;
	} bad[] = {{"qemu -nodefaults -m", "-m: its value is missing"},
	           {"qemu -device {\"driver\"", "-device {\"driver\": no value of such an option"}};
	const struct control_spec spec = {.dumper = "", .output = ""};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct argv a = {0};
		struct err e;

		ck_assert_int_eq(control_argv(words(bad[i].line), &spec, &a, &e), -EINVAL);
		ck_assert_str_eq(e.text, bad[i].complaint);
	}
}

TESTS("acpi")
