/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock by setpriv(1): a program on this layer's own root, which may read and run everything and
 * write what a rule names.
 */
#include <sys/stat.h>

#include "agent/container.h"
#include "agent/driver.h"
#include "agent/mounted.h"

#define FILE_RIGHTS "read-file,write-file"
#define DIR_RIGHTS  FILE_RIGHTS ",read-dir,make-dir,remove-dir"

static void allow(struct command *c, const char *path)
{
	struct stat st;
	const bool dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);

	command_addf(c, "--landlock-rule=path-beneath:%s:%s", dir ? DIR_RIGHTS : FILE_RIGHTS, path);
}

/* What has a place of its own is mounted there for the time. */
static int prepare(struct entry *e, struct trouble *t)
{
	const uid_t uid = e->layer.mode == MODE_USER ? ROOTLESS_UID : 0;
	const struct container *k = &e->container;
	struct command *c = &e->command;
	int r = container_make(e, RUN_DIR "/landlock-root", uid, t);

	if (r == 0)
		r = mounted_make(e, "", t);
	c->uid = uid;
	c->group = k->group;
	command_add_all(c, "setpriv", "--no-new-privs", "--landlock-access=fs",
	                "--landlock-rule=path-beneath:execute,read-file,read-dir:/", NULL);
	allow(c, "/dev/null");
	for (size_t i = 0; i < k->devices; i++)
		allow(c, k->device[i]);
	for (size_t i = 0; i < k->binds; i++) {
		if (!k->bind[i].read_only)
			allow(c, k->bind[i].to);
	}
	command_add(c, "--");
	command_addf(c, "%s/agent", k->root);
	command_add(c, k->word);
	return r;
}

static void clean(const struct entry *e)
{
	if (e->container.root[0])
		mounted_undo(e, "");
}

static const struct driver landlock = {
        .kind = KIND_LANDLOCK, .prepare = prepare, .clean = clean, .good_exit = -1};
DRIVER(landlock);
