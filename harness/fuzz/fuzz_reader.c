/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader itself: the input is also a program of reads. It never gives a byte from outside, its
 * position never moves back, and after a failure nothing but zeros comes out of it.
 */
#include "format/reader.h"
#include "fuzz/fuzz.h"

static void check(const struct reader *r, const uint8_t *data, size_t size)
{
	FUZZ_CHECK(r->pos <= r->size && r->base + r->size <= size);
	FUZZ_CHECK(reader_ok(r) || r->fail_at <= size);
	FUZZ_CHECK(!r->data || (r->data >= data && r->data + r->size <= data + size));
}

static void step(struct reader *r, uint8_t op, uint8_t argument)
{
	bool failed = !reader_ok(r);
	const size_t before = r->pos;
	uint8_t copy[256];
	uint64_t value = 0;

	switch (op % 8) {
	case 0:
		value = reader_u8(r);
		break;
	case 1:
		value = reader_u16(r);
		break;
	case 2:
		value = reader_u32(r);
		break;
	case 3:
		value = reader_u64(r);
		break;
	case 4:
		value = reader_u32be(r);
		break;
	case 5:
		reader_copy(r, copy, argument);
		for (size_t i = 0; failed && i < argument; i++)
			value |= copy[i];
		break;
	case 6:
		reader_skip(r, argument == 255 ? SIZE_MAX : argument);
		break;
	default:
		*r = reader_sub(r, argument);
		return;
	}
	FUZZ_CHECK(!failed || (value == 0 && r->pos == before));
	FUZZ_CHECK(r->pos >= before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(data, size);

	for (size_t i = 0; i + 1 < size; i += 2) {
		step(&r, data[i], data[i + 1]);
		check(&r, data, size);
	}
	reader_end(&r, NULL);
	return 0;
}
