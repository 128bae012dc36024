/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sdboot/cpio.h"

#include <stdio.h>
#include <string.h>

#define MODE_FOLDER   0040000u
#define MODE_FILE     0100000u
#define PARENTS_PERMS 0555u

void initrd_init(struct initrd *i)
{
	i->size = 0;
	hash384_init(&i->hash);
}

void initrd_append(struct initrd *i, const void *data, size_t size)
{
	hash384_update(&i->hash, data, size);
	i->size += size;
}

void initrd_append_view(struct initrd *i, const struct view *v, struct bytes b)
{
	view_pour(v, b, hash384_take, &i->hash);
	i->size += b.size;
}

void initrd_pad4(struct initrd *i)
{
	initrd_append(i, "\0\0\0", (4 - i->size % 4) % 4);
}

void initrd_final(struct initrd *i, uint8_t digest[48])
{
	hash384_final(&i->hash, digest);
}

/* Every archive begins at a multiple of 4. */
static void add_entry(struct cpio *c, unsigned mode, const char *name, size_t name_size,
                      const struct view *v, struct bytes contents)
{
	char header[128];

	snprintf(header, sizeof(header),
	         "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", c->inode++, mode, 0,
	         0, 1, 0, (unsigned)contents.size, 0, 0, 0, 0, (unsigned)name_size + 1, 0);
	initrd_append(c->out, header, strlen(header));
	initrd_append(c->out, name, name_size);
	initrd_append(c->out, "", 1);
	initrd_pad4(c->out);
	initrd_append_view(c->out, v, contents);
	initrd_pad4(c->out);
}

void cpio_folder(struct cpio *c)
{
	const struct bytes nothing = {NULL, 0};

	for (const char *slash = strchr(c->folder, '/'); slash; slash = strchr(slash + 1, '/'))
		add_entry(c, MODE_FOLDER | PARENTS_PERMS, c->folder, (size_t)(slash - c->folder),
		          NULL, nothing);
	add_entry(c, MODE_FOLDER | c->folder_mode, c->folder, strlen(c->folder), NULL, nothing);
}

void cpio_file(struct cpio *c, const char *name, const struct view *v, struct bytes contents)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", c->folder, name);
	add_entry(c, MODE_FILE | c->file_mode, path, strlen(path), v, contents);
}

void cpio_end(struct cpio *c)
{
	static const char trailer[] =
	        "070701"
	        "00000000"
	        "00000000"
	        "00000000"
	        "00000000"
	        "00000001"
	        "00000000"
	        "00000000"
	        "00000000"
	        "00000000"
	        "00000000"
	        "00000000"
	        "0000000B"
	        "00000000"
	        "TRAILER!!!\0\0\0"; /* and the string's own NUL */

	initrd_append(c->out, trailer, sizeof(trailer));
}
