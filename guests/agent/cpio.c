/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cpio.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/util.h"

struct member {
	const char *name;
	unsigned mode, major, minor;
	const char *data;
	size_t size;
};

/* Header, name and data, each padded to 4 bytes; all numbers are 8 hexadecimal digits. */
static void write_member(FILE *f, const struct member *m, unsigned inode)
{
	static const char zero[4];
	size_t name_size = strlen(m->name) + 1;

	fprintf(f, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", inode, m->mode,
	        0, 0, 1, 0, m->size, 0, 0, m->major, m->minor, name_size, 0);
	fwrite(m->name, 1, name_size, f);
	fwrite(zero, 1, (4 - (110 + name_size) % 4) % 4, f);
	if (m->size)
		fwrite(m->data, 1, m->size, f);
	fwrite(zero, 1, (4 - m->size % 4) % 4, f);
}

/* One file of the directory after another. */
static int write_modules(FILE *f, const char *modules, unsigned inode)
{
	DIR *dir = opendir(modules);
	struct dirent *d;
	int r = dir ? 0 : -errno;

	if (dir)
		write_member(f, &(struct member){.name = "modules", .mode = 040755}, inode++);
	while (r == 0 && (d = readdir(dir))) {
		_cleanup_(util_freep) char *data = NULL;
		char from[400], to[300];
		struct member m = {.name = to, .mode = 0100644};
		if (d->d_name[0] == '.')
			continue;
		snprintf(from, sizeof(from), "%s/%s", modules, d->d_name);
		snprintf(to, sizeof(to), "modules/%s", d->d_name);
		r = util_read_file(from, 64 << 20, &data, &m.size);
		m.data = data;
		if (r == 0)
			write_member(f, &m, inode++);
	}
	if (dir)
		closedir(dir);
	return r;
}

int cpio_make_initrd(const char *program, const char *modules, const char *output)
{
	_cleanup_(util_freep) char *data = NULL;
	size_t size = 0;
	int r = util_read_file(program, 64 << 20, &data, &size);

	if (r < 0)
		return r;
	const struct member members[] = {
	        {.name = "dev", .mode = 040755},
	        {.name = "dev/console", .mode = 020600, .major = 5, .minor = 1},
	        {.name = "proc", .mode = 040755},
	        {.name = "sys", .mode = 040755},
	        {.name = "run", .mode = 040755},
	        {.name = "init", .mode = 0100755, .data = data, .size = size},
	};
	const struct member trailer = {.name = "TRAILER!!!"};
	FILE *f = fopen(output, "we");
	if (!f)
		return -errno;
	for (size_t i = 0; i < COUNT_OF(members); i++)
		write_member(f, &members[i], (unsigned)i + 1);
	if (modules)
		r = write_modules(f, modules, COUNT_OF(members) + 1);
	write_member(f, &trailer, 0);
	bool failed = ferror(f);
	if (fclose(f) != 0 || failed)
		r = -EIO;
	if (r < 0)
		unlink(output);
	return r;
}
