/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "format/bytes.h"
#include "format/sha2.h"
#include "measure/kernel.h"
#include "measure/pe.h"
#include "test/kernel_image.h"
#include "test/tests.h"

/* What Authenticode covers, cut out by hand: all but checksum, directory entry and signature. */
static void expected_digest(const uint8_t *image, uint8_t digest[48])
{
	struct sha512 h;

	sha384_init(&h);
	sha512_update(&h, image, KERNEL_CHECKSUM);
	sha512_update(&h, image + KERNEL_CHECKSUM + 4, KERNEL_CERTIFICATE - KERNEL_CHECKSUM - 4);
	sha512_update(&h, image + KERNEL_CERTIFICATE + 8,
	              KERNEL_SIGNATURE - KERNEL_CERTIFICATE - 8);
	sha384_final(&h, digest);
}

static void digest_of(const uint8_t *image, uint8_t digest[48])
{
	struct pe pe;
	struct err e;

	ck_assert_msg(pe_parse((struct bytes){image, KERNEL_SIZE}, &pe, &e) == 0, "%s", e.text);
	pe_authenticode(&pe, digest);
}

TEST(authenticode_leaves_three_parts_out)
{
	uint8_t image[KERNEL_SIZE], want[48], got[48];

	kernel_image_make(image);
	expected_digest(image, want);
	digest_of(image, got);
	ck_assert_mem_eq(got, want, 48);
	image[KERNEL_CHECKSUM] ^= 1;
	image[KERNEL_CERTIFICATE] ^= 1; /* where the signature is: not covered; its size is used */
	image[KERNEL_SIGNATURE + 5] ^= 1;
	digest_of(image, got);
	ck_assert_mem_eq(got, want, 48);
	image[KERNEL_TAIL] ^= 1;
	digest_of(image, got);
	ck_assert_mem_ne(got, want, 48);
}

TEST(finds_sections)
{
	uint8_t image[KERNEL_SIZE];
	struct bytes b;
	struct pe pe;

	kernel_image_make(image);
	ck_assert_int_eq(pe_parse((struct bytes){image, sizeof(image)}, &pe, NULL), 0);
	ck_assert_ptr_null(pe_find(&pe, ".linux"));
	b = pe_bytes(&pe, pe_find(&pe, ".text"));
	ck_assert_ptr_eq(b.data, image + 0xa00);
	ck_assert_uint_eq(b.size, KERNEL_TAIL - 0xa00);
}

static const struct {
	unsigned at;
	uint32_t value;
	unsigned size;
	const char *text;
} damages[] = {
        {0, 0, 2, "PE image: bad-magic at byte 0"},
        {0x3c, 8, 4, "PE image: bad-value at byte 60"},
        {0x3c, KERNEL_SIZE + 1, 4, "PE image: bad-value at byte 60"},
        {0x3c, KERNEL_SIZE - 2, 4, "PE image: truncated at byte 4094"},
        {KERNEL_PE, 0, 1, "PE image: bad-magic at byte 128"},
        {KERNEL_PE + 6, 97, 2, "PE image: bad-count at byte 312"},
        {KERNEL_PE + 20, 60, 2, "PE image: truncated at byte 212"},
        {KERNEL_PE + 24, 0x107, 2, "PE image: bad-magic at byte 152"},
        {KERNEL_PE + 24 + 60, 16, 4, "PE image: bad-size at byte 212"},
        {KERNEL_PE + 24 + 60, KERNEL_SIZE + 1, 4, "PE image: bad-size at byte 212"},
        {KERNEL_CERTIFICATE + 4, KERNEL_SIZE, 4, "PE image: bad-size at byte 300"},
        {KERNEL_PE + 24 + 160 + 16, KERNEL_SIZE, 4, "PE image: bad-size at byte 312"},
        {KERNEL_PE + 24 + 160 + 20, 0xffffffff, 4, "PE image: bad-size at byte 312"},
};

TEST_EACH(refuses_damaged_images, damages)
{
	uint8_t image[KERNEL_SIZE];
	struct pe pe;
	struct err e;

	kernel_image_make(image);
	put_le(image + damages[_i].at, damages[_i].value, damages[_i].size);
	ck_assert_int_eq(pe_parse((struct bytes){image, sizeof(image)}, &pe, &e), -EBADMSG);
	ck_assert_str_eq(e.text, damages[_i].text);
}

/* What QEMU 7.2.22 left in fw_cfg for Debian's kernel 6.12 and an initrd of 3000000 bytes. */
static const struct {
	uint64_t low;
	uint32_t initrd;
} places[] = {
        {1ull << 30, 0x3fcfb000},
        {2ull << 30, 0x7fcfb000},
};

static int digest_as_booted(struct bytes kernel, const struct kernel_boot *boot, uint8_t digest[48],
                     struct err *e)
{
	struct kernel_image image;
	int r = kernel_read(NULL, kernel, boot, &image, e);

	if (r == 0)
		pe_authenticode(&image.pe, digest);
	return r;
}

TEST_RANGE(patches_like_qemu, 0, 2)
{
	const struct kernel_boot boot = {places[_i].low, 3000000, true};
	uint8_t image[KERNEL_SIZE], got[48], want[48];
	struct err e;

	kernel_image_make(image);
	ck_assert_msg(digest_as_booted((struct bytes){image, sizeof(image)}, &boot, got, &e) == 0,
	              "%s", e.text);
	image[0x210] = 0xb0;
	image[0x211] = 0x81;
	put_le(image + 0x218, places[_i].initrd, 4);
	put_le(image + 0x21c, 0x2dc6c0, 4);
	put_le(image + 0x224, 0xfe00, 2);
	put_le(image + 0x228, 0x20000, 4);
	expected_digest(image, want);
	ck_assert_mem_eq(got, want, 48);
}

TEST(new_qemu_does_not_patch)
{
	const struct kernel_boot boot = {2ull << 30, 3000000, false};
	uint8_t image[KERNEL_SIZE], got[48], want[48];

	kernel_image_make(image);
	ck_assert_int_eq(digest_as_booted((struct bytes){image, sizeof(image)}, &boot, got, NULL), 0);
	expected_digest(image, want);
	ck_assert_mem_eq(got, want, 48);
}

TEST(refuses_what_is_no_kernel)
{
	const struct kernel_boot boot = {1ull << 30, 1ull << 31, true};
	uint8_t image[KERNEL_SIZE], digest[48];
	const struct bytes kernel = {image, sizeof(image)};
	struct err e;

	kernel_image_make(image);
	ck_assert_int_eq(digest_as_booted(kernel, &boot, digest, &e), -EINVAL);
	ck_assert_str_eq(e.text, "initrd: larger than the memory it may use");
	image[0x206] = 0x02;
	ck_assert_int_eq(digest_as_booted(kernel, &boot, digest, &e), -EBADMSG);
	ck_assert_str_eq(e.text, "kernel: bad-version at byte 518: no bzImage");
	image[0x202] = 0;
	ck_assert_int_eq(digest_as_booted(kernel, &boot, digest, &e), -EBADMSG);
	ck_assert_str_eq(e.text, "kernel: bad-magic at byte 514: no x86 Linux image");
}

TESTS("pe")
