/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/launch.h"

#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/hash.h"
#include "format/bytes.h"
#include "format/extend.h"
#include "measure/unpack.h"

#define AGENT_MAX (64u << 20) /* bytes */

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

	hash384(agent.data, agent.size, own);
	sha384("", 0, empty);
	sha384_init(&h);
	for (size_t i = 0; i < COUNT_OF(tree); i++) {
		bool is_agent = strcmp(tree[i].path, "/agent") == 0;
		bool is_file = tree[i].type == 'f';

		launch_image_add(&h, tree[i].type, !is_file || is_agent ? 0755 : 0644,
		                 !is_file   ? NULL
		                 : is_agent ? own
		                            : empty,
		                 tree[i].path);
	}
	sha384_final(&h, ret);
}

int launch_container_image(struct bytes initrd, uint8_t ret[48], struct err *e)
{
	_cleanup_(bytes_free) struct bytes agent = {NULL, 0};
	int r = unpack_cpio_file(initrd, "init", AGENT_MAX, &agent, e);

	if (r < 0)
		return err_prefix(e, "initrd");
	launch_agent_image(agent, ret);
	return 0;
}
