/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VM inside this layer. With KVM it boots this layer's own kernel with the agent as its init;
 * without, where a Linux boot would take minutes, the tiny guest.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/cpio.h"
#include "agent/driver.h"
#include "agent/rootfs.h"
#include "agent/util.h"

#define TINY       RUN_DIR "/tiny.elf"
#define INITRD     RUN_DIR "/nested.cpio"
#define TINY_GOOD  33 /* isa-debug-exit of 16: (16 << 1) | 1 */
#define QEMU       "qemu-system-x86_64"
#define NESTED_MIB "256"

static int need_initrd(struct trouble *t)
{
	if (access(INITRD, R_OK) == 0)
		return 0;
	int r = cpio_make_initrd(AGENT_FILE, INITRD);
	return r == 0 ? 0 : trouble_set(t, r, "initrd", INITRD ": %s", strerror(-r));
}

/* The channel is QEMU's stdin and stdout, the console its stderr. */
static int linux_command(const struct layer *layer, struct command *ret, struct trouble *t)
{
	struct utsname uts;
	char kernel[128];

	uname(&uts);
	snprintf(kernel, sizeof(kernel), "/boot/vmlinuz-%.100s", uts.release);
	if (access(kernel, R_OK) < 0)
		return trouble_set(t, -errno, "kernel", "%s: %s", kernel, strerror(errno));
	int r = need_initrd(t);
	if (r < 0)
		return r;
	command_measure(ret, "kernel", kernel);
	command_measure(ret, "initrd", INITRD);
	command_add_all(
	        ret, QEMU, "-accel", "kvm", "-cpu", "host", "-M", "q35,smm=off,hpet=off,vmport=off",
	        "-m", layer_axis(layer, "mem", NESTED_MIB), "-display", "none", "-nodefaults",
	        "-no-user-config", "-no-reboot", "-kernel", kernel, "-initrd", INITRD, "-append",
	        "console=ttyS0 quiet panic=-1 8250.nr_uarts=1 cryptomgr.notests "
	        "random.trust_cpu=on",
	        "-chardev", "file,id=console,path=/dev/stderr", "-serial", "chardev:console",
	        "-chardev", "stdio,id=channel,signal=off", "-device", "virtio-serial-pci",
	        "-device", "virtserialport,chardev=channel,name=tception", NULL);
	return 0;
}

static int tiny_command(struct command *ret, struct trouble *t)
{
	if (access(TINY, R_OK) < 0)
		return trouble_set(t, -errno, "kernel", TINY ": %s", strerror(errno));
	command_measure(ret, "kernel", TINY);
	command_add_all(ret, QEMU, "-accel", "tcg", "-M",
	                "microvm,acpi=off,rtc=off,isa-serial=off,auto-kernel-cmdline=off", "-m",
	                "32", "-display", "none", "-nodefaults", "-no-user-config", "-no-reboot",
	                "-kernel", TINY, "-chardev", "stdio,id=channel,signal=off", "-device",
	                "isa-serial,chardev=channel", "-chardev",
	                "file,id=console,path=/dev/stderr", "-device",
	                "isa-debugcon,iobase=0xe9,chardev=console", "-device",
	                "isa-debug-exit,iobase=0xf4,iosize=4", NULL);
	return 0;
}

static int prepare(const struct layer *layer, const char *name, int64_t end_ms, struct command *ret,
                   struct trouble *t)
{
	(void)name;
	(void)end_ms;
	if (strcmp(layer->mode, "kvm") == 0)
		return linux_command(layer, ret, t);
	return tiny_command(ret, t);
}

static const char *const modes[] = {"kvm", "tcg", NULL};

const struct driver driver_qemu = {
        .kind = "qemu", .modes = modes, .prepare = prepare, .good_exit = TINY_GOOD};
