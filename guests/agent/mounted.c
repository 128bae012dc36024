/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/mounted.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "agent/util.h"

/* As schroot, debootstrap and systemd-nspawn have them. */
static const char *const nodes[] = {"/dev/null",   "/dev/zero",    "/dev/full",
                                    "/dev/random", "/dev/urandom", "/dev/tty"};
static const struct {
	const char *path, *type;
} kernel[] = {{"/proc", "proc"}, {"/sys", "sysfs"}};

#define KERNEL_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static void place(const char *root, const char *to, char path[256])
{
	snprintf(path, 256, "%s%s", root, to);
}

static int failed(struct trouble *t, int code, const char *path)
{
	return trouble_set(t, code, "mount", "%s: %s", path, strerror(-code));
}

/* The place is made as what comes there is: a folder or a file. */
static int bind_one(const char *root, const struct bind *b, struct trouble *t)
{
	struct stat st;
	char to[256];
	int r = stat(b->from, &st) < 0 ? -errno : 0;

	if (!root[0] && strcmp(b->from, b->to) == 0 && !b->read_only)
		return r == 0 ? 0 : failed(t, r, b->from);
	place(root, b->to, to);
	if (r == 0 && S_ISDIR(st.st_mode))
		r = util_mkdirs(to, 0755);
	else if (r == 0 && stat(to, &st) < 0)
		r = util_create_file(to, "", 0, 0644);
	if (r == 0 && mount(b->from, to, NULL, MS_BIND | MS_REC, NULL) < 0)
		r = -errno;
	/* Or what is unmounted here with all below it is unmounted below `from`, too. */
	if (r == 0 && mount(NULL, to, NULL, MS_PRIVATE | MS_REC, NULL) < 0)
		r = -errno;
	if (r == 0 && b->read_only &&
	    mount(NULL, to, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) < 0)
		r = -errno;
	return r == 0 ? 0 : failed(t, r, b->from);
}

static int bind_node(const char *root, const char *path, struct trouble *t)
{
	struct bind b = {.to = path};

	snprintf(b.from, sizeof(b.from), "%s", path);
	return bind_one(root, &b, t);
}

static int mount_kernel(const char *root, struct trouble *t)
{
	char to[256];

	for (size_t i = 0; i < COUNT_OF(kernel); i++) {
		place(root, kernel[i].path, to);
		if (mount(kernel[i].type, to, kernel[i].type, KERNEL_FLAGS, NULL) < 0)
			return failed(t, -errno, to);
	}
	return 0;
}

int mounted_make(const struct entry *e, const char *root, struct trouble *t)
{
	const struct container *c = &e->container;
	int r = root[0] ? mount_kernel(root, t) : 0;

	for (size_t i = 0; root[0] && r == 0 && i < COUNT_OF(nodes); i++)
		r = bind_node(root, nodes[i], t);
	for (size_t i = 0; r == 0 && i < c->devices; i++)
		r = bind_node(root, c->device[i], t);
	for (size_t i = 0; r == 0 && i < c->binds; i++)
		r = bind_one(root, &c->bind[i], t);
	return r;
}

/* What is no mount is refused (EINVAL), what is not there too. Where it was is nothing to be found
 * by the next layer. */
static void undo_one(const char *root, const char *to)
{
	char path[256];

	place(root, to, path);
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		remove(path);
}

void mounted_undo(const struct entry *e, const char *root)
{
	const struct container *c = &e->container;
	char path[256];

	for (size_t i = c->binds; i-- > 0;) {
		const struct bind *b = &c->bind[i];

		if (root[0] || strcmp(b->from, b->to) != 0 || b->read_only)
			undo_one(root, b->to);
	}
	for (size_t i = c->devices; root[0] && i-- > 0;)
		undo_one(root, c->device[i]);
	for (size_t i = COUNT_OF(nodes); root[0] && i-- > 0;)
		undo_one(root, nodes[i]);
	for (size_t i = COUNT_OF(kernel); root[0] && i-- > 0;) {
		place(root, kernel[i].path, path);
		umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
	}
}
