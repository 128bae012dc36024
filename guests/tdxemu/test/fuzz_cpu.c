/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile guest on one CPU: CPUID, RDMSR, WRMSR, MOV to CR0 and CR4 and the VMM's part of them, in
 * any order, and any bytes as an instruction. Whatever it does, the CPU's mode stays one that a TD may
 * have, no MSR that leads to the module is written, and CPUID never offers what a TD has not.
 */
#include "fuzz/fuzz.h"
#include "tdxemu/core/msr_table.h"
#include "tdxemu/svm/decode.h"
#include "tdxemu/test/fake.h"

#define STEPS  64
#define LEAVES 0x30

struct step {
	uint8_t what, how;
	uint32_t index, subleaf;
	uint64_t value;
} __attribute__((packed));

static struct cpu cpu __attribute__((aligned(CPU_SIZE)));
static uint8_t code[INSTRUCTION_MAX];
static unsigned code_size;

unsigned memory_fetch(const struct cpu *c, uint8_t *out, unsigned size)
{
	(void)c;
	if (size > code_size)
		size = code_size;
	memcpy(out, code, size);
	return size;
}

uint64_t msr_read(uint32_t index)
{
	return index;
}

static void trap_if(bool wrong)
{
	FUZZ_CHECK(!wrong);
}

static void check_state(const struct td_cpu_state *s)
{
	trap_if((s->cr0 & 0xffffffff60000021) != 0x21); /* PE and NE; no NW, CD */
	trap_if((s->cr4 & 0x3c86040) != 0x40); /* MCE; no VMXE, SMXE, KL, PKE, CET, PKS, UINTR */
	trap_if((s->efer & 0x901) != 0x901 || s->efer >> 12);
	trap_if(((s->cr0 >> 31 & 1) != 0) != ((s->efer >> 10 & 1) != 0)); /* LME: PG is LMA */
	trap_if(s->efer >> 10 & 1 && !(s->cr4 & 0x20));
}

static void check_cpuid(uint32_t leaf, uint32_t subleaf, const uint32_t r[4])
{
	if (leaf == 1)
		trap_if(r[2] & (1u << 5 | 1u << 6 | 1u << 17) || !(r[2] >> 31));
	if (leaf == 0x80000001)
		trap_if(r[2] & 4); /* SVM */
	if (leaf == 0x21 && subleaf == 0)
		trap_if(r[1] != 0x65746e49);
}

/* What reached the CPU: never APICBASE, AMD's own, or an interrupt that resets a CPU. */
static void check_writes(void)
{
	uint32_t msr = fake.last_msr;

	if (!fake.msr_writes)
		return;
	trap_if(msr == 0x1b || msr == 0x3a || msr >= 0xc0000104u || msr == 0xc0000083u);
	trap_if(msr == 0xc0000080u && (fake.last_write & ~0xd01ull));
	if (msr == 0x830) {
		unsigned mode = fake.last_write >> 8 & 7;

		trap_if(mode != 0 && mode != 1 && mode != 4);
	}
}

static void decode(const uint8_t *data, size_t size)
{
	struct operand o;
	struct insn i;

	code_size = size < sizeof(code) ? (unsigned)size : (unsigned)sizeof(code);
	memcpy(code, data, code_size);
	cpu.vmcb.efer = EFER_LMA;
	cpu.vmcb.cs.attributes = size & 1 ? 0x200 : 0;
	insn_fetch(&cpu, &i);
	trap_if(i.opcode > i.have || i.have > code_size);
	for (unsigned at = 0; at <= code_size; at++) {
		if (!insn_operand(&cpu, &i, at, &o))
			continue;
		trap_if(o.length <= at || o.length > i.have || o.reg > 15 || o.rm > 15);
		trap_if(!cpu_is_code64(&cpu) && o.memory && o.linear >> 32);
	}
}

#define ROWS_MAX 256

/* The first MSR of each row of the module's table, and what was named so far: see reach(). */
static uint32_t rows[ROWS_MAX];
static unsigned row_count;
static bool row_named[ROWS_MAX][2], leaf_named[3][LEAVES];

