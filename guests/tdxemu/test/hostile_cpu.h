/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The part of hostile.c that tries control registers and instructions, with its macros. */

static uint64_t cr4_now(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr4, %0" : "=r"(v));
	return v;
}

static uint64_t cr0_now(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr0, %0" : "=r"(v));
	return v;
}

static void control(void)
{
	uint64_t cr3, em;

	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	SAY_TRY("cr4-vmxe", "mov %0, %%cr4", "r"(cr4_now() ^ 1u << 13));
	SAY_TRY("cr4-mce", "mov %0, %%cr4", "r"(cr4_now() ^ 1u << 6));
	SAY_TRY("cr4-pks", "mov %0, %%cr4", "r"(cr4_now() ^ 1u << 24));
	SAY_TRY("cr4-high", "mov %0, %%cr4", "r"(cr4_now() | 1ull << 40));
	SAY_TRY("cr4-tsd", "mov %0, %%cr4", "r"(cr4_now() ^ 1u << 2));
	say("cr4-tsd-set", cr4_now() >> 2 & 1);
	SAY_TRY("cr4-back", "mov %0, %%cr4", "r"(cr4_now() ^ 1u << 2));
	SAY_TRY("cr0-cd", "mov %0, %%cr0", "r"(cr0_now() | 1u << 30));
	SAY_TRY("cr0-ne", "mov %0, %%cr0", "r"(cr0_now() & ~(1ull << 5)));
	SAY_TRY("cr0-pe", "mov %0, %%cr0", "r"(cr0_now() & ~1ull));
	SAY_TRY("cr0-real", "mov %0, %%cr0", "r"(cr0_now() & ~(1ull | 1ull << 31)));
	SAY_TRY("cr0-am", "mov %0, %%cr0", "r"(cr0_now() ^ 1u << 18));
	/* EM: nobody else may run meanwhile, the firmware's handlers save SSE's registers */
	__asm__ volatile("cli; lmsw %w1; mov %%cr0, %0; lmsw %w2; sti"
	                 : "=&r"(em)
	                 : "r"(cr0_now() | 4), "r"(cr0_now() & ~4ull));
	say("lmsw-em", em >> 2 & 1);
	SAY_TRY("cr3-high", "mov %0, %%cr3", "r"(cr3 | 1ull << 60));
	SAY_TRY("dr7-high", "mov %0, %%dr7", "r"(1ull << 40 | 0x400));
	SAY_TRY("cr4-osxsave", "mov %0, %%cr4", "r"(cr4_now() | 1u << 18));
	SAY_TRY("xcr0-pkru", "xsetbv", "c"(0), "a"(0x207), "d"(0));
}

static void instructions(void)
{
	SAY_TRY("wbinvd", "wbinvd", "a"(0));
	say("ve-rf", flags >> 16 & 1);
	SAY_TRY("invd", "invd", "a"(0));
	SAY_TRY("vmcall-itself", "vmcall", "a"(0));
	SAY_TRY("monitor", "monitor", "a"(words), "c"(0), "d"(0));
	SAY_TRY("mwait", "mwait", "a"(0), "c"(0));
	SAY_TRY("rdpmc", "rdpmc", "c"(0));
	say("gp-rf", flags >> 16 & 1);
	SAY_TRY("vmxoff", "vmxoff", "a"(0));
	SAY_TRY("lock-tdcall", ".byte 0xf0, 0x66, 0x0f, 0x01, 0xcc", "a"(1));
	SAY_TRY("repne-tdcall", ".byte 0xf2, 0x66, 0x0f, 0x01, 0xcc", "a"(1));
	say("ud-rf", flags >> 16 & 1);
	SAY_TRY("femms", "femms", "a"(0));
	SAY_TRY("pfadd", "pfadd %%mm0, %%mm0", "a"(0));
	SAY_TRY("extrq", "extrq %%xmm0, %%xmm0", "a"(0));
}

/* Which registers TDG.VP.VMCALL exposes. */
static void exposing(void)
{
	struct regs rbp = {.rcx = 0xfc20, .r11 = VMCALL_INFO};
	struct regs xmm = {.rcx = 0xfffffc00, .r11 = VMCALL_INFO};

	say("vmcall-rbp", tdcall(&rbp));
	say("vmcall-xmm", tdcall(&xmm));
}

/* CPUID is the module's, NOP the processor's: single-stepped, each gives one #DB behind it. */
static void single_step(void)
{
	uint64_t rip;

	set_gate(1, on_db);
	__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq; cpuid; 1: leaq 1b(%%rip), %0"
	                 : "=r"(rip)
	                 : "a"(0), "c"(0)
	                 : "rbx", "rdx", "cc", "memory");
	say("steps", steps);
}

/* Each returns behind itself, or the code after it would be wrong. */
static void software_interrupts(void)
{
	set_gate(3, on_int);
	set_gate(NOTICE, on_int);
	__asm__ volatile("int3; .byte 0xf3; int3; int $0x60; .byte 0x48, 0xcd, 0x60" ::: "memory");
	say("interrupts", interrupts);
}

/* What QEMU's processor lacks and the module carries out. */
static void emulated(void)
{
	static uint64_t from[8] __attribute__((aligned(64))), to[8] __attribute__((aligned(64)));
	uint64_t descriptor[2] __attribute__((aligned(16))) = {0, 0};
	uint64_t low = 1, high = 2;
	uint8_t equal;

	to[0] = 1, to[1] = 2;
	__asm__ volatile("lock cmpxchg16b %1; sete %0"
	                 : "=q"(equal), "+m"(*(uint64_t(*)[2])to), "+a"(low), "+d"(high)
	                 : "b"(3ull), "c"(4ull)
	                 : "cc", "memory");
	say("cmpxchg16b", equal == 1 && to[0] == 3 && to[1] == 4);
	__asm__ volatile("lock cmpxchg16b %1; sete %0"
	                 : "=q"(equal), "+m"(*(uint64_t(*)[2])to), "+a"(low), "+d"(high)
	                 : "b"(5ull), "c"(6ull)
	                 : "cc", "memory");
	say("cmpxchg16b-other", equal == 0 && low == 3 && high == 4 && to[0] == 3);
	SAY_TRY("cmpxchg16b-odd", "lock cmpxchg16b (%0)", "r"((uint8_t *)to + 8), "a"(0), "d"(0),
	        "b"(0), "c"(0));
	__asm__ volatile("movdiri %1, %0" : "=m"(to[2]) : "r"(0x1122334455667788ull));
	say("movdiri", to[2] == 0x1122334455667788ull);
	for (unsigned i = 0; i < 8; i++)
		from[i] = i * 0x0101010101010101ull;
	__asm__ volatile("movdir64b %1, %0" ::"r"(to), "m"(from) : "memory");
	say("movdir64b", to[0] == 0 && to[7] == 7 * 0x0101010101010101ull);
	SAY_TRY("invpcid", "invpcid %1, %0", "r"(2ull), "m"(descriptor));
	SAY_TRY("invpcid-type", "invpcid %1, %0", "r"(4ull), "m"(descriptor));
}
