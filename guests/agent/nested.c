/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/nested.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/cpio.h"
#include "agent/rootfs.h"
#include "agent/util.h"
#include "format/cmdline.h"

int nested_initrd(const char *path, const char *modules, struct trouble *t)
{
	int r = util_mkdirs(RUN_DIR, 0755);

	if (r == 0 && access(path, R_OK) < 0)
		r = cpio_make_initrd(AGENT_FILE, modules, path);
	return r == 0 ? 0 : trouble_set(t, r, "initrd", "%s: %s", path, strerror(-r));
}

/* Of what layer 0's kernel is told, nokaslr always and the rest under TCG, this holds for what is booted
 * in it, too. */
static const char inherited[] = "nokaslr" TCG_CMDLINE TICK_CMDLINE;

void nested_append_of(const char *own, char ret[NESTED_APPEND_MAX])
{
	size_t size;

	snprintf(ret, NESTED_APPEND_MAX,
	         "console=ttyS0 quiet panic=-1 8250.nr_uarts=1 cryptomgr.notests "
	         "random.trust_cpu=on");
	for (const char *word = inherited; *word; word += size + (word[size] == ' ')) {
		const size_t used = strlen(ret);
		const char *at;

		size = strcspn(word, " ");
		at = memmem(own, strlen(own), word, size);
		if (at && (at == own || at[-1] == ' ') && (!at[size] || strchr(" \n", at[size])))
			snprintf(ret + used, NESTED_APPEND_MAX - used, " %.*s", (int)size, word);
	}
}

void nested_append(char ret[NESTED_APPEND_MAX])
{
	_cleanup_(util_freep) char *own = NULL;

	util_read_file("/proc/cmdline", 1 << 16, &own, NULL);
	nested_append_of(own ? own : "", ret);
}

int nested_kernel(char path[128], struct trouble *t)
{
	struct utsname uts;

	uname(&uts);
	snprintf(path, 128, "/boot/vmlinuz-%.100s", uts.release);
	return access(path, R_OK) == 0
	               ? 0
	               : trouble_set(t, -errno, "kernel", "%s: %s", path, strerror(errno));
}

int nested_tiny(const char *name, char path[64], struct trouble *t)
{
	snprintf(path, 64, RUN_DIR "/%s", name);
	if (access(path, R_OK) < 0)
		snprintf(path, 64, "/%s", name);
	return access(path, R_OK) == 0
	               ? 0
	               : trouble_set(t, -errno, "kernel", "%s: %s", path, strerror(errno));
}
