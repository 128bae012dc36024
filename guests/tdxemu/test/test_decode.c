/* SPDX-License-Identifier: Apache-2.0 */
/*
 * svm/decode.c against this machine's own processor: what LEA computes from a ModRM byte, a SIB byte,
 * a displacement, prefixes and registers is what the module has to compute for an instruction that it
 * carries out; and how long the instruction was is where the processor went on.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "tdxemu/svm/decode.h"
#include "test/tests.h"

#define ROUNDS    20000
#define LEA       0x8d
#define REGISTERS 16
#define FS_BASE   0x123400000000ull

static struct cpu cpu __attribute__((aligned(CPU_SIZE)));
static uint8_t guest_code[INSTRUCTION_MAX];
static uint8_t *page;

unsigned memory_fetch(const struct cpu *c, uint8_t *out, unsigned size)
{
	(void)c;
	memcpy(out, guest_code, size);
	return size;
}

uint64_t msr_read(uint32_t index)
{
	return index == 0xc0000100u ? FS_BASE : 0;
}

static void setup(void)
{
	memset(&cpu, 0, sizeof(cpu));
	cpu.vmcb.efer = EFER_LMA;
	cpu.vmcb.cs.attributes = 0x200;
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	            0);
	ck_assert_ptr_ne(page, MAP_FAILED);
	srandom(16);
}

static void done(void)
{
	munmap(page, 8192);
}

static uint64_t noise(void)
{
	return (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random();
}

/* An LEA to RAX or R8 with any operand in memory. */
static void random_lea(void)
{
	unsigned n = 0;
	uint8_t modrm = (uint8_t)random();

	if (random() % 4 == 0)
		guest_code[n++] = 0x67;
	guest_code[n++] = (uint8_t)(0x48 | (random() & 3)); /* REX.W, X, B; the target is RAX */
	guest_code[n++] = LEA;
	modrm &= 0xc7;
	if (modrm >> 6 == 3)
		modrm &= 0x7f;
	guest_code[n++] = modrm;
	while (n < sizeof(guest_code))
		guest_code[n++] = (uint8_t)random();
}

/*
 * What LEA gives with these registers, but RSP: the stack is used right after. Tells cpu.vmcb.rip
 * where it ran, for RIP-relative addresses.
 */
static uint64_t run_lea(const uint64_t r[REGISTERS], unsigned length)
{
	uint8_t *p = page;

	/* mov $r[i], %i for all but RSP */
	*p++ = 0x55, *p++ = 0x53; /* push rbp, rbx */
	*p++ = 0x41, *p++ = 0x54, *p++ = 0x41, *p++ = 0x55;
	*p++ = 0x41, *p++ = 0x56, *p++ = 0x41, *p++ = 0x57;
	for (unsigned i = 0; i < REGISTERS; i++) {
		if (i == 4)
			continue;
		*p++ = i < 8 ? 0x48 : 0x49;
		*p++ = (uint8_t)(0xb8 | (i & 7));
		memcpy(p, &r[i], 8);
		p += 8;
	}
	cpu.vmcb.rip = (uint64_t)p;
	memcpy(p, guest_code, length);
	p += length;
	*p++ = 0x41, *p++ = 0x5f, *p++ = 0x41, *p++ = 0x5e;
	*p++ = 0x41, *p++ = 0x5d, *p++ = 0x41, *p++ = 0x5c;
	*p++ = 0x5b, *p++ = 0x5d, *p++ = 0xc3;
	return ((uint64_t(*)(void))page)();
}

static void set_registers(const uint64_t r[REGISTERS])
{
	for (unsigned i = 0; i < REGISTERS; i++)
		*cpu_register(&cpu, i) = r[i];
}

static bool uses_rsp(const struct insn *i, unsigned at)
{
	uint8_t modrm = i->bytes[at];

	return (modrm & 7) == 4 && (i->bytes[at + 1] & 7) == 4 && !(i->rex & 1);
}

