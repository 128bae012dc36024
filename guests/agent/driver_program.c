/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that start another one on this layer's own root: firejail, which takes something from it,
 * and QEMU as another processor.
 */
#include "agent/container.h"
#include "agent/driver.h"
#include "agent/mounted.h"
#include "agent/util.h"

/* What is at a place of its own is mounted there for the time. */
static int make(struct entry *e, const char *dir, struct trouble *t)
{
	const bool user = e->layer.mode == MODE_USER;
	int r = container_make(e, dir, user ? ROOTLESS_UID : 0, t);

	e->command.uid = user ? ROOTLESS_UID : 0;
	e->command.group = e->container.group;
	return r == 0 ? mounted_make(e, "", t) : r;
}

static void add_agent(struct entry *e)
{
	command_addf(&e->command, "%s/agent", e->container.root);
	command_add(&e->command, e->container.word);
}

static void clean(const struct entry *e)
{
	if (e->container.root[0])
		mounted_undo(e, "");
}

/* ---- firejail, with the profile of a program that has none of its own ---- */
static int prepare_firejail(struct entry *e, struct trouble *t)
{
	struct command *c = &e->command;
	int r = make(e, RUN_DIR "/firejail-root", t);

	command_add_all(c, "firejail", "--quiet", NULL);
	if (layer_has(&e->layer, GRANT_PRIVILEGED))
		command_add(c, "--noprofile");
	for (size_t i = 0; i < e->container.devices; i++)
		command_add(c, "--ignore=private-dev");
	command_add(c, "--");
	add_agent(e);
	return r;
}

/* ---- QEMU's user mode: system calls are this kernel's, as far as it knows them ---- */
static int prepare_qemu_user(struct entry *e, struct trouble *t)
{
	int r = make(e, RUN_DIR "/qemu-user-root", t);

	command_add(&e->command, "qemu-x86_64");
	add_agent(e);
	return r;
}

#define PROGRAM .clean = clean, .good_exit = -1
static const struct driver firejail = {.kind = KIND_FIREJAIL, .prepare = prepare_firejail, PROGRAM};
static const struct driver qemu_user = {
        .kind = KIND_QEMU_USER, .prepare = prepare_qemu_user, PROGRAM};
DRIVER(firejail);
DRIVER(qemu_user);
