/* SPDX-License-Identifier: Apache-2.0 */
/* What KVM is at this layer. The node's existence proves nothing: code has to run. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/probe.h"
#include "agent/util.h"
#include "format/kvmguest.h"

#define GUEST_SIZE  0x10000u /* bytes of memory at guest address 0 */
#define CODE_AT     0x1000u
#define TABLES_AT   0x2000u
#define DATA_AT     0x5000u
#define STACK_AT    0x8000u
#define DONE_PORT   0xf1
#define LOOPS       1000
#define EXITS_LIMIT 16 /* KVM_RUN may return early, but not for ever */

/*
 * 64-bit code, because some hosts offer a KVM that only interprets a few real-mode instructions:
 * LOOPS turns of a `lock cmpxchg16b` that only succeeds while memory is as the turn before left it;
 * the number of turns that did goes out by port.
 */
#define TEXT(x)  #x
#define VALUE(x) TEXT(x)
__asm__(".pushsection .rodata\n"
        "kvm_code:\n"
        "	mov $" VALUE(LOOPS) ", %esi\n"
        "	xor %eax, %eax\n"
        "	xor %edx, %edx\n"
        "	xor %ecx, %ecx\n"
        "1:	lea 1(%rax), %ebx\n"
        "	lock cmpxchg16b (%rdi)\n"
        "	jne 2f\n"
        "	mov %ebx, %eax\n"
        "	dec %esi\n"
        "	jne 1b\n"
        "2:	mov $" VALUE(DONE_PORT) ", %edx\n"
        "	out %eax, %dx\n"
        "	hlt\n"
        "kvm_code_end:\n"
        ".popsection\n");
extern const uint8_t kvm_code[], kvm_code_end[];

/* Everything that a try opens, for one clean-up at the end. */
struct
try {
	int kvm;
	struct kvm_guest guest;
	const char *step;
	char detail[160];
	int api;
};

static int fail(struct try *t, const char *step)
{
	t->step = step;
	return -errno;
}

/* Runs until the code's one port write, and looks at what it wrote. */
static int run_code(struct try *t)
{
	for (int i = 0; i < EXITS_LIMIT; i++) {
		if (ioctl(t->guest.cpu, KVM_RUN, 0) < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			return fail(t, "KVM_RUN");
		}
		const struct kvm_run *run = t->guest.run;
		t->step = "KVM_RUN";
		if (run->exit_reason != KVM_EXIT_IO || run->io.port != DONE_PORT) {
			snprintf(t->detail, sizeof(t->detail), "exit reason %u, suberror %u",
			         run->exit_reason,
			         run->exit_reason == KVM_EXIT_INTERNAL_ERROR
			                 ? run->internal.suberror
			                 : 0);
			return -EIO;
		}
		uint32_t value = 0;
		memcpy(&value, (const uint8_t *)run + run->io.data_offset, sizeof(value));
		snprintf(t->detail, sizeof(t->detail),
		         "64-bit code ran %u turns of lock cmpxchg16b", value);
		t->step = "result";
		return value == LOOPS ? 0 : -EBADMSG;
	}
	t->step = "KVM_RUN";
	return -EINTR;
}

static int try_kvm(struct try *t)
{
	const struct kvm_guest_start start = {
	        .memory = GUEST_SIZE,
	        .tables = TABLES_AT,
	        .code = kvm_code,
	        .code_size = (size_t)(kvm_code_end - kvm_code),
	        .regs = {.rip = CODE_AT, .rdi = DATA_AT, .rsp = STACK_AT, .rflags = 2},
	};

	t->api = ioctl(t->kvm, KVM_GET_API_VERSION, 0);
	if (t->api < 0)
		return fail(t, "KVM_GET_API_VERSION");
	t->step = kvm_guest_make(t->kvm, &start, &t->guest);
	return t->step ? -errno : run_code(t);
}

/* Whether this kernel was built with KVM, where the layer can see that. */
static json_t *kernel_config(void)
{
	_cleanup_(util_freep) char *text = NULL;
	struct utsname uts;
	char path[256];

	uname(&uts);
	snprintf(path, sizeof(path), "/boot/config-%s", uts.release);
	if (util_read_file(path, 1 << 20, &text, NULL) == 0)
		return json_boolean(strstr(text, "\nCONFIG_KVM=") != NULL);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", uts.release);
	if (util_read_file(path, 16 << 20, &text, NULL) == 0 && strstr(text, "/kvm.ko"))
		return json_true();
	return access("/sys/module/kvm", F_OK) == 0 ? json_true() : json_null();
}

static json_t *module_loaded(void)
{
	if (access("/sys/module", F_OK) < 0)
		return json_null();
	return json_boolean(access("/sys/module/kvm_intel", F_OK) == 0 ||
	                    access("/sys/module/kvm_amd", F_OK) == 0);
}

/* Why there is no node, in the order in which the reasons shadow one another. */
static const char *why_no_node(const json_t *config, const json_t *module)
{
	struct cpu_bits cpu;

	probe_cpu_bits(&cpu);
	if (json_is_false(config))
		return "no-config";
	if (!cpu.vmx && !cpu.svm)
		return "no-cpu";
	return json_is_false(module) ? "no-module" : "no-node";
}

json_t *probe_kvm(void *unused)
{
	struct try t = {.kvm = -1, .guest = {.vm = -1, .cpu = -1}, .step = "open", .api = -1};
	json_t *config = kernel_config(), *module = module_loaded();
	double start = util_now_fine_ms();
	const char *state;
	int r = 0;

	(void)unused;
	t.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (t.kvm >= 0) {
		r = try_kvm(&t);
		state = r == 0 ? "works" : "broken";
	} else {
		r = -errno;
		state = r == -ENOENT || r == -ENODEV || r == -ENXIO ? why_no_node(config, module)
		                                                    : "denied";
	}
	json_t *fact =
	        json_pack("{s:s,s:s,s:s,s:f,s:o,s:o,s:o}", "state", state, "step", t.step, "detail",
	                  t.detail, "ms", util_now_fine_ms() - start, "config", config, "module",
	                  module, "api", t.api < 0 ? json_null() : json_integer(t.api));
	util_json_set_errno(fact, r);
	kvm_guest_done(&t.guest);
	util_closep(&t.kvm);
	return fact;
}
