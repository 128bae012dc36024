/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "format/bytes.h"

/*
 * The host kernel's log as text with a NUL behind its end: by syslog(2), or of a recorded host
 * ("" is this machine) its file `dmesg`. -errno with `why` in words when there is none to be had.
 * Free with bytes_free().
 */
int klog_read(const char *sysroot, struct bytes *ret, char *why, size_t why_size);
