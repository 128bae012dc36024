/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/delegate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/place.h"
#include "agent/util.h"

#define STAGE GRANT_DELEGATED_DIR

int delegate_change(struct container *c, const char *path, uid_t uid, gid_t gid, mode_t mode,
                    struct trouble *t)
{
	if (c->changes == CONTAINER_CHANGES_MAX)
		return trouble_set(t, -E2BIG, "node", "%s", path);
	if (stat(path, &c->changed[c->changes].before) < 0)
		return errno == ENOENT ? 0 : trouble_set(t, -errno, "node", "%s", path);
	c->changed[c->changes++].path = path;
	if (chown(path, uid, gid) < 0 || (mode && chmod(path, mode) < 0))
		return trouble_set(t, -errno, "node", "%s: %s", path, strerror(errno));
	return 0;
}

/* A bind of `from`, of the same type, below STAGE. */
static int stage(struct entry *e, const char *from, bool dir, const char **ret_from,
                 struct trouble *t)
{
	struct container *c = &e->container;
	char *path = c->staged[c->stages];
	int r = c->stages == CONTAINER_STAGES_MAX ? -E2BIG : util_mkdirs(STAGE, 0755);

	if (r == 0) {
		snprintf(path, sizeof(c->staged[0]), STAGE "/%s-%zu", e->name, c->stages);
		r = dir ? util_mkdirs(path, 0755) : util_create_file(path, "", 0, 0644);
	}
	if (r == 0 && mount(from, path, NULL, MS_BIND, NULL) < 0)
		r = -errno;
	if (r < 0)
		return trouble_set(t, r, "delegate", "%s: %s", from, strerror(-r));
	c->stages++;
	*ret_from = path;
	return 0;
}

int delegate_entry(struct entry *e, uid_t uid, const char **ret_from, struct trouble *t)
{
	struct container *c = &e->container;
	char path[sizeof(c->delegated) + 16];

	snprintf(c->delegated, sizeof(c->delegated), "%s/%s", place_reports(), e->name);
	if (mkdir(c->delegated, 0755) < 0) {
		int r = -errno;
		trouble_set(t, r, "delegate", "%s: %s", c->delegated, strerror(-r));
		c->delegated[0] = '\0';
		return r;
	}
	snprintf(path, sizeof(path), "%s/inblob", c->delegated);
	if (chown(path, uid, (gid_t)-1) < 0)
		return trouble_set(t, -errno, "delegate", "%s: %s", path, strerror(errno));
	return stage(e, c->delegated, true, ret_from, t);
}

int delegate_file(struct entry *e, const char *path, uid_t uid, const char **ret_from,
                  struct trouble *t)
{
	int r = delegate_change(&e->container, path, uid, (gid_t)-1, 0, t);

	return r == 0 ? stage(e, path, false, ret_from, t) : r;
}

void delegate_neighbour(struct entry *e)
{
	struct container *c = &e->container;

	snprintf(c->neighbour, sizeof(c->neighbour), "%s/neighbour-of-%s", place_reports(),
	         e->name);
	if (mkdir(c->neighbour, 0755) < 0)
		c->neighbour[0] = '\0';
}

void delegate_undo(struct container *c)
{
	while (c->stages > 0) {
		const char *path = c->staged[--c->stages];

		if (umount2(path, MNT_DETACH) < 0)
			util_log("%s can't be unmounted: %s", path, strerror(errno));
		remove(path);
	}
	if (c->delegated[0] && rmdir(c->delegated) < 0)
		util_log("%s can't be removed: %s", c->delegated, strerror(errno));
	if (c->neighbour[0])
		rmdir(c->neighbour);
	c->delegated[0] = c->neighbour[0] = '\0';
}
