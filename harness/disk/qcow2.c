/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/cleanup.h"
#include "disk/internal.h"
#include "format/bytes.h"

#define HEADER_V2      72
#define HEADER_V3      104
#define L1_ENTRIES_MAX (4u << 20) /* QEMU's own limit: 32 MiB of table */
#define SIZE_LIMIT     (1ull << 56)

/* Header fields (big-endian) by offset. */
enum {
	AT_VERSION = 4,
	AT_BACKING = 8,
	AT_CLUSTER_BITS = 20,
	AT_SIZE = 24,
	AT_CRYPT = 32,
	AT_L1_SIZE = 36,
	AT_L1_OFFSET = 40,
	AT_INCOMPATIBLE = 72,
	AT_HEADER_LENGTH = 100,
};
#define FEATURE_DIRTY 1u /* reference counts may be wrong: of no concern to a reader */

#define ENTRY_OFFSET     0x00fffffffffffe00ull
#define ENTRY_COMPRESSED (1ull << 62)
#define ENTRY_ZERO       1ull /* version 3 */

struct qcow2 {
	unsigned cluster_bits;
	unsigned version;
	uint32_t l1_size;
	uint64_t *l1;     /* host byte order */
	uint64_t l2_at;   /* which L2 table is in `l2`; 0: none */
	uint64_t *l2;     /* one cluster, host byte order */
	uint64_t entry;   /* which compressed cluster is in `cluster`; 0: none */
	uint8_t *cluster; /* one cluster, decompressed */
	uint8_t *packed;  /* what it is decompressed from: at most two clusters */
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

static int bad(struct err *e, uint64_t at, const char *what)
{
	return err_set(e, -EBADMSG, "qcow2: %s at byte %" PRIu64, what, at);
}

static int check_features(uint64_t bits, struct err *e)
{
	static const struct {
		uint64_t bit;
		const char *name;
	} features[] = {
	        {1ull << 1, "it is marked corrupt"},
	        {1ull << 2, "it keeps its data in an external file"},
	        {1ull << 3, "it is not compressed with zlib: convert it with 'qemu-img convert'"},
	        {1ull << 4, "it has extended L2 entries: convert it with 'qemu-img convert'"},
	};

	for (size_t i = 0; i < COUNT_OF(features); i++) {
		if (bits & features[i].bit)
			return err_set(e, -ENOTSUP, "qcow2: %s", features[i].name);
	}
	if (bits & ~0x1full)
		return err_set(e, -ENOTSUP, "qcow2: unknown features %#" PRIx64, bits);
	return 0;
}

static int check_header(const uint8_t *h, struct qcow2 *q, uint64_t size, struct err *e)
{
	uint64_t cluster_data;

	if (q->version < 2 || q->version > 3)
		return err_set(e, -ENOTSUP, "qcow2: version %u", q->version);
	if (q->version == 3 && be32(h + AT_HEADER_LENGTH) < HEADER_V3)
		return bad(e, AT_HEADER_LENGTH, "bad-size");
	if (be64(h + AT_BACKING) != 0)
		return err_set(e, -ENOTSUP,
		               "qcow2: it has a backing file: flatten it with 'qemu-img convert'");
	if (be32(h + AT_CRYPT) != 0)
		return err_set(e, -ENOTSUP, "qcow2: it is encrypted");
	if (q->cluster_bits < 9 || q->cluster_bits > 21)
		return bad(e, AT_CLUSTER_BITS, "bad-value");
	if (size > SIZE_LIMIT)
		return bad(e, AT_SIZE, "bad-size");
	/* One L1 entry stands for a whole L2 table of clusters. */
	cluster_data = 1ull << (2 * q->cluster_bits - 3);
	if (q->l1_size > L1_ENTRIES_MAX || q->l1_size < (size + cluster_data - 1) / cluster_data)
		return bad(e, AT_L1_SIZE, "bad-count");
	return q->version == 3 ? check_features(be64(h + AT_INCOMPATIBLE) & ~FEATURE_DIRTY, e) : 0;
}

/* Reads a table of 64-bit entries into host byte order. */
static int read_table(struct disk *d, uint64_t at, uint64_t *table, size_t count, struct err *e)
{
	int r = disk_file_read(d, at, table, count * sizeof(*table), e);

	for (size_t i = 0; r == 0 && i < count; i++)
		table[i] = be64((const uint8_t *)&table[i]);
	return r;
}

static int allocate(struct qcow2 *q, struct err *e)
{
	size_t cluster = (size_t)1 << q->cluster_bits;

	q->l1 = calloc(q->l1_size ? q->l1_size : 1, sizeof(*q->l1));
	q->l2 = malloc(cluster);
	q->cluster = malloc(cluster);
	q->packed = malloc(2 * cluster);
	return q->l1 && q->l2 && q->cluster && q->packed ? 0 : err_sys(e, -ENOMEM, "qcow2");
}

static void qcow2_freep(struct qcow2 **q)
{
	qcow2_free(*q);
}

int qcow2_open(struct disk *d, struct qcow2 **ret, uint64_t *ret_size, struct err *e)
{
	_cleanup_(qcow2_freep) struct qcow2 *q = calloc(1, sizeof(*q));
	uint8_t h[HEADER_V3] = {0};
	uint64_t size, l1_at;
	int r;

	if (!q)
		return err_sys(e, -ENOMEM, "qcow2");
	r = disk_file_read(d, 0, h, HEADER_V2, e);
	if (r < 0)
		return r;
	q->version = be32(h + AT_VERSION);
	if (q->version == 3)
		r = disk_file_read(d, 0, h, HEADER_V3, e);
	if (r < 0)
		return r;
	q->cluster_bits = be32(h + AT_CLUSTER_BITS);
	q->l1_size = be32(h + AT_L1_SIZE);
	size = be64(h + AT_SIZE);
	l1_at = be64(h + AT_L1_OFFSET);
	r = check_header(h, q, size, e);
	if (r < 0)
		return r;
	if (l1_at > d->file_size || q->l1_size > (d->file_size - l1_at) / sizeof(*q->l1))
		return bad(e, AT_L1_OFFSET, "bad-value");
	r = allocate(q, e);
	if (r == 0)
		r = read_table(d, l1_at, q->l1, q->l1_size, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(q);
	*ret_size = size;
	return 0;
}

void qcow2_free(struct qcow2 *q)
{
	if (!q)
		return;
	free(q->l1);
	free(q->l2);
	free(q->cluster);
	free(q->packed);
	free(q);
}

/* The L2 entry of the cluster at a guest offset; 0 when nothing was ever written there. */
static int find_entry(struct disk *d, uint64_t offset, uint64_t *ret, struct err *e)
{
	struct qcow2 *q = d->qcow2;
	size_t per_table = ((size_t)1 << q->cluster_bits) / sizeof(uint64_t);
	uint64_t cluster = offset >> q->cluster_bits, table;
	int r = 0;

	table = q->l1[cluster / per_table] & ENTRY_OFFSET;
	if (table == 0) {
		*ret = 0;
		return 0;
	}
	if (table & ((1ull << q->cluster_bits) - 1))
		return bad(e, table, "bad-value");
	if (table != q->l2_at) {
		q->l2_at = 0;
		r = read_table(d, table, q->l2, per_table, e);
		if (r == 0)
			q->l2_at = table;
	}
	if (r == 0)
		*ret = q->l2[cluster % per_table];
	return r;
}

static int inflate_cluster(struct qcow2 *q, size_t packed_size)
{
	z_stream z = {
	        .next_in = q->packed,
	        .avail_in = (uInt)packed_size,
	        .next_out = q->cluster,
	        .avail_out = 1u << q->cluster_bits,
	};
	int r;

	if (inflateInit2(&z, -12) != Z_OK) /* raw deflate, window of 4 KiB: what QEMU writes */
		return -ENOMEM;
	r = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	/* Sectors are rounded up, so bytes may follow the stream; the cluster must be whole. */
	return (r == Z_STREAM_END || r == Z_BUF_ERROR) && z.avail_out == 0 ? 0 : -EBADMSG;
}

static int load_compressed(struct disk *d, uint64_t entry, struct err *e)
{
	struct qcow2 *q = d->qcow2;
	unsigned shift = 62 - (q->cluster_bits - 8);
	uint64_t at = entry & ((1ull << shift) - 1);
	uint64_t sectors =
	        ((entry & ~ENTRY_COMPRESSED) >> shift & ((1ull << (62 - shift)) - 1)) + 1;
	uint64_t size = sectors * DISK_SECTOR - (at & (DISK_SECTOR - 1));
	int r;

	if (entry == q->entry)
		return 0;
	q->entry = 0;
	if (at >= d->file_size || size > 2ull << q->cluster_bits)
		return bad(e, at, "bad-size");
	/* The last sector of the file need not be a whole one. */
	if (size > d->file_size - at)
		size = d->file_size - at;
	r = disk_file_read(d, at, q->packed, (size_t)size, e);
	if (r < 0)
		return r;
	r = inflate_cluster(q, (size_t)size);
	if (r < 0)
		return bad(e, at, "damaged compressed cluster");
	q->entry = entry;
	return 0;
}

/* Where a cluster is that is not compressed: VIEW_ZEROS, nowhere. */
static int place_of(const struct qcow2 *q, uint64_t entry, uint64_t *ret, struct err *e)
{
	uint64_t at = entry & ENTRY_OFFSET;

	*ret = at;
	if (at == 0 || (q->version == 3 && (entry & ENTRY_ZERO)))
		*ret = VIEW_ZEROS;
	else if (at & ((1ull << q->cluster_bits) - 1))
		return bad(e, at, "bad-value");
	return 0;
}

/* Bytes within one cluster. */
static int read_part(struct disk *d, uint64_t offset, uint8_t *out, size_t size, struct err *e)
{
	struct qcow2 *q = d->qcow2;
	uint64_t within = offset & ((1ull << q->cluster_bits) - 1), entry = 0, at = 0;
	int r = find_entry(d, offset, &entry, e);

	if (r < 0)
		return r;
	if (entry & ENTRY_COMPRESSED) {
		r = load_compressed(d, entry, e);
		if (r == 0)
			memcpy(out, q->cluster + within, size);
		return r;
	}
	r = place_of(q, entry, &at, e);
	if (r < 0)
		return r;
	if (at == VIEW_ZEROS) {
		memset(out, 0, size);
		return 0;
	}
	return disk_file_read(d, at + within, out, size, e);
}

/* How many of `size` bytes are in the cluster of the first. */
static uint64_t part_size(const struct qcow2 *q, uint64_t offset, uint64_t size)
{
	uint64_t cluster = 1ull << q->cluster_bits, room = cluster - (offset & (cluster - 1));

	return size < room ? size : room;
}

int qcow2_plan(struct disk *d, uint64_t offset, uint64_t size, struct view_plan *p)
{
	struct qcow2 *q = d->qcow2;
	int r = 0;

	for (uint64_t n; r == 0 && size > 0; offset += n, size -= n) {
		uint64_t entry = 0, at = 0;

		n = part_size(q, offset, size);
		r = find_entry(d, offset, &entry, NULL);
		if (r == 0 && (entry & ENTRY_COMPRESSED))
			r = -ENOTSUP;
		if (r == 0)
			r = place_of(q, entry, &at, NULL);
		if (r == 0 && at != VIEW_ZEROS) {
			at += offset & ((1ull << q->cluster_bits) - 1);
			r = at > d->file_size || n > d->file_size - at ? -EBADMSG : 0;
		}
		if (r == 0)
			r = view_plan_add(p, at, n);
	}
	return r;
}

int qcow2_read(struct disk *d, uint64_t offset, uint8_t *out, size_t size, struct err *e)
{
	while (size > 0) {
		size_t n = (size_t)part_size(d->qcow2, offset, size);
		int r = read_part(d, offset, out, n, e);

		if (r < 0)
			return r;
		offset += n;
		out += n;
		size -= n;
	}
	return 0;
}
