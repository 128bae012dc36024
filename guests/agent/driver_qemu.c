/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VM inside this layer. With KVM it boots this layer's own kernel with the agent as its init, and
 * with this layer's root image where further layers are to be entered from it; without KVM, where a
 * Linux boot would take minutes, the tiny guest, of this or of another architecture.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/device.h"
#include "agent/driver.h"
#include "agent/nested.h"
#include "agent/rootfs.h"
#include "agent/util.h"

#define FULL      RUN_DIR "/nested-full.cpio" /* with the modules that the root image needs */
#define TINY_GOOD 33                          /* isa-debug-exit of 16: (16 << 1) | 1 */
#define QEMU      "qemu-system-x86_64"
#define Q35       "q35,smm=off,hpet=off,vmport=off,i8042=off,sata=off"
#define FULL_MIB  1024

/* Both are the host's, read-only: what layer 0 itself was booted with. */
static int add_root(struct command *c, struct trouble *t)
{
	char disk[300];
	int r = disk_find(ROOT_SERIAL, disk, sizeof(disk));

	if (r < 0)
		return trouble_set(t, r, "root image", "no disk with serial " ROOT_SERIAL " here");
	command_add(c, "-blockdev");
	command_addf(c, "driver=host_device,node-name=root,read-only=on,filename=%s", disk);
	command_add_all(c, "-device", "virtio-blk-pci,drive=root,serial=" ROOT_SERIAL, NULL);
	return 0;
}

/* Quotes from this layer, over a line that `device` puts into the guest. */
static int add_broker(struct entry *e, const char *device, struct trouble *t)
{
	int r = broker_line_start(&e->broker, t);

	if (r < 0)
		return r;
	command_add(&e->command, "-chardev");
	command_addf(&e->command, "serial,id=broker,path=%s", e->broker.path);
	command_add_all(&e->command, "-device", device, NULL);
	return 0;
}

static void add_machine(struct command *c, const char *program, bool kvm, const char *machine,
                        unsigned mib)
{
	command_add_all(c, program, "-accel", kvm ? "kvm" : "tcg", NULL);
	if (kvm)
		command_add_all(c, "-cpu", "host", NULL);
	command_add_all(c, "-M", machine, "-m", NULL);
	command_addf(c, "%u", mib);
	command_add_all(c, "-display", "none", "-nodefaults", "-no-user-config", "-no-reboot",
	                NULL);
}

/* The channel is QEMU's stdin and stdout, the console its stderr. */
static int linux_command(struct entry *e, struct trouble *t)
{
	const bool full = e->visit->below > 0;
	const bool micro = layer_word(&e->layer, AXIS_MACHINE) == WORD_MACHINE_MICROVM;
	const unsigned asked = layer_number(&e->layer, AXIS_MEM);
	struct command *c = &e->command;
	char kernel[128], append[NESTED_APPEND_MAX];
	int r = nested_kernel(kernel, t);

	if (r == 0)
		r = full ? nested_initrd(FULL, MODULES_DIR, t)
		         : nested_initrd(NESTED_INITRD, NULL, t);
	if (r < 0)
		return r;
	nested_append(append);
	command_measure(c, "kernel", kernel);
	command_measure(c, "initrd", full ? FULL : NESTED_INITRD);
	add_machine(c, QEMU, true, micro ? "microvm,pcie=on" : Q35,
	            asked  ? asked
	            : full ? FULL_MIB
	                   : NESTED_MIB);
	command_add_all(c, "-kernel", kernel, "-initrd", full ? FULL : NESTED_INITRD, "-append",
	                append, "-chardev", "file,id=console,path=/dev/stderr", "-serial",
	                "chardev:console", "-chardev", "stdio,id=channel,signal=off", "-device",
	                "virtio-serial-pci,max_ports=3", "-device", /* 0, channel, broker */
	                "virtserialport,chardev=channel,name=tception", NULL);
	if (layer_has(&e->layer, GRANT_BROKER))
		r = add_broker(e, "virtserialport,chardev=broker,name=" BROKER_PORT, t);
	return r == 0 && full ? add_root(c, t) : r;
}

static int tiny_command(struct entry *e, struct trouble *t)
{
	const bool q35 = layer_word(&e->layer, AXIS_MACHINE) == WORD_MACHINE_Q35;
	struct command *c = &e->command;
	char tiny[64];
	int r = nested_tiny(TINY_FILE, tiny, t);

	command_measure(c, "kernel", tiny);
	add_machine(c, QEMU, false,
	            q35 ? Q35 : "microvm,acpi=off,rtc=off,isa-serial=off,auto-kernel-cmdline=off",
	            layer_number(&e->layer, AXIS_MEM));
	command_add_all(c, "-kernel", tiny, "-chardev", "stdio,id=channel,signal=off", "-device",
	                "isa-serial,chardev=channel", "-chardev",
	                "file,id=console,path=/dev/stderr", "-device",
	                "isa-debugcon,iobase=0xe9,chardev=console", "-device",
	                "isa-debug-exit,iobase=0xf4,iosize=4", NULL);
	if (r == 0 && layer_has(&e->layer, GRANT_BROKER))
		r = add_broker(e, "isa-serial,chardev=broker", t);
	return r;
}

static int riscv_command(struct entry *e, struct trouble *t)
{
	struct command *c = &e->command;
	char tiny[64];
	int r = nested_tiny(TINY_RISCV_FILE, tiny, t);

	command_measure(c, "kernel", tiny);
	add_machine(c, "qemu-system-riscv64", false, "virt", layer_number(&e->layer, AXIS_MEM));
	command_add_all(c, "-bios", "none", "-kernel", tiny, "-chardev",
	                "stdio,id=channel,signal=off", "-serial", "chardev:channel", NULL);
	return r;
}

static int prepare(struct entry *e, struct trouble *t)
{
	if (e->layer.mode == MODE_KVM)
		return linux_command(e, t);
	if (layer_word(&e->layer, AXIS_ARCH) == WORD_ARCH_RISCV64)
		return riscv_command(e, t);
	return tiny_command(e, t);
}

static const struct driver qemu = {.kind = KIND_QEMU, .prepare = prepare, .good_exit = TINY_GOOD};
DRIVER(qemu);
