/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>

#include "format/bytes.h"
#include "format/sha2.h"
#include "format/tdvf.h"
#include "test/golden.h"
#include "test/tests.h"

/* The image that cases/golden/tdvf/make.py writes: where its parts are. */
static const char small[] = "tdvf/small.fd";
#define SIZE                   0x6000u
#define DESCRIPTOR             (SIZE - 0x400)
#define SECTIONS               7
#define FOOTER                 (SIZE - 32 - 18) /* length and GUID of the table's last entry */
#define TDVF_ENTRY             (FOOTER - 22)    /* u32 offset, u16 length, GUID */
#define FIELD(section, offset) (DESCRIPTOR + 16 + 32 * (section) + (offset))

TEST(sections_as_written)
{
	struct golden g = golden_read(small);
	struct tdvf t;

	ck_assert_int_eq(tdvf_parse(g.data, g.size, &t, NULL), FORMAT_OK);
	ck_assert_uint_eq(t.count, SECTIONS);
	ck_assert_uint_eq(t.section[0].data_offset, 0x2000);
	ck_assert_uint_eq(t.section[0].raw_size, 0x4000);
	ck_assert_uint_eq(t.section[0].address, 0xffffc000);
	ck_assert_uint_eq(t.section[0].memory_size, 0x4000);
	ck_assert_uint_eq(t.section[0].type, TDVF_BFV);
	ck_assert_uint_eq(t.section[0].attributes, TDVF_ATTR_MR_EXTEND);
	ck_assert_uint_eq(t.section[6].type, TDVF_PERM_MEM);
	ck_assert_uint_eq(t.section[6].attributes, TDVF_ATTR_PAGE_AUG);
	golden_done(&g);
}

/* Expected values: printed by cases/golden/tdvf/make.py (Python's hashlib). */
TEST(mrtd_of_small_image)
{
	struct golden g = golden_read(small);
	uint8_t mrtd[48];
	struct tdvf t;

	ck_assert_int_eq(tdvf_parse(g.data, g.size, &t, NULL), FORMAT_OK);
	tdvf_mrtd(g.data, g.size, &t, MRTD_SINGLE_PASS, mrtd);
	assert_hex("single pass", mrtd, 48,
	           "67dcc41324d234ca8baf495172a7e514eb22c44b7bc18aed"
	           "63f1db3cb41924b29af0aa37ede62b367ac799897173d8a8");
	tdvf_mrtd(g.data, g.size, &t, MRTD_TWO_PASS, mrtd);
	assert_hex("two pass", mrtd, 48,
	           "0dd83015c809e5bc9e168fc43779b376aa8d75c8ae2ea110"
	           "57895dcff8f334c6f8812266b8e26f0c9ddc46d11a076d5b");
	golden_done(&g);
}

