/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_CORE_CONFINE_FILTER_H
#define TCEPTION_CORE_CONFINE_FILTER_H

#include <stdbool.h>

/*
 * From here on this process can have and give back memory, read and write `fd`, pread() from `file`
 * (-1: none) and end; every other system call fails with EPERM, and so does executable memory.
 * Returns 0 or -errno. Linux' Documentation/userspace-api/seccomp_filter.rst.
 */
int confine_filter(int fd, int file);

/* Whether this is a build with AddressSanitizer, which no limit of memory suits. */
bool confine_is_sanitized(void);

#endif
