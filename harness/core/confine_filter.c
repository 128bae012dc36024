/* SPDX-License-Identifier: Apache-2.0 */
#include "core/confine_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "format/bytes.h"

#ifdef __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "no AUDIT_ARCH for this processor"
#endif

/* BPF: a statement, and a comparison with how many statements to skip when equal and when not. */
#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define IF(value, equal, other) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), (equal), (other))
#define IF_BIT(value, set, clear) \
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(value), (set), (clear))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define DENY  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define DIE   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

/* A call whatever its arguments; on one descriptor only; without PROT_EXEC. The lower half of an
 * argument comes first here, and descriptors and protections are 32 bits wide. */
#define CALL(name)        IF(SYS_##name, 0, 1), ALLOW
#define CALL_ON(name, fd) IF(SYS_##name, 0, 4), LOAD(args[0]), IF(fd, 0, 1), ALLOW, DENY
#define CALL_NOEXEC(name) IF(SYS_##name, 0, 4), LOAD(args[2]), IF_BIT(PROT_EXEC, 1, 0), ALLOW, DENY

int confine_filter(int fd, int file)
{
	struct sock_filter filter[] = {
	        LOAD(arch),
	        IF(ARCHITECTURE, 1, 0),
	        DIE,
	        LOAD(nr), /* those of x32 have a bit more and are none of these */
	        CALL_ON(read, fd),
	        CALL_ON(write, fd),
	        CALL_ON(pread64, file),
	        CALL_NOEXEC(mmap),
	        CALL_NOEXEC(mprotect),
	        CALL(munmap),
	        CALL(mremap),
	        CALL(brk),
	        CALL(madvise),
	        CALL(futex),
	        CALL(getrandom),
	        CALL(clock_gettime),
	        CALL(sched_yield),
	        CALL(rt_sigreturn),
	        CALL(exit),
	        CALL(exit_group),
	        DENY,
	};
	struct sock_fprog program = {.len = COUNT_OF(filter), .filter = filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return -errno;
	return 0;
}

bool confine_is_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return true;
#elif defined(__has_feature)
	return __has_feature(address_sanitizer);
#else
	return false;
#endif
}
