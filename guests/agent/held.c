/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/held.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "agent/driver.h"
#include "agent/util.h"

static int64_t available_kib(void)
{
	_cleanup_(util_freep) char *text = NULL;

	if (util_read_file("/proc/meminfo", 64 << 10, &text, NULL) < 0)
		return 0;
	const char *line = strstr(text, "MemAvailable:");
	return line ? strtoll(line + strlen("MemAvailable:"), NULL, 10) : 0;
}

/* File systems that were counted: folders may be on the same one. */
struct counted {
	dev_t seen[16];
	size_t count;
	int64_t kib;
};

static void count(struct counted *c, const char *folder)
{
	struct statvfs v;
	struct stat st;

	if (c->count == COUNT_OF(c->seen) || stat(folder, &st) < 0 || statvfs(folder, &v) < 0)
		return;
	for (size_t i = 0; i < c->count; i++) {
		if (c->seen[i] == st.st_dev)
			return;
	}
	c->seen[c->count++] = st.st_dev;
	c->kib += (int64_t)(v.f_blocks - v.f_bfree) * (int64_t)v.f_frsize / 1024;
}

/* Where drivers and engines keep what belongs to a layer. */
static int64_t used_kib(void)
{
	struct counted c = {0};
	const struct storage *s;

	count(&c, "/");
	count(&c, RUN_DIR);
	count(&c, "/tmp");
	for (size_t i = 0; (s = driver_storage(i)) != NULL; i++)
		count(&c, s->path);
	return c.kib;
}

void held_begin(struct held *h)
{
	*h = (struct held){.disk = used_kib(), .begun = util_now_fine_ms()};
	h->most = h->disk;
}

void held_start(struct held *h)
{
	h->memory = h->least = available_kib();
	h->started = util_now_fine_ms();
}

void held_look(struct held *h, int64_t since)
{
	int64_t memory, disk;

	if (h->first_byte == 0)
		h->first_byte = (double)since;
	memory = available_kib();
	disk = used_kib();
	h->least = memory < h->least ? memory : h->least;
	h->most = disk > h->most ? disk : h->most;
}

static void add(json_t *left, const char *name, bool reached, double value)
{
	json_object_set_new(left, name, reached ? json_real(value) : json_null());
}

void held_add(const struct held *h, json_t *left)
{
	bool alive = h->first_byte > 0;

	add(left, "prepare_ms", h->started > 0, h->started - h->begun);
	add(left, "ready_ms", alive, h->first_byte - h->started);
	add(left, "memory_kib", alive && h->memory > 0, (double)(h->memory - h->least));
	add(left, "disk_kib", alive, (double)(h->most - h->disk));
}
