/* SPDX-License-Identifier: Apache-2.0 */
/* Charliecloud's ch-run: a user namespace and this layer's /dev, /proc and /sys. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/container.h"
#include "agent/driver.h"
#include "agent/util.h"

/* It binds to what the image has, and /sys is this layer's anyway. */
static int add_bind(struct entry *e, const struct bind *b, struct trouble *t)
{
	char to[256];
	struct stat st;
	int r = stat(b->from, &st) < 0 ? -errno : 0;

	if (strcmp(b->from, b->to) == 0 && strncmp(b->to, "/sys", 4) == 0)
		return 0;
	snprintf(to, sizeof(to), "%s%s", e->container.root, b->to);
	if (r == 0)
		r = S_ISDIR(st.st_mode) ? util_mkdirs(to, 0755) : util_create_file(to, "", 0, 0644);
	if (r < 0)
		return trouble_set(t, r, "bind", "%s: %s", b->from, strerror(-r));
	command_addf(&e->command, "--bind=%s:%s", b->from, b->to);
	return 0;
}

static int prepare(struct entry *e, struct trouble *t)
{
	const bool user = e->layer.mode == MODE_USER;
	struct command *c = &e->command;
	int r = container_make(e, user ? ROOTLESS_HOME "/ch-root" : RUN_DIR "/ch-root",
	                       user ? ROOTLESS_UID : 0, t);

	c->uid = user ? ROOTLESS_UID : 0;
	c->group = e->container.group;
	command_add_all(c, "env", user ? "USER=tception" : "USER=root", "ch-run", "--no-passwd",
	                "--private-tmp", NULL); /* it asks for $USER */
	for (size_t i = 0; r == 0 && i < e->container.binds; i++)
		r = add_bind(e, &e->container.bind[i], t);
	command_add_all(c, e->container.root, "--", "/agent", e->container.word, NULL);
	command_measure(c, "rootfs", e->container.root);
	return r;
}

static const struct driver charliecloud = {
        .kind = KIND_CHARLIECLOUD, .prepare = prepare, .good_exit = -1};
DRIVER(charliecloud);
