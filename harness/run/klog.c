/* SPDX-License-Identifier: Apache-2.0 */
#include "run/klog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>

#include "core/cleanup.h"
#include "core/file.h"

#define TEXT_MAX   (16u << 20)
#define READ_ALL   3  /* SYSLOG_ACTION_READ_ALL */
#define SIZE_OF_IT 10 /* SYSLOG_ACTION_SIZE_BUFFER */

int klog_read(const char *sysroot, struct bytes *ret, char *why, size_t why_size)
{
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX];
	struct err e;
	int size, n, r;

	if (*sysroot) {
		r = path_join(path, sysroot, "dmesg", &e);
		if (r == 0)
			r = file_read(path, TEXT_MAX, ret, &e);
		if (r < 0)
			snprintf(why, why_size, "no dmesg in it");
		return r;
	}
	size = klogctl(SIZE_OF_IT, NULL, 0);
	text = size > 0 ? malloc((size_t)size + 1) : NULL;
	n = text ? klogctl(READ_ALL, text, size) : -1;
	if (n < 0) {
		r = errno ? -errno : -EIO;
		snprintf(why, why_size, "the kernel's log: %s", strerror(-r));
		return r;
	}
	text[n] = '\0';
	*ret = (struct bytes){(const uint8_t *)TAKE_PTR(text), (size_t)n};
	return 0;
}