static void find_rows(void)
{
	static const uint32_t range[] = {0, 0xc0000000u};

	for (unsigned i = 0; i < 2 * 0x2000; i++) {
		const struct msr_row *row = msr_row(range[i / 0x2000] + i % 0x2000);

		if (row->first == range[i / 0x2000] + i % 0x2000) {
			trap_if(row_count == ROWS_MAX);
			rows[row_count++] = row->first;
		}
	}
}

/* Of a row, its neighbour or any. */
static uint32_t choose_msr(const struct step *s)
{
	const struct msr_row *row;
	unsigned n = s->index % row_count;

	if (s->how & 1)
		return s->how & 2 ? s->index : s->index % 0x2000;
	row = msr_row(rows[n]);
	row_named[n][s->what & 1] = true;
	return rows[n] + (s->index >> 16) % (row->last - row->first + 2);
}

/* Basic, the hypervisor's or extended. */
static uint32_t choose_leaf(const struct step *s)
{
	static const uint32_t base[] = {0, 0x40000000u, 0x80000000u};
	unsigned n = s->index % 3, leaf = s->index / 3 % LEAVES;

	if (s->how & 1)
		return s->index;
	leaf_named[n][leaf] = true;
	return base[n] + leaf;
}

static void step(const struct step *s, struct td_cpu_state *state)
{
	uint32_t r[4] = {0}, index = choose_msr(s), leaf = choose_leaf(s);
	uint64_t v = s->value;

	if (s->how & 4) /* near what it is, or small */
		v = s->what % 8 < 2 ? (s->what & 1 ? state->cr4 : state->cr0) ^ 1ull << (v & 31)
		                    : v & 0xffff;
	switch (s->what % 8) {
	case 0:
		td_cr0_write(state, v);
		break;
	case 1:
		td_cr4_write(&td, state, v);
		break;
	case 2:
		state->cpl = s->how >> 4 & 3;
		if (td_cpuid(&td, &vcpu, state, leaf, s->subleaf, r) == TD_ANSWER_DONE)
			check_cpuid(leaf, s->subleaf, r);
		state->cpl = 0;
		break;
	case 3:
		td_cpuid_by_vmcall(&td, leaf, s->subleaf, r);
		check_cpuid(leaf, s->subleaf, r);
		break;
	case 4:
		td_msr_read(&td, &vcpu, index, &v);
		break;
	case 5:
		td_msr_write(&td, &vcpu, index, v);
		break;
	case 6:
		td_msr_write_by_vmcall(&td, index, v);
		break;
	default:
		td_msr_read_by_vmcall(&td, index, &v);
	}
}

static void reach(void)
{
	FILE *f = fopen(getenv("TCEPTION_REACH"), "w");

	for (unsigned i = 0; f && i < row_count; i++)
		for (unsigned write = 0; write < 2; write++)
			if (!row_named[i][write])
				fprintf(f, "MSR 0x%x %u\n", rows[i], write);
	for (unsigned i = 0; f && i < 3 * LEAVES; i++)
		if (!leaf_named[i / LEAVES][i % LEAVES])
			fprintf(f, "CPUID 0x%x of range %u\n", i % LEAVES, i / LEAVES);
	if (f)
		fclose(f);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	find_rows();
	return getenv("TCEPTION_REACH") ? atexit(reach) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct td_cpu_state state = {.cr0 = 0x21, .cr4 = 0x40, .efer = 0x901};
	struct step s;

	decode(data, size);
	fake_start(size > 0 && data[0] & 1 ? TDXEMU_FLAG_VE : 0);
	td.tsc_khz = 2095968;
	if (size > 0 && data[0] & 2)
		td.td_ctls = 0;
	for (unsigned n = 0; n < STEPS && size >= sizeof(s); n++) {
		memcpy(&s, data, sizeof(s));
		data += sizeof(s);
		size -= sizeof(s);
		state.code64 = state.efer >> 10 & 1 && s.how & 8;
		step(&s, &state);
		check_state(&state);
		check_writes();
	}
	return 0;
}
