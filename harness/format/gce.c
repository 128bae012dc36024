/* SPDX-License-Identifier: Apache-2.0 */
#include "format/gce.h"

#include "format/reader.h"

/* ---- protobuf's wire format ---- */

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct field {
	uint64_t number;
	uint64_t value;       /* of a varint */
	struct reader bytes;  /* of WIRE_BYTES */
	enum wire wire;
	uint64_t at;
};

static uint64_t read_varint(struct reader *r)
{
	uint64_t value = 0, at = reader_offset(r);

	for (unsigned shift = 0; shift < 64 && reader_ok(r); shift += 7) {
		uint8_t byte = reader_u8(r);

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	reader_fail(r, FORMAT_BAD_VALUE, at);
	return 0;
}

/* False at the end, and after a failure. */
static bool next_field(struct reader *r, struct field *f)
{
	uint64_t tag, size;

	if (!reader_ok(r) || reader_left(r) == 0)
		return false;
	*f = (struct field){.at = reader_offset(r)};
	tag = read_varint(r);
	f->number = tag >> 3;
	f->wire = (enum wire)(tag & 7);
	switch ((unsigned)f->wire) {
	case WIRE_VARINT:
		f->value = read_varint(r);
		break;
	case WIRE_64:
		f->value = reader_u64(r);
		break;
	case WIRE_32:
		f->value = reader_u32(r);
		break;
	case WIRE_BYTES:
		size = read_varint(r);
		if (size > reader_left(r))
			reader_fail(r, FORMAT_BAD_SIZE, f->at);
		else
			f->bytes = reader_sub(r, (size_t)size);
		break;
	default:
		reader_fail(r, FORMAT_BAD_TYPE, f->at);
	}
	return reader_ok(r);
}

static bool is_bytes(const struct field *f, uint64_t number)
{
	return f->number == number && f->wire == WIRE_BYTES;
}

static struct bytes view(const struct field *f)
{
	return (struct bytes){f->bytes.data, f->bytes.size};
}

/* What failed in a message inside is a failure of the whole. */
static void join(struct reader *outer, const struct reader *inner)
{
	if (!reader_ok(inner))
		reader_fail(outer, inner->code, inner->fail_at);
}

/* ---- Google's messages ---- */

static void read_measurement(struct reader *outer, struct field *in, struct gce_endorsement *g)
{
	struct gce_mrtd m = {0};
	struct field f;

	while (next_field(&in->bytes, &f)) {
		if (f.number == 1 && f.wire == WIRE_VARINT)
			m.ram_gib = (uint32_t)f.value;
		if (f.number == 2 && f.wire == WIRE_VARINT)
			m.early_accept = f.value != 0;
		if (is_bytes(&f, 3) && f.bytes.size != 48)
			reader_fail(&in->bytes, FORMAT_BAD_SIZE, f.at);
		else if (is_bytes(&f, 3))
			m.mrtd = f.bytes.data;
	}
	join(outer, &in->bytes);
	if (g->mrtds == GCE_MRTDS_MAX)
		reader_fail(outer, FORMAT_BAD_COUNT, in->at);
	else if (m.mrtd)
		g->mrtd[g->mrtds++] = m;
}

static void read_tdx(struct reader *outer, struct field *in, struct gce_endorsement *g)
{
	struct field f;

	g->has_tdx = true;
	while (next_field(&in->bytes, &f)) {
		if (f.number == 1 && f.wire == WIRE_VARINT)
			g->svn = f.value;
		if (is_bytes(&f, 2))
			read_measurement(&in->bytes, &f, g);
	}
	join(outer, &in->bytes);
}

static void read_golden(struct reader *outer, struct field *in, struct gce_endorsement *g)
{
	struct field f;

	g->golden = view(in);
	while (next_field(&in->bytes, &f)) {
		if (is_bytes(&f, 4))
			g->cert = view(&f);
		if (is_bytes(&f, 5))
			g->digest = view(&f);
		if (is_bytes(&f, 6))
			g->ca_bundle = view(&f);
		if (is_bytes(&f, 8))
			read_tdx(&in->bytes, &f, g);
	}
	join(outer, &in->bytes);
}

enum format_code gce_parse(const void *data, size_t size, struct gce_endorsement *ret,
                           uint64_t *ret_offset)
{
	struct gce_endorsement g = {0};
	enum format_code code;
	struct reader r = reader_of(data, size);
	struct field f;

	while (next_field(&r, &f)) {
		if (is_bytes(&f, 1) && g.golden.data) /* the signature is over one of them */
			reader_fail(&r, FORMAT_BAD_COUNT, f.at);
		else if (is_bytes(&f, 1))
			read_golden(&r, &f, &g);
		if (is_bytes(&f, 2))
			g.signature = view(&f);
	}
	if (reader_ok(&r) && (!g.golden.data || !g.signature.data))
		reader_fail(&r, FORMAT_MISSING, size);
	code = reader_end(&r, ret_offset);
	if (code == FORMAT_OK)
		*ret = g;
	return code;
}
