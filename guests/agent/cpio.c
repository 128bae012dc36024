/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cpio.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int cpio_make_initrd(const char *program, const char *output)
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
	        {.name = "TRAILER!!!"},
	};
	FILE *f = fopen(output, "we");
	if (!f)
		return -errno;
	for (size_t i = 0; i < COUNT_OF(members); i++)
		write_member(f, &members[i], (unsigned)i + 1);
	bool failed = ferror(f);
	return fclose(f) != 0 || failed ? -EIO : 0;
}