TEST(as_the_processor)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t r[REGISTERS], theirs;
		struct insn i;
		struct operand o;
		unsigned at;

		random_lea();
		for (unsigned n = 0; n < REGISTERS; n++)
			r[n] = noise();
		set_registers(r);
		insn_fetch(&cpu, &i);
		at = insn_is(&i, (const uint8_t[]){LEA}, 1);
		ck_assert_uint_gt(at, 0);
		if (uses_rsp(&i, at))
			continue;
		ck_assert(insn_operand(&cpu, &i, at, &o));
		ck_assert(o.memory);
		theirs = run_lea(r, o.length); /* a wrong length would not come back */
		ck_assert(insn_operand(&cpu, &i, at, &o));
		ck_assert_msg(o.linear == theirs, "%02x %02x %02x %02x: %#lx, not %#lx",
		              guest_code[0], guest_code[1], guest_code[2], guest_code[3], o.linear,
		              theirs);
	}
}

TEST(prefixes)
{
	static const uint8_t fs[] = {0x64, 0x48, 0x8d, 0x00}, late[] = {0x48, 0x66, 0x8d, 0x00};
	struct insn i;
	struct operand o;

	memset(guest_code, 0x90, sizeof(guest_code));
	memcpy(guest_code, fs, sizeof(fs));
	cpu.vmcb.rax = 0x1000;
	insn_fetch(&cpu, &i);
	ck_assert(insn_operand(&cpu, &i, 3, &o));
	ck_assert_uint_eq(o.linear, FS_BASE + 0x1000);
	ck_assert_uint_eq(o.length, 4);
	memcpy(guest_code, late, sizeof(late));
	insn_fetch(&cpu, &i);
	ck_assert_uint_eq(i.opcode, 2);
	ck_assert(i.data16 && i.rex == 0); /* REX counts right before the opcode only */
	cpu.vmcb.cs.attributes = 0;
	guest_code[0] = 0x48; /* DEC EAX there */
	insn_fetch(&cpu, &i);
	ck_assert_uint_eq(i.opcode, 0);
	memset(guest_code, 0x66, sizeof(guest_code));
	insn_fetch(&cpu, &i);
	ck_assert_uint_eq(insn_is(&i, (const uint8_t[]){LEA}, 1), 0);
	ck_assert(!insn_operand(&cpu, &i, i.opcode, &o));
}

/* VMX's exit qualification and instruction information of INS, OUTS, IN, OUT. */
TEST(port_access)
{
	static const struct {
		uint8_t code[4];
		bool code64, has_port;
		uint32_t information;
	} access[] = {
	        {{0xee}, true, false, 0},
	        {{0x66, 0xe5, 0x60}, true, true, 0},
	        {{0xe6, 0x80}, false, true, 0},
	        {{0x6c}, true, false, 2 << 7},             /* INS: no segment */
	        {{0xf3, 0x67, 0x6d}, true, false, 1 << 7}, /* by EDI */
	        {{0x6e}, true, false, 2 << 7 | 3 << 15},
	        {{0x2e, 0x6e}, true, false, 2 << 7 | 3 << 15}, /* CS: not looked at */
	        {{0x65, 0x6f}, true, false, 2 << 7 | 5 << 15},
	        {{0x2e, 0x6f}, false, false, 1 << 7 | 1 << 15},
	        {{0x67, 0x36, 0x6e}, false, false, 2 << 15},
	};

	for (unsigned n = 0; n < sizeof(access) / sizeof(*access); n++) {
		struct insn i;

		cpu.vmcb.cs.attributes = access[n].code64 ? 0x200 : 0;
		memcpy(guest_code, access[n].code, sizeof(access[n].code));
		insn_fetch_size(&cpu, &i, 4);
		ck_assert_int_eq(insn_has_port(&i), access[n].has_port);
		ck_assert_uint_eq(insn_port_information(&cpu, &i), access[n].information);
	}
}

TESTS("decode", .apart = true, .setup = setup, .teardown = done)