/* Each row breaks one field; the code and the offset of that field must come back. */
static const struct {
	const char *what;
	uint32_t at;
	int width;
	uint64_t value;
	enum format_code code;
	uint32_t offset;
} broken[] = {
        {"footer GUID", SIZE - 48, 1, 0, FORMAT_MISSING, SIZE - 48},
        {"table longer than the image", FOOTER, 2, 0xffff, FORMAT_BAD_SIZE, FOOTER},
        {"table shorter than its footer", FOOTER, 2, 17, FORMAT_BAD_SIZE, FOOTER},
        {"table without the entry", FOOTER, 2, 18, FORMAT_MISSING, FOOTER},
        {"table ends inside an entry", FOOTER, 2, 18 + 22 + 9, FORMAT_TRUNCATED, TDVF_ENTRY - 9},
        {"zero-length entry", FOOTER - 18, 2, 0, FORMAT_BAD_SIZE, FOOTER - 18},
        {"entry without data", FOOTER - 18, 2, 18, FORMAT_BAD_SIZE, FOOTER - 18},
        {"entry past the table", FOOTER - 18, 2, 49, FORMAT_BAD_SIZE, FOOTER - 18},
        {"entry GUID", FOOTER - 16, 1, 0, FORMAT_MISSING, TDVF_ENTRY - 26},
        {"descriptor before the image", TDVF_ENTRY, 4, SIZE + 1, FORMAT_BAD_VALUE, TDVF_ENTRY},
        {"descriptor past the end", TDVF_ENTRY, 4, 15, FORMAT_BAD_VALUE, TDVF_ENTRY},
        {"descriptor elsewhere", TDVF_ENTRY, 4, 0x500, FORMAT_BAD_MAGIC, SIZE - 0x500},
        {"signature", DESCRIPTOR, 4, 0x46564455, FORMAT_BAD_MAGIC, DESCRIPTOR},
        {"length", DESCRIPTOR + 4, 4, 16 + 32 * 7 + 16, FORMAT_BAD_SIZE, DESCRIPTOR + 4},
        {"version", DESCRIPTOR + 8, 4, 2, FORMAT_BAD_VERSION, DESCRIPTOR + 8},
        {"no section", DESCRIPTOR + 12, 4, 0, FORMAT_BAD_COUNT, DESCRIPTOR + 12},
        {"33 sections", DESCRIPTOR + 12, 4, 33, FORMAT_BAD_COUNT, DESCRIPTOR + 12},
        {"2^32-1 sections", DESCRIPTOR + 12, 4, 0xffffffff, FORMAT_BAD_COUNT, DESCRIPTOR + 12},
        {"data past the end", FIELD(0, 0), 4, 0x2001, FORMAT_BAD_SIZE, FIELD(0, 4)},
        {"data offset past the end", FIELD(0, 0), 4, SIZE + 1, FORMAT_BAD_SIZE, FIELD(0, 0)},
        {"data offset wraps", FIELD(0, 0), 4, 0xfffff000, FORMAT_BAD_SIZE, FIELD(0, 0)},
        {"data offset without data", FIELD(3, 0), 4, 16, FORMAT_BAD_VALUE, FIELD(3, 0)},
        {"raw > memory", FIELD(2, 4), 4, 0x2001, FORMAT_BAD_SIZE, FIELD(2, 4)},
        {"BFV without data", FIELD(0, 4), 4, 0, FORMAT_BAD_VALUE, FIELD(0, 0)},
        {"CFV without data", FIELD(1, 4), 4, 0, FORMAT_BAD_SIZE, FIELD(1, 4)},
        {"TempMem with data", FIELD(3, 4), 4, 16, FORMAT_BAD_SIZE, FIELD(3, 4)},
        {"misaligned address", FIELD(1, 8), 8, 0xffff8800, FORMAT_BAD_VALUE, FIELD(1, 8)},
        {"overlap by a page", FIELD(5, 8), 8, 0x808000 + 0x1000, FORMAT_OVERLAP, FIELD(5, 8)},
        {"the same address twice", FIELD(3, 8), 8, 0x900000, FORMAT_OVERLAP, FIELD(3, 8)},
        {"memory size 0", FIELD(3, 16), 8, 0, FORMAT_BAD_SIZE, FIELD(3, 16)},
        {"misaligned memory size", FIELD(3, 16), 8, 0x1001, FORMAT_BAD_SIZE, FIELD(3, 16)},
        {"memory wraps", FIELD(6, 16), 8, 0xffffffffc0001000, FORMAT_BAD_SIZE, FIELD(6, 16)},
        {"added memory of one", FIELD(0, 16), 8, 0x8001000, FORMAT_BAD_SIZE, FIELD(0, 16)},
        {"added memory of all", FIELD(0, 16), 8, 0x8000000, FORMAT_BAD_SIZE, FIELD(1, 16)},
        {"added memory and a page", FIELD(0, 16), 8, 0x7ff7000, FORMAT_BAD_SIZE, FIELD(5, 16)},
        {"type 7", FIELD(3, 24), 4, 7, FORMAT_BAD_TYPE, FIELD(3, 24)},
        {"two TD HOBs", FIELD(5, 24), 4, TDVF_TD_HOB, FORMAT_DUPLICATE, FIELD(5, 24)},
        {"no BFV", FIELD(0, 24), 4, TDVF_PAYLOAD, FORMAT_MISSING, DESCRIPTOR},
        {"unknown attribute", FIELD(3, 28), 4, 4, FORMAT_BAD_VALUE, FIELD(3, 28)},
        {"extend and aug", FIELD(6, 28), 4, 3, FORMAT_BAD_VALUE, FIELD(6, 28)},
        {"aug with data", FIELD(1, 28), 4, 2, FORMAT_BAD_VALUE, FIELD(1, 28)},
};

