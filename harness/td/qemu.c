/* SPDX-License-Identifier: Apache-2.0 */
#include "td/qemu.h"

#include <jansson.h>
#include <stdlib.h>

#include "run/qemu.h"

static void add_network(const struct td_spec *s, struct argv *a)
{
	argv_add(a, "-netdev");
	argv_add(a, "user,id=net");
	argv_add(a, "-device");
	argv_addf(a, "virtio-net-pci,netdev=net,romfile=%s", qemu_virtio_options(&s->boot));
}

/* JSON, because a path may hold commas. */
static void add_root(const struct td_spec *s, struct argv *a)
{
	json_t *o = json_pack("{s:s, s:s, s:b, s:{s:s, s:s, s:s}}", "node-name", "td-root",
	                      "driver", s->root.is_qcow2 ? "qcow2" : "raw", "read-only", 1, "file",
	                      "driver", s->root.is_device ? "host_device" : "file", "filename",
	                      s->root.path, "locking", "off");
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	argv_add(a, "-blockdev");
	if (text)
		argv_add(a, text);
	else
		a->failed = true;
	argv_add(a, "-device");
	argv_addf(a, "virtio-blk-pci,drive=td-root,serial=tception-td-root%s",
	          qemu_virtio_options(&s->boot));
	free(text);
	json_decref(o);
}

void td_qemu_options(const struct td_spec *s, struct argv *ret)
{
	if (s->network)
		add_network(s, ret);
	if (s->root.path)
		add_root(s, ret);
}
