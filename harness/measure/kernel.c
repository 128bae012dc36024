/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/kernel.h"

#include <errno.h>
#include <string.h>

#include "format/guid.h"

/* The setup header's fields: offsets in the file. */
enum {
	SETUP_MAGIC = 0x202,
	SETUP_PROTOCOL = 0x206,
	SETUP_LOADER = 0x210,
	SETUP_LOADFLAGS = 0x211,
	SETUP_INITRD_ADDRESS = 0x218,
	SETUP_INITRD_SIZE = 0x21c,
	SETUP_HEAP_END = 0x224,
	SETUP_CMDLINE = 0x228,
	SETUP_INITRD_MAX = 0x22c,
	SETUP_XLOADFLAGS = 0x236,
	SETUP_END = 0x268,
};
#define LOADED_HIGH        0x01
#define CAN_USE_HEAP       0x80
#define XLF_ABOVE_4G       0x02
#define LOADER_QEMU        0xb0
#define REAL_MODE_ADDRESS  0x10000
#define CMDLINE_ADDRESS    0x20000
#define ACPI_DATA_SIZE     0x28000 /* what a PC machine keeps free below the top of low RAM */
#define PROTOCOL_XLOADFLAG 0x20c

static void put16(uint8_t *p, unsigned value)
{
	p[0] = value & 0xff;
	p[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, value & 0xffff);
	put16(p + 2, value >> 16);
}

static uint32_t get32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

bool kernel_is_linux(struct bytes kernel)
{
	return kernel.size >= SETUP_END && memcmp(kernel.data + SETUP_MAGIC, "HdrS", 4) == 0;
}

static int check_header(struct bytes kernel, struct err *e)
{
	const uint8_t *k = kernel.data;

	if (!kernel_is_linux(kernel))
		return err_set(e, -EBADMSG, "kernel: bad-magic at byte %d: no x86 Linux image",
		               SETUP_MAGIC);
	/* Older ones are loaded elsewhere; no EFI kernel is that old. */
	if ((k[SETUP_PROTOCOL] | k[SETUP_PROTOCOL + 1] << 8) < 0x203 ||
	    !(k[SETUP_LOADFLAGS] & LOADED_HIGH))
		return err_set(e, -EBADMSG, "kernel: bad-version at byte %d: no bzImage",
		               SETUP_PROTOCOL);
	return 0;
}

/* The initrd ends at the highest page the kernel allows below the top of low RAM. */
static int place_initrd(uint8_t *k, const struct kernel_boot *boot, struct err *e)
{
	unsigned protocol = k[SETUP_PROTOCOL] | (unsigned)k[SETUP_PROTOCOL + 1] << 8;
	uint64_t max = get32(k + SETUP_INITRD_MAX);

	if (protocol >= PROTOCOL_XLOADFLAG && (k[SETUP_XLOADFLAGS] & XLF_ABOVE_4G))
		max = UINT32_MAX;
	if (boot->low <= ACPI_DATA_SIZE)
		return err_set(e, -EINVAL, "memory: too small for a kernel");
	if (max >= boot->low - ACPI_DATA_SIZE)
		max = boot->low - ACPI_DATA_SIZE - 1;
	if (boot->initrd_size >= max)
		return err_set(e, -EINVAL, "initrd: larger than the memory it may use");
	put32(k + SETUP_INITRD_ADDRESS, (uint32_t)((max - boot->initrd_size) & ~0xfffull));
	put32(k + SETUP_INITRD_SIZE, (uint32_t)boot->initrd_size);
	return 0;
}

static int patch(uint8_t *k, const struct kernel_boot *boot, struct err *e)
{
	k[SETUP_LOADER] = LOADER_QEMU;
	k[SETUP_LOADFLAGS] |= CAN_USE_HEAP;
	put16(k + SETUP_HEAP_END, CMDLINE_ADDRESS - REAL_MODE_ADDRESS - 0x200);
	put32(k + SETUP_CMDLINE, CMDLINE_ADDRESS);
	return boot->initrd_size > 0 ? place_initrd(k, boot, e) : 0;
}

#define HALF (GUID_SIZE / 2)

struct search {               /* for GUIDs in two halves */
	const uint8_t *begin; /* of what is looked through */
	const uint8_t *half[4];
	bool found[4];
};

/* A half may have begun in the part before. */
static void look_through(void *userdata, const void *data, size_t size)
{
	struct search *s = userdata;
	const uint8_t *from = data;
	size_t before = (size_t)(from - s->begin);

	before = before < HALF - 1 ? before : HALF - 1;
	for (size_t i = 0; i < COUNT_OF(s->half); i++)
		s->found[i] = s->found[i] || memmem(from - before, size + before, s->half[i], HALF);
}

enum kernel_stub kernel_stub(const struct view *v, struct bytes kernel)
{
	static const uint8_t cc[GUID_SIZE] = /* EFI_CC_MEASUREMENT_PROTOCOL, UEFI 2.10 38.2.3 */
	        GUID(0x96751a3d, 0x72f4, 0x41a6, 0xa7, 0x94, 0xed, 0x5d, 0x0e, 0x67, 0xae, 0x6b);
	static const uint8_t tcg2[GUID_SIZE] = /* EFI_TCG2_PROTOCOL */
	        GUID(0x607f766c, 0x7455, 0x42be, 0x93, 0x0b, 0xe4, 0xd7, 0x6d, 0xb2, 0x72, 0x0f);
	struct search s = {kernel.data, {cc, cc + HALF, tcg2, tcg2 + HALF}, {false}};

	view_pour(v, kernel, look_through, &s);
	if (s.found[0] && s.found[1])
		return KERNEL_STUB_MEASURES;
	return s.found[2] && s.found[3] ? KERNEL_STUB_SILENT : KERNEL_STUB_UNKNOWN;
}

int kernel_read(const struct view *v, struct bytes kernel, const struct kernel_boot *boot,
                struct kernel_image *ret, struct err *e)
{
	struct bytes head = kernel;
	int r;

	r = check_header(kernel, e);
	if (r < 0)
		return r;
	if (boot->patched) {
		head = (struct bytes){ret->head, kernel.size < KERNEL_HEAD_SIZE ? kernel.size
		                                                                : KERNEL_HEAD_SIZE};
		memcpy(ret->head, kernel.data, head.size);
		r = patch(ret->head, boot, e);
		if (r < 0)
			return r;
	}
	r = pe_parse_with_head(kernel, head, &ret->pe, e);
	if (r < 0)
		err_prefix(e, "kernel");
	else
		ret->pe.view = v;
	return r;
}