TEST_EACH(broken_field_is_named, broken)
{
	struct golden g = golden_read(small);
	uint64_t at = UINT64_MAX;
	enum format_code code;
	struct tdvf t, untouched;

	memset(&untouched, 0x5a, sizeof(untouched));
	t = untouched;
	memcpy(g.data + broken[_i].at, &broken[_i].value, (size_t)broken[_i].width);
	code = tdvf_parse(g.data, g.size, &t, &at);
	ck_assert_msg(code == broken[_i].code && at == broken[_i].offset,
	              "%s: %s at 0x%jx, expected %s at 0x%x", broken[_i].what,
	              format_code_name(code), (uintmax_t)at, format_code_name(broken[_i].code),
	              broken[_i].offset);
	ck_assert_mem_eq(&t, &untouched, sizeof(t));
	golden_done(&g);
}

/* 128 MiB in all, however many sections; what is accepted later is not counted. */
TEST(added_memory_up_to_the_bound)
{
	static const uint64_t most = 0x8000000 - 0xa000; /* the other sections have 0xa000 */
	struct golden g = golden_read(small);
	uint64_t at = 0;
	struct tdvf t;

	memcpy(g.data + FIELD(0, 16), &most, sizeof(most));
	ck_assert_int_eq(tdvf_parse(g.data, g.size, &t, &at), FORMAT_OK);
	golden_done(&g);
}

TEST(second_entry_is_a_duplicate)
{
	struct golden g = golden_read(small);
	uint64_t at = 0;
	struct tdvf t;

	/* The other entry of the table becomes a second TDVF entry: 26 bytes are 22 and 4 spare. */
	memcpy(g.data + TDVF_ENTRY - 22, g.data + TDVF_ENTRY, 22);
	g.data[FOOTER] = 18 + 22 + 22;
	ck_assert_int_eq(tdvf_parse(g.data, g.size, &t, &at), FORMAT_DUPLICATE);
	ck_assert_uint_eq(at, TDVF_ENTRY - 22);
	golden_done(&g);
}

/* Cut anywhere, from the end or from the start: never accepted, never a read outside. */
TEST(every_truncation_is_refused)
{
	struct golden g = golden_read(small);
	struct tdvf t;

	/* a step of a prime but at both ends, where what is parsed lies */
	for (size_t n = 0; n < g.size; n += n < 0x480 || n > DESCRIPTOR ? 1 : 61) {
		struct golden cut = {.data = malloc(n ? n : 1), .size = n};

		memcpy(cut.data, g.data, n);
		ck_assert_int_ne(tdvf_parse(cut.data, n, &t, NULL), FORMAT_OK);
		memcpy(cut.data, g.data + g.size - n, n);
		ck_assert_int_ne(tdvf_parse(cut.data, n, &t, NULL), FORMAT_OK);
		golden_done(&cut);
	}
	golden_done(&g);
}

static uint64_t added_memory(const struct tdvf *t)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < t->count; i++) {
		if (!(t->section[i].attributes & TDVF_ATTR_PAGE_AUG))
			sum += t->section[i].memory_size;
	}
	return sum;
}

TEST(every_flip_is_safe)
{
	struct golden g = golden_read(small);
	size_t accepted = 0;

	for (size_t bit = DESCRIPTOR * 8; bit < SIZE * 8; bit++) {
		uint8_t mrtd[48];
		struct tdvf t;

		if (bit / 8 >= FIELD(SECTIONS, 0) && bit / 8 < TDVF_ENTRY - 26)
			continue; /* between the descriptor and the table */
		g.data[bit / 8] ^= 1 << bit % 8;
		if (tdvf_parse(g.data, g.size, &t, NULL) == FORMAT_OK) {
			accepted++;
			if (added_memory(&t) < 0x20000) /* or it takes minutes */
				tdvf_mrtd(g.data, g.size, &t, MRTD_SINGLE_PASS, mrtd);
		}
		g.data[bit / 8] ^= 1 << bit % 8;
	}
	ck_assert_uint_gt(accepted, 0); /* a data offset, say, that is still inside the image */
	golden_done(&g);
}

/*
 * TD HOB digests from genuine event logs (EV_EFI_HANDOFF_TABLES2 "TdxTable"), with the memory size
 * of their machine; logs named in cases/golden/eventlog/ORIGIN.md. Two generations of OVMF differ
 * in their temporary memory.
 */
