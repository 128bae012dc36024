/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VM inside this layer. With KVM it boots this layer's own kernel with the agent as its init, and
 * with this layer's root image where further layers are to be entered from it; without KVM, where a
 * Linux boot would take minutes, the tiny guest, of this or of another architecture.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/broker.h"
#include "agent/cpio.h"
#include "agent/driver.h"
#include "agent/pid1.h"
#include "agent/rootfs.h"
#include "agent/util.h"

#define INITRD     RUN_DIR "/nested.cpio"
#define FULL       RUN_DIR "/nested-full.cpio" /* with the modules that the root image needs */
#define TINY_GOOD  33                          /* isa-debug-exit of 16: (16 << 1) | 1 */
#define QEMU       "qemu-system-x86_64"
#define NESTED_MIB "256"
#define FULL_MIB   "1024"

static int need_initrd(const char *path, const char *modules, struct trouble *t)
{
	int r = util_mkdirs(RUN_DIR, 0755);

	if (r == 0 && access(path, R_OK) < 0)
		r = cpio_make_initrd(AGENT_FILE, modules, path);
	return r == 0 ? 0 : trouble_set(t, r, "initrd", "%s: %s", path, strerror(-r));
}

static int find_kernel(char path[128], struct trouble *t)
{
	struct utsname uts;

	uname(&uts);
	snprintf(path, 128, "/boot/vmlinuz-%.100s", uts.release);
	return access(path, R_OK) == 0
	               ? 0
	               : trouble_set(t, -errno, "kernel", "%s: %s", path, strerror(errno));
}

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
static int add_broker(struct command *c, const char *device, struct trouble *t)
{
	char line[BROKER_LINE_MAX];
	int r = broker_line_start(line, t);

	if (r < 0)
		return r;
	command_add(c, "-chardev");
	command_addf(c, "serial,id=broker,path=%s", line);
	command_add_all(c, "-device", device, NULL);
	return 0;
}

static void clean(const struct layer *layer, const char *name)
{
	(void)layer;
	(void)name;
	broker_line_stop();
}

/* The channel is QEMU's stdin and stdout, the console its stderr. */
static int linux_command(const struct layer *layer, struct command *ret, struct trouble *t)
{
	bool full = layer->below > 0;
	bool micro = strcmp(layer_axis(layer, "machine", "q35"), "microvm") == 0;
	char kernel[128];
	int r = find_kernel(kernel, t);

	if (r == 0)
		r = full ? need_initrd(FULL, MODULES_DIR, t) : need_initrd(INITRD, NULL, t);
	if (r < 0)
		return r;
	command_measure(ret, "kernel", kernel);
	command_measure(ret, "initrd", full ? FULL : INITRD);
	command_add_all(ret, QEMU, "-accel", "kvm", "-cpu", "host", "-M",
	                micro ? "microvm,pcie=on" : "q35,smm=off,hpet=off,vmport=off", "-m",
	                layer_axis(layer, "mem", full ? FULL_MIB : NESTED_MIB), "-display", "none",
	                "-nodefaults", "-no-user-config", "-no-reboot", "-kernel", kernel,
	                "-initrd", full ? FULL : INITRD, "-append",
	                "console=ttyS0 quiet panic=-1 8250.nr_uarts=1 cryptomgr.notests "
	                "random.trust_cpu=on",
	                "-chardev", "file,id=console,path=/dev/stderr", "-serial",
	                "chardev:console", "-chardev", "stdio,id=channel,signal=off", "-device",
	                "virtio-serial-pci", "-device",
	                "virtserialport,chardev=channel,name=tception", NULL);
	if (layer_grants(layer, "broker"))
		r = add_broker(ret, "virtserialport,chardev=broker,name=" BROKER_PORT, t);
	return r == 0 && full ? add_root(ret, t) : r;
}

/* Where the initramfs' tiny guests are now: in a VM, or in a container. */
static int find_tiny(const char *name, char path[64], struct trouble *t)
{
	snprintf(path, 64, RUN_DIR "/%s", name);
	if (access(path, R_OK) < 0)
		snprintf(path, 64, "/%s", name);
	return access(path, R_OK) == 0
	               ? 0
	               : trouble_set(t, -errno, "kernel", "%s: %s", path, strerror(errno));
}

static int tiny_command(const struct layer *layer, struct command *ret, struct trouble *t)
{
	bool q35 = strcmp(layer_axis(layer, "machine", "microvm"), "q35") == 0;
	char tiny[64];
	int r = find_tiny(TINY_FILE, tiny, t);

	command_measure(ret, "kernel", tiny);
	command_add_all(ret, QEMU, "-accel", "tcg", "-M",
	                q35 ? "q35,smm=off,hpet=off,vmport=off"
	                    : "microvm,acpi=off,rtc=off,isa-serial=off,auto-kernel-cmdline=off",
	                "-m", layer_axis(layer, "mem", "32"), "-display", "none", "-nodefaults",
	                "-no-user-config", "-no-reboot", "-kernel", tiny, "-chardev",
	                "stdio,id=channel,signal=off", "-device", "isa-serial,chardev=channel",
	                "-chardev", "file,id=console,path=/dev/stderr", "-device",
	                "isa-debugcon,iobase=0xe9,chardev=console", "-device",
	                "isa-debug-exit,iobase=0xf4,iosize=4", NULL);
	if (r == 0 && layer_grants(layer, "broker"))
		r = add_broker(ret, "isa-serial,chardev=broker", t);
	return r;
}

static int riscv_command(const struct layer *layer, struct command *ret, struct trouble *t)
{
	char tiny[64];
	int r = find_tiny(TINY_RISCV_FILE, tiny, t);

	command_measure(ret, "kernel", tiny);
	command_add_all(ret, "qemu-system-riscv64", "-accel", "tcg", "-M", "virt", "-bios", "none",
	                "-m", layer_axis(layer, "mem", "32"), "-display", "none", "-nodefaults",
	                "-no-user-config", "-no-reboot", "-kernel", tiny, "-chardev",
	                "stdio,id=channel,signal=off", "-serial", "chardev:channel", NULL);
	return r;
}

static int prepare(const struct layer *layer, const char *name, int64_t end_ms, struct command *ret,
                   struct trouble *t)
{
	(void)name;
	(void)end_ms;
	if (strcmp(layer->mode, "kvm") == 0)
		return linux_command(layer, ret, t);
	if (strcmp(layer_axis(layer, "arch", "x86-64"), "riscv64") == 0)
		return riscv_command(layer, ret, t);
	return tiny_command(layer, ret, t);
}

static const char *const modes[] = {"kvm", "tcg", NULL};

const struct driver driver_qemu = {
        .kind = "qemu", .modes = modes, .prepare = prepare, .clean = clean, .good_exit = TINY_GOOD};
