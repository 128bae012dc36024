/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/launch.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "format/extend.h"
#include "measure/util.h"

#define AGENT_MAX   (64u << 20) /* bytes */
#define ENTRIES_MAX 10000

void launch_agent_image(struct bytes agent, uint8_t ret[48])
{
	/* As the agent makes it (guests/agent/rootfs.c), in the order of the walk. */
	static const struct {
		char type;
		const char *path;
	} tree[] = {
	        {'d', "/"},
	        {'f', "/agent"},
	        {'d', "/dev"},
	        {'d', "/etc"},
	        {'f', "/etc/hostname"},
	        {'f', "/etc/hosts"},
	        {'f', "/etc/resolv.conf"},
	        {'d', "/proc"},
	        {'d', "/root"},
	        {'d', "/run"},
	        {'d', "/sys"},
	        {'d', "/tmp"},
	        {'d', "/usr"},
	};
	uint8_t own[48], empty[48];
	struct sha512 h;

	sha384(agent.data, agent.size, own);
	sha384("", 0, empty);
	launch_image_init(&h);
	for (size_t i = 0; i < sizeof(tree) / sizeof(tree[0]); i++) {
		bool is_agent = strcmp(tree[i].path, "/agent") == 0;
		bool is_file = tree[i].type == 'f';

		launch_image_add(&h, tree[i].type, !is_file || is_agent ? 0755 : 0644,
		                 !is_file   ? NULL
		                 : is_agent ? own
		                            : empty,
		                 tree[i].path);
	}
	launch_image_final(&h, ret);
}

static void archive_freep(struct archive **a)
{
	if (*a)
		archive_read_free(*a);
}

static bool is_init(struct archive_entry *entry)
{
	const char *path = archive_entry_pathname(entry);

	if (path && strncmp(path, "./", 2) == 0)
		path += 2;
	return path && strcmp(path, "init") == 0 && archive_entry_filetype(entry) == AE_IFREG;
}

int launch_container_image(struct bytes initrd, uint8_t ret[48], struct err *e)
{
	_cleanup_(archive_freep) struct archive *a = archive_read_new();
	_cleanup_(freep) uint8_t *data = NULL;
	struct archive_entry *entry;
	int64_t size;

	if (!a)
		return err_sys(e, -ENOMEM, "initrd");
	if (archive_read_support_format_cpio(a) != ARCHIVE_OK ||
	    archive_read_open_memory(a, initrd.data, initrd.size) != ARCHIVE_OK)
		return err_set(e, -ENOENT, "initrd: no cpio archive");
	for (int i = 0; i < ENTRIES_MAX && archive_read_next_header(a, &entry) == ARCHIVE_OK; i++) {
		if (!is_init(entry))
			continue;
		size = archive_entry_size(entry);
		if (size <= 0 || size > AGENT_MAX || (uint64_t)size > initrd.size)
			break;
		data = malloc((size_t)size);
		if (!data)
			return err_sys(e, -ENOMEM, "initrd");
		if (archive_read_data(a, data, (size_t)size) != size)
			break;
		launch_agent_image((struct bytes){data, (size_t)size}, ret);
		return 0;
	}
	return err_set(e, -ENOENT, "initrd: no cpio archive with a program 'init'");
}
