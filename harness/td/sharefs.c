/* SPDX-License-Identifier: Apache-2.0 */
#include "td/sharefs.h"

#include <errno.h>
#include <string.h>

#include "td/sharefs_table.h"

#define MINOR     31 /* of FUSE 7: what a kernel of 2020 and later speaks */
#define MAX_PAGES (SHAREFS_DATA_MAX / 4096)

static int no_operation(struct share_call *c)
{
	(void)c;
	return 0;
}

static const struct {
	share_op op;
	bool changes; /* -EROFS where the guest may only read */
} operation[] = {
        [FUSE_LOOKUP] = {share_look_up, false},     [FUSE_GETATTR] = {share_getattr, false},
        [FUSE_READLINK] = {share_readlink, false},  [FUSE_OPEN] = {share_open, false},
        [FUSE_READ] = {share_read, false},          [FUSE_RELEASE] = {share_release, false},
        [FUSE_FLUSH] = {no_operation, false},       [FUSE_DESTROY] = {no_operation, false},
        [FUSE_OPENDIR] = {share_opendir, false},    [FUSE_READDIR] = {share_readdir, false},
        [FUSE_RELEASEDIR] = {share_release, false}, [FUSE_STATFS] = {share_statfs, false},
        [FUSE_FSYNC] = {share_fsync, false},        [FUSE_FSYNCDIR] = {share_fsync, false},
        [FUSE_SETATTR] = {share_setattr, true},     [FUSE_CREATE] = {share_create, true},
        [FUSE_MKNOD] = {share_mknod, true},         [FUSE_MKDIR] = {share_mkdir, true},
        [FUSE_SYMLINK] = {share_symlink, true},     [FUSE_LINK] = {share_link, true},
        [FUSE_UNLINK] = {share_unlink, true},       [FUSE_RMDIR] = {share_rmdir, true},
        [FUSE_RENAME] = {share_rename, true},       [FUSE_RENAME2] = {share_rename2, true},
        [FUSE_WRITE] = {share_write, true},
};

static int greet(struct share_call *c)
{
	uint32_t major = reader_u32(&c->in);
	struct fuse_init_out answer = {.major = FUSE_KERNEL_VERSION,
	                               .minor = MINOR,
	                               .flags = FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES |
	                                        FUSE_AUTO_INVAL_DATA | FUSE_MAX_PAGES,
	                               .max_write = SHAREFS_DATA_MAX,
	                               .time_gran = 1,
	                               .max_pages = MAX_PAGES};

	reader_u32(&c->in);
	answer.max_readahead = reader_u32(&c->in);
	if (!reader_ok(&c->in) || major < FUSE_KERNEL_VERSION)
		return -EPROTO;
	if (answer.max_readahead > SHAREFS_DATA_MAX)
		answer.max_readahead = SHAREFS_DATA_MAX;
	return share_call_put(c, &answer, sizeof(answer));
}

/* There is no answer to these; more than was counted forgets it once. */
static void forget(struct share_call *c, uint64_t id, bool batch)
{
	uint32_t count = 1;

	if (!batch) {
		share_node_forget(c->fs, id, reader_u64(&c->in));
		return;
	}
	count = reader_u32(&c->in);
	reader_u32(&c->in);
	for (uint32_t i = 0; i < count && reader_ok(&c->in); i++) {
		id = reader_u64(&c->in);
		share_node_forget(c->fs, id, reader_u64(&c->in));
	}
}

static int operate(struct share_call *c, uint32_t opcode, uint64_t id)
{
	share_op op = opcode < sizeof(operation) / sizeof(*operation) ? operation[opcode].op : NULL;

	if (opcode == FUSE_INIT)
		return greet(c);
	if (!op)
		return -ENOSYS;
	if (c->fs->read_only && operation[opcode].changes)
		return -EROFS;
	c->node = share_node_find(c->fs, id);
	return c->node ? op(c) : -ESTALE;
}

size_t sharefs_answer(struct sharefs *s, const uint8_t *request, size_t size,
                      uint8_t answer[SHAREFS_MESSAGE_MAX])
{
	struct fuse_out_header header = {0};
	struct share_call c = {
	        .fs = s, .in = reader_of(request, size), .out = answer + sizeof(header)};
	uint32_t opcode;
	uint64_t id;

	reader_u32(&c.in); /* length: whoever cut the message out has looked at it */
	opcode = reader_u32(&c.in);
	header.unique = reader_u64(&c.in);
	id = reader_u64(&c.in);
	reader_skip(&c.in, sizeof(struct fuse_in_header) - 24);
	if (!reader_ok(&c.in))
		return 0;
	if (opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET) {
		forget(&c, id, opcode == FUSE_BATCH_FORGET);
		return 0;
	}
	header.error = operate(&c, opcode, id);
	if (header.error < 0)
		c.size = 0;
	else
		header.error = 0;
	header.len = (uint32_t)(sizeof(header) + c.size);
	memcpy(answer, &header, sizeof(header));
	return header.len;
}
