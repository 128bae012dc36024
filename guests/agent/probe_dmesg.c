/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel log: all of it, and the lines that matter here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>

#include "agent/probe.h"
#include "agent/util.h"

#define LINES_MAX 200

/* syslog(2) actions, which the C library does not name. */
#define SYSLOG_ACTION_READ_ALL    3
#define SYSLOG_ACTION_SIZE_BUFFER 10

/* Compared without regard to case. */
static const char *const words[] = {
        "tdx",        "kvm",          "svm",
        "vmx",        "ccel",         "apparmor",
        "hypervisor", "confidential", "memory encryption",
        "swiotlb",    "tsm",          "getquote",
};

int probe_kernel_log(char **ret, size_t *ret_size)
{
	int size = klogctl(SYSLOG_ACTION_SIZE_BUFFER, NULL, 0);

	if (size < 0)
		return -errno;
	char *text = malloc((size_t)size + 1);
	if (!text)
		return -ENOMEM;
	int n = klogctl(SYSLOG_ACTION_READ_ALL, text, size);
	if (n < 0) {
		int r = -errno;
		free(text);
		return r;
	}
	text[n] = 0;
	*ret = text;
	*ret_size = (size_t)n;
	return 0;
}

static bool matters(const char *line)
{
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcasestr(line, words[i]))
			return true;
	}
	return false;
}

json_t *probe_dmesg(void *unused)
{
	_cleanup_(util_freep) char *text = NULL;
	json_t *lines = json_array();
	char *rest = NULL;
	size_t size;

	(void)unused;
	int r = probe_kernel_log(&text, &size);
	json_t *fact = json_pack("{s:o}", "lines", lines);
	util_json_set_errno(fact, r);
	for (char *line = r < 0 ? NULL : strtok_r(text, "\n", &rest);
	     line && json_array_size(lines) < LINES_MAX; line = strtok_r(NULL, "\n", &rest)) {
		if (matters(line))
			json_array_append_new(lines, util_json_text(line, strlen(line)));
	}
	return fact;
}
