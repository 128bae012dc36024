/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-in for the KVM of a TDX host, preloaded into the harness by cases/test_hops.py and into QEMU by
 * cases/full_qemu.py: /dev/kvm opens, has KVM's version, and KVM_CAP_VM_TYPES (235) tells what
 * TCEPTION_VM_TYPES says. Nothing else of it works.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* With 64-bit offsets, as QEMU is built, the same function has another name. */
int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int open(const char *path, int flags, ...)
{
	int (*real)(const char *, int, ...) =
	        (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return real(strcmp(path, "/dev/kvm") == 0 ? "/dev/null" : path, flags, mode);
}

int ioctl(int fd, unsigned long request, ...)
{
	int (*real)(int, unsigned long, ...) =
	        (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
	const char *types = getenv("TCEPTION_VM_TYPES");
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == KVM_CHECK_EXTENSION && (long)arg == 235 && types)
		return (int)strtol(types, NULL, 0);
	return request == KVM_GET_API_VERSION ? KVM_API_VERSION : real(fd, request, arg);
}