static const struct {
	uint64_t mib;
	bool old_layout;
	const char *digest;
} hobs[] = {
        {1024, false,
         "2b630fa1d8fa9b6e8c6507d2256803ed227888f7d1f62ca5cfbddfe495338b1c6a0fc339ea64700f0835c0897"
         "a662789"},
        {2048, true,
         "0b8772e5b0b41b83e6044a68397e02f49fb47066b4fbe491"
         "7ea2c45c64f323fdacbb37948f821ebaf8bc9c938ba8a749"},
        {4096, false,
         "02a008e63d55a77823c04a5513a5810d4e592dc41bf25962"
         "67c09eae5d4b4e3b329ae614973fb192297d8833d37a08fd"},
        {8192, true,
         "2e070cda358b5aa00f27cca25c47381bb564f4be3a84d059"
         "805a73cbbde764ed8341f7e09915b5e7b370f9c08a743fbd"},
        {10240, true,
         "05dc148f05a035080b22372d049c35ef80260050516606b4"
         "d9d4eaa2e4d1e06c556374b00217496a235235d1e3d0e026"},
        {65536, true,
         "8ae1e425351df7992c444586eff99d35af3b779aa2b0e981"
         "cb4b73bc5b279f2ade19b6a62a203fc3c3bbdaae80af596d"},
        /* oasisprotocol/cli (Apache-2.0), build/measurement/tdx_qemu_test.go: "as computed by OVMF" */
        {512, true, "00934f9ff0a0f65e41109afb9a7c5a0719f567f32514aeaef4c23c8535793f70"},
        {640, true, "62f2fe0fb274f5e0530e5cefd0e547321f19e5989a73711853ddd9e4b3feb147"},
        {1024, true, "1055c9b9a1fc534e688560e2304e18c8597b7261818cf61fb163d40c13054730"},
        {2048, true, "0b8772e5b0b41b83e6044a68397e02f49fb47066b4fbe4917ea2c45c64f323fd"},
        {2064, true, "149c7f16b4a8fd0f45c908eec2cb8bb55b557a0bb7265f5e90055649599511a5"},
        {2560, true, "e05c12e2a65d57b3ff1f70abd2ae689c7e9096558dc28122befbcecad4a9d6d4"},
        {2624, true, "190cd2f908ac59d9ca2236d69e5e2d8c0b58648229d970331c53c329239f592e"},
        {2688, true, "7386292d589c0cada5ed97b0738e3606eb7fa9920e588d75b68118ec7e4ec753"},
        {2815, true, "51d4fd91da99cc87d6826bd6177fe8c74790b01b6a315d7ca2639d9d1df9e783"},
        {2816, true, "8eb1a02074362aa0761541cdb4dc3f1788dfeb4538803b241477848e26de294d"},
        {3072, true, "798f84285da30f6c295fbb73e3c093cf13164b6ad9d547a123b8d4d305f87a02"},
        {4096, true, "5b684faf8d02a733945f821d9cdd170802e72103977acf66949c9382500283ad"},
        {5120, true, "757f23ac59db87c10d7d01cd92792f9dde979862da0b750ff22e2b61a1cd7e34"},
        {8192, true, "2e070cda358b5aa00f27cca25c47381bb564f4be3a84d059805a73cbbde764ed"},
        {16384, true, "cd2312a0d87ef3c4a928df87088969a80b33d7bf3fc584bdde637b09ed808a8d"},
        /* 13rac1/teep: deployed machines of 192 GiB, 1 TiB and 2 TiB, the beginning of each */
        {192 << 10, true, "09abe9c7"},
        {1 << 20, true, "d6d8d853"},
        {2 << 20, true, "60a36090"},
};

static struct tdvf ovmf_layout(bool old)
{
	struct tdvf t = {
	        .count = 4,
	        .section = {{.address = old ? 0x810000 : 0x811000,
	                     .memory_size = old ? 0x10000 : 0xf000,
	                     .type = TDVF_TEMP_MEM},
	                    {.address = 0x80b000, .memory_size = 0x2000, .type = TDVF_TEMP_MEM},
	                    {.address = 0x809000, .memory_size = 0x2000, .type = TDVF_TD_HOB},
	                    {.address = 0x800000, .memory_size = 0x6000, .type = TDVF_TEMP_MEM}}};
	return t;
}

