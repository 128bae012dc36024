/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions as a program meets them: those that work, and those that end it. */
#include <immintrin.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/io.h>
#include <unistd.h>

#include "conformance/conformance.h"

static const char *signal_text(int signal)
{
	return signal == 0         ? "no signal"
	       : signal == SIGSEGV ? "SIGSEGV"
	       : signal == SIGILL  ? "SIGILL"
	       : signal == SIGBUS  ? "SIGBUS"
	       : signal < 0        ? "it could not be tried"
	                           : "another signal";
}

struct faults {
	void (*run)(const void *of);
	int signals[2]; /* one of these; 0, 0: none */
};

static void look_faults(struct outcome *o, const void *of)
{
	const struct faults *f = of;
	int signal = signal_of(f->run, NULL);

	(signal == f->signals[0] || signal == f->signals[1] ? pass : fail)(o, "%s",
	                                                                   signal_text(signal));
}

#define RUN(name, ...)                         \
	static void run_##name(const void *of) \
	{                                      \
		(void)of;                      \
		__asm__ volatile(__VA_ARGS__); \
	}
/* TDG.VP.INFO, which changes nothing. */
RUN(tdcall, ".byte 0x66, 0x0f, 0x01, 0xcc" ::"a"(1) : "rcx", "rdx", "r8", "r9", "r10", "r11")
RUN(vmcall, "vmcall" ::"a"(0) : "memory")
RUN(hlt, "hlt")
RUN(wbinvd, "wbinvd")
RUN(vmrun, "vmrun" ::"a"(0))
RUN(vmmcall, "vmmcall" ::"a"(0))
RUN(pfadd, "pfadd %mm0, %mm0")
RUN(extrq, "extrq %xmm0, %xmm0")
RUN(rdpmc, "rdpmc" ::"c"(0) : "rax", "rdx")

static void run_port(const void *of)
{
	(void)of;
	outb(0, 0x80);
}

/* With the kernel's leave to use the port: what is left is the TD. */
static void look_port(struct outcome *o, const void *of)
{
	if (ioperm(0x80, 1, 1) < 0)
		skip(o, "ioperm: the kernel gives no port");
	else
		look_faults(o, of);
}

/* ---- those that work ---- */
static bool cmpxchg16b(unsigned __int128 *at, unsigned __int128 old, unsigned __int128 new)
{
	uint64_t low = (uint64_t)old, high = (uint64_t)(old >> 64);
	bool done;

	__asm__ volatile("lock cmpxchg16b %1"
	                 : "=@ccz"(done), "+m"(*at), "+a"(low), "+d"(high)
	                 : "b"((uint64_t) new), "c"((uint64_t)(new >> 64)));
	return done;
}

static void look_cmpxchg16b(struct outcome *o, const void *of)
{
	_Alignas(16) unsigned __int128 value = 5, next = (unsigned __int128)9 << 64 | 7;

	(void)of;
	if (!cmpxchg16b(&value, 5, next) || value != next)
		fail(o, "an equal value was not exchanged");
	else if (cmpxchg16b(&value, 5, 1) || value != next)
		fail(o, "another value was exchanged");
	else
		pass(o, "exchanged and left as it should be");
}

__attribute__((target("movdir64b,movdiri"))) static void look_movdir(struct outcome *o,
                                                                     const void *of)
{
	_Alignas(64) uint8_t from[64], to[64] = {0};
	_Alignas(8) uint64_t word = 0;

	(void)of;
	memset(from, 0x5a, sizeof(from));
	_movdir64b(to, from);
	_directstoreu_u64(&word, 0x0123456789abcdef);
	_mm_mfence();
	if (memcmp(from, to, sizeof(to)) != 0 || *(volatile uint64_t *)&word != 0x0123456789abcdef)
		fail(o, "something else was stored");
	else
		pass(o, "stored 64 and 8 bytes");
}

__attribute__((target("rdrnd,rdseed"))) static void look_random(struct outcome *o, const void *of)
{
	unsigned long long a = 0, b = 0;
	int seeds = 0, randoms = 0;

	(void)of;
	for (int i = 0; i < 1000 && !randoms; i++)
		randoms = _rdrand64_step(&a);
	for (int i = 0; i < 100000 && !seeds; i++)
		seeds = _rdseed64_step(&b);
	if (!randoms || !seeds)
		fail(o, "%s gave nothing", randoms ? "RDSEED" : "RDRAND");
	else
		(a != b ? pass : fail)(o, "two numbers, %s", a != b ? "different" : "the same");
}

__attribute__((target("xsave"))) static void look_xgetbv(struct outcome *o, const void *of)
{
	(void)of;
	uint64_t value = _xgetbv(0);

	(value & 1 ? pass : fail)(o, "XCR0 %#llx", (unsigned long long)value);
}

#define FAULTS(name, a, b)                  \
	look_faults, &(const struct faults) \
	{                                   \
		run_##name,                 \
		{                           \
			a, b                \
		}                           \
	}
#define OF_EXITS OF_KERNEL ", Instruction-based #VE; Linux #VE handler"
static const struct row rows[] = {
        {"insn-tdcall", "TDCALL belongs to the kernel: #GP in a program",
         "Intel Trust Domain CPU architectural extensions, TDCALL",
         FAULTS(tdcall, SIGSEGV, SIGSEGV)},
        {"insn-vmcall", "VMCALL in a program is #VE, which ends it", OF_EXITS,
         FAULTS(vmcall, SIGSEGV, SIGSEGV)},
        {"insn-port-program", "port I/O of a program is #VE, which ends it, allowed or not",
         OF_EXITS, look_port, &(const struct faults){run_port, {SIGSEGV, SIGSEGV}}},
        {"insn-hlt", "HLT in a program is #GP", "Intel SDM, HLT", FAULTS(hlt, SIGSEGV, SIGSEGV)},
        {"insn-wbinvd", "WBINVD in a program is #GP", "Intel SDM, WBINVD",
         FAULTS(wbinvd, SIGSEGV, SIGSEGV)},
        {"insn-rdpmc", "RDPMC of a program ends it: no counters are given to it",
         "Intel SDM, RDPMC, CR4.PCE", FAULTS(rdpmc, SIGSEGV, SIGSEGV)},
        {"insn-vmrun", "AMD's VMRUN is no instruction here", "Intel SDM: opcode not defined",
         FAULTS(vmrun, SIGILL, SIGILL)},
        {"insn-vmmcall", "AMD's VMMCALL is no instruction here", "Intel SDM: opcode not defined",
         FAULTS(vmmcall, SIGILL, SIGILL)},
        {"insn-3dnow", "AMD's 3DNow! is not there", "Intel SDM: opcode not defined",
         FAULTS(pfadd, SIGILL, SIGILL)},
        {"insn-sse4a", "AMD's SSE4A is not there", "Intel SDM: opcode not defined",
         FAULTS(extrq, SIGILL, SIGILL)},
        {"insn-cmpxchg16b", "CMPXCHG16B works", OF_CPUID, look_cmpxchg16b, NULL},
        {"insn-movdir", "MOVDIR64B and MOVDIRI work", OF_CPUID, look_movdir, NULL},
        {"insn-random", "RDRAND and RDSEED work", OF_CPUID, look_random, NULL},
        {"insn-xgetbv", "XGETBV works in a program", OF_CPUID, look_xgetbv, NULL},
};
const struct rows rows_instruction = {rows, COUNTED(rows)};
