/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sdboot/cpio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODE_FOLDER   0040000u
#define MODE_FILE     0100000u
#define PARENTS_PERMS 0555u

void buffer_done(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){0};
}

void buffer_append(struct buffer *b, const void *data, size_t size)
{
	uint8_t *grown = b->failed ? NULL : realloc(b->data, b->size + size + 1);

	if (!grown) {
		b->failed = true;
		return;
	}
	b->data = grown;
	if (size > 0)
		memcpy(b->data + b->size, data, size);
	b->size += size;
}

void buffer_pad4(struct buffer *b)
{
	buffer_append(b, "\0\0\0", (4 - b->size % 4) % 4);
}

/* Every archive begins at a multiple of 4. */
static void add_entry(struct cpio *c, unsigned mode, const char *name, size_t name_size,
                      struct bytes contents)
{
	char header[128];

	snprintf(header, sizeof(header),
	         "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", c->inode++, mode, 0,
	         0, 1, 0, (unsigned)contents.size, 0, 0, 0, 0, (unsigned)name_size + 1, 0);
	buffer_append(c->out, header, strlen(header));
	buffer_append(c->out, name, name_size);
	buffer_append(c->out, "", 1);
	buffer_pad4(c->out);
	buffer_append(c->out, contents.data, contents.size);
	buffer_pad4(c->out);
}

void cpio_folder(struct cpio *c)
{
	const struct bytes nothing = {NULL, 0};

	for (const char *slash = strchr(c->folder, '/'); slash; slash = strchr(slash + 1, '/'))
		add_entry(c, MODE_FOLDER | PARENTS_PERMS, c->folder, (size_t)(slash - c->folder),
		          nothing);
	add_entry(c, MODE_FOLDER | c->folder_mode, c->folder, strlen(c->folder), nothing);
}

void cpio_file(struct cpio *c, const char *name, struct bytes contents)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", c->folder, name);
	add_entry(c, MODE_FILE | c->file_mode, path, strlen(path), contents);
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

	buffer_append(c->out, trailer, sizeof(trailer));
}
