/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/held.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "agent/driver.h"
#include "agent/util.h"

/* Where drivers and engines keep what belongs to a layer; several may be one file system. */
static const char *const storage[] = {"/",
                                      RUN_DIR,
                                      "/tmp",
                                      "/var/lib/docker",
                                      "/var/lib/containers",
                                      "/var/lib/lxc",
                                      "/home/tception"};

static int64_t available_kib(void)
{
	_cleanup_(util_freep) char *text = NULL;

	if (util_read_file("/proc/meminfo", 64 << 10, &text, NULL) < 0)
		return 0;
	const char *line = strstr(text, "MemAvailable:");
	return line ? strtoll(line + strlen("MemAvailable:"), NULL, 10) : 0;
}

static int64_t used_kib(void)
{
	dev_t seen[COUNT_OF(storage)];
	size_t count = 0;
	int64_t sum = 0;

	for (size_t i = 0; i < COUNT_OF(storage); i++) {
		struct statvfs v;
		struct stat st;
		size_t k = 0;
		if (stat(storage[i], &st) < 0 || statvfs(storage[i], &v) < 0)
			continue;
		while (k < count && seen[k] != st.st_dev)
			k++;
		if (k < count)
			continue;
		seen[count++] = st.st_dev;
		sum += (int64_t)(v.f_blocks - v.f_bfree) * (int64_t)v.f_frsize / 1024;
	}
	return sum;
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