TEST_EACH(hob_as_genuine_vmms_made_it, hobs)
{
	struct tdvf t = ovmf_layout(hobs[_i].old_layout);
	uint64_t memory = hobs[_i].mib << 20;
	uint64_t low = memory < 0xb0000000 ? memory : 0x80000000;
	uint8_t hob[1024], digest[48];
	size_t size = tdvf_hob_build(&t, low, memory, hob, sizeof(hob));

	ck_assert_uint_gt(size, TDVF_HOB_END_SIZE);
	sha384(hob, size - TDVF_HOB_END_SIZE, digest);
	assert_hex("TD HOB", digest, 48, hobs[_i].digest);
	assert_hex("END", hob + size - TDVF_HOB_END_SIZE, TDVF_HOB_END_SIZE, "ffff080000000000");
	for (size_t n = 0; n < size; n++)
		ck_assert_uint_eq(tdvf_hob_build(&t, low, memory, hob, n), 0);
	ck_assert_uint_eq(tdvf_hob_build(&t, low, memory, hob, size), size);
}

TEST(hob_that_cannot_be)
{
	struct tdvf t = ovmf_layout(false);
	uint8_t hob[1024];

	/* a section outside RAM, and one that hangs over its end */
	ck_assert_uint_eq(tdvf_hob_build(&t, 0x800000, 0x800000, hob, sizeof(hob)), 0);
	ck_assert_uint_eq(tdvf_hob_build(&t, 0x811000, 0x811000, hob, sizeof(hob)), 0);
	ck_assert_uint_ne(tdvf_hob_build(&t, 0x820000, 0x820000, hob, sizeof(hob)), 0);
	ck_assert_uint_eq(tdvf_hob_build(&t, 2u << 30, 1u << 30, hob, sizeof(hob)), 0);
	t.section[2].type = TDVF_TEMP_MEM;
	ck_assert_uint_eq(tdvf_hob_build(&t, 1u << 30, 1u << 30, hob, sizeof(hob)), 0);
}

/*
 * Only where the cached image is the one whose values are known: others have other values. Outside
 * of a test nothing may be asserted.
 */
static bool has_known_ovmf(void)
{
	static const char known[] =
	        "14954040cc754ade0c625ac3470ea46d4c14318b5b1396de4ef77090203d76db";
	const char *cache = getenv("TCEPTION_CACHE");
	char path[512], hex[3];
	uint8_t digest[32], block[4096];
	struct sha256 h;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/OVMF.fd", cache ? cache : "build/cache");
	f = fopen(path, "rb");
	if (!f)
		return false;
	sha256_init(&h);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		sha256_update(&h, block, n);
	fclose(f);
	sha256_final(&h, digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		snprintf(hex, sizeof(hex), "%02x", digest[i]);
		if (memcmp(hex, known + 2 * i, 2) != 0)
			return false;
	}
	return setenv("OVMF_FOR_TEST", path, 1) == 0;
}

/* Values stated by others for this image: see the CFV of genuine dstack and tinfoil logs. */
TEST_IF(debian_trixie_ovmf, has_known_ovmf)
{
	struct golden g = golden_open(getenv("OVMF_FOR_TEST"));
	uint8_t digest[48];
	struct tdvf t;

	ck_assert_int_eq(tdvf_parse(g.data, g.size, &t, NULL), FORMAT_OK);
	ck_assert_uint_eq(t.count, 6);
	ck_assert_uint_eq(t.section[1].type, TDVF_CFV);
	sha384(g.data + t.section[1].data_offset, t.section[1].raw_size, digest);
	assert_hex("CFV", digest, 48,
	           "344bc51c980ba621aaa00da3ed7436f7d6e549197dfe699515dfa2c6583d95e6"
	           "412af21c097d473155875ffd561d6790");
	tdvf_mrtd(g.data, g.size, &t, MRTD_SINGLE_PASS, digest);
	assert_hex("single pass", digest, 48,
	           "bdc6fb145880f06f30c8b346b8dce2a99d9351b56892df22"
	           "f80fcf6574caa9f9c31df8e8576d53b4d0cd1c3f28910e11");
	tdvf_mrtd(g.data, g.size, &t, MRTD_TWO_PASS, digest);
	assert_hex("two pass", digest, 48,
	           "456f07902150d008bb913c3e1e84e9297f735a6c83cd2a95"
	           "7a1f0a8bbedb06df188e3837ae48d32c73d473d097dc0db2");
	golden_done(&g);
}

TESTS("tdvf", .timeout = 60)
