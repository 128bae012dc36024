/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile kernel (build/hostile.efi): firmware starts it in a TD in place of Linux, and it tries
 * the ways out of the rules that `hostile=WORD` on its command line names. What it finds it says on
 * ttyS0, one line "hostile: NAME VALUE" each; cases/test_tdxemu.py judges. It ends QEMU itself.
 */
#include <stddef.h>
#include <stdint.h>

#include "format/qgs.h"
#include "format/tdreport.h"
#include "format/tdxemu.h"
#include "tdxemu/svm/insn.h"

#define PAGE         4096
#define GIB          (1ull << 30)
#define SHARED       (1ull << 47)
#define COM1         0x3f8
#define FW_CFG       0x510
#define X2_ICR       0x830u
#define X2_LVT_TIMER 0x832u
#define LVT_MASKED   0x10000u
#define ICR_INIT     0x500u
#define ICR_SIPI     0x600u
#define ICR_NMI      0x400u
#define SELF         (1u << 18) /* ICR's destination shorthands */
#define OTHERS       (3u << 18)
#define REAL_MODE    0x9000u /* where a CPU that gets a SIPI runs */
#define ESCAPED      0xe5ca
#define ALIAS        (512 * GIB)   /* map_everything() puts shared memory here, linearly */
#define AREA         0x20000000ull /* 2 MiB that the firmware has accepted and does not use */
#define HIGH_AREA    (4 * GIB + 0x10000000ull) /* that it has not, in a TD of 3 GiB */
#define NOTICE       0x60                      /* an interrupt's vector */
#define VE           0x1000                    /* said of a #VE, with its reason */
#define MAGIC0       0x454c4954534f4821ull
#define MAGIC1       0x2152454452304f54ull

enum {
	VMCALL = 0,
	VEINFO_GET = 3,
	MR_REPORT = 4,
	PAGE_ACCEPT = 6,
	VERIFYREPORT = 22,
	PAGE_ATTR_RD = 23,
	VMCALL_HLT = 12,
	VMCALL_WRMSR = 32,
	VMCALL_MMIO = 48
};
enum {
	VMCALL_INFO = 0x10000,
	VMCALL_MAP_GPA = 0x10001,
	VMCALL_GET_QUOTE = 0x10002,
	VMCALL_EVENT_NOTIFY = 0x10004
};

struct regs {
	uint64_t rax, rcx, rdx, r8, r9, r10, r11, r12, r13, r14, r15;
};

/* What the test puts into our memory from outside, once it has seen `magic`. */
static volatile struct {
	uint64_t magic[2];   /* not in the file: only the running page has it */
	uint8_t not_key[32]; /* the complement of the MAC key: the search must not find itself */
	uint64_t low, high;  /* bytes of RAM below and above 4 GiB */
	uint64_t go;         /* counts the searches that are wanted */
	uint8_t room[PAGE - 72]; /* where the test plants a copy */
} order __attribute__((aligned(PAGE)));

static uint8_t shared[4 * PAGE] __attribute__((aligned(PAGE)));
static uint8_t report[TDREPORT_SIZE] __attribute__((aligned(TDREPORT_SIZE)));
static uint8_t report_data[64] __attribute__((aligned(64)));
static uint64_t tables[3][512] __attribute__((aligned(PAGE)));
static char words[2048];

/* ---- saying it ---- */

static void put(const char *s)
{
	for (; *s; s++) {
		while (!(in8(COM1 + 5) & 0x20))
			;
		out8(COM1, (uint8_t)*s);
	}
}

static void say(const char *name, uint64_t value)
{
	char text[19] = "0x", *at = text + 2;

	for (int shift = 60; shift >= 0; shift -= 4) {
		if (value >> shift || shift == 0)
			*at++ = "0123456789abcdef"[value >> shift & 15];
	}
	*at = 0;
	put("hostile: ");
	put(name);
	put(" ");
	put(text);
	put("\r\n");
}

/* About so long, on a TSC of 2.5 GHz. */
static void delay(unsigned ms)
{
	for (uint64_t end = __builtin_ia32_rdtsc() + ms * 2500000ull; __builtin_ia32_rdtsc() < end;)
		__builtin_ia32_pause();
}

/* ---- faults: the firmware's IDT with three gates of ours ---- */

extern uint8_t on_nmi[], on_ud[], on_gp[], on_ve[], on_db[], on_int[];
uint64_t fault, resume, nmis, steps, interrupts;
uint64_t flags; /* as the last fault saved them */

__asm__(".text\n"
        "on_nmi: incq nmis(%rip)\n iretq\n"
        "on_db: incq steps(%rip)\n andq $~0x100, 16(%rsp)\n iretq\n"
        "on_int: incq interrupts(%rip)\n iretq\n"
        "on_ud: movq $6, fault(%rip)\n jmp 1f\n"
        "on_ve: movq $20, fault(%rip)\n jmp 1f\n"
        "on_gp: addq $8, %rsp\n movq $13, fault(%rip)\n"
        "1: pushq %rax\n movq 24(%rsp), %rax\n movq %rax, flags(%rip)\n"
        " movq resume(%rip), %rax\n movq %rax, 8(%rsp)\n popq %rax\n iretq\n");

static uint64_t *gate_of(unsigned vector)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) idtr;

	__asm__ volatile("sidt %0" : "=m"(idtr));
	return (uint64_t *)(idtr.base + vector * 16);
}

static void set_gate(unsigned vector, const uint8_t *handler)
{
	uint64_t at = (uint64_t)handler, *gate = gate_of(vector);
	uint16_t cs;

	__asm__ volatile("mov %%cs, %0" : "=r"(cs));
	gate[0] = (at & 0xffff) | (uint64_t)cs << 16 | 0x8e00ull << 32 | (at >> 16 & 0xffff) << 48;
	gate[1] = at >> 32;
}

/* Runs an instruction; the vector of the fault it gave, 0 for none. */
#define TRY(insn, ...)                                                                     \
	({                                                                                 \
		fault = 0;                                                                 \
		__asm__ volatile("leaq 9f(%%rip), %%r11; movq %%r11, resume(%%rip)\n" insn \
		                 "\n9:" ::__VA_ARGS__                                      \
		                 : "r11", "memory");                                       \
		fault;                                                                     \
	})

static uint64_t try_wrmsr(uint32_t index, uint64_t v)
{
	return TRY("wrmsr", "c"(index), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}

/* ---- TDCALL ---- */

static uint64_t tdcall(struct regs *r)
{
	register uint64_t r8 __asm__("r8") = r->r8;
	register uint64_t r9 __asm__("r9") = r->r9;
	register uint64_t r10 __asm__("r10") = r->r10;
	register uint64_t r11 __asm__("r11") = r->r11;
	register uint64_t r12 __asm__("r12") = r->r12;
	register uint64_t r13 __asm__("r13") = r->r13;
	register uint64_t r14 __asm__("r14") = r->r14;
	register uint64_t r15 __asm__("r15") = r->r15;

	__asm__ volatile(".byte 0x66, 0x0f, 0x01, 0xcc"
	                 : "+a"(r->rax), "+c"(r->rcx), "+d"(r->rdx), "+r"(r8), "+r"(r9), "+r"(r10),
	                   "+r"(r11), "+r"(r12), "+r"(r13), "+r"(r14), "+r"(r15)::"memory");
	r->r8 = r8;
	r->r9 = r9;
	r->r10 = r10;
	r->r11 = r11;
	return r->rax;
}

static uint64_t vmcall(uint64_t what, uint64_t r12, uint64_t r13, uint64_t r14, uint64_t r15)
{
	struct regs r = {
	        .rcx = 0xfc00, .r11 = what, .r12 = r12, .r13 = r13, .r14 = r14, .r15 = r15};

	tdcall(&r);
	return r.r10;
}

static uint64_t get_report(void)
{
	struct regs r = {.rax = MR_REPORT, .rcx = (uint64_t)report, .rdx = (uint64_t)report_data};

	return tdcall(&r);
}

/* ---- the attempts ---- */

/*
 * Physical memory as it is, 512 GiB, so that nothing of the firmware's tables hides any; and behind
 * it the same by its shared addresses. The firmware's timer may not run on these tables: it would
 * use its shared buffers by private addresses.
 */
static void map_everything(void)
{
	__asm__ volatile("cli");
	wrmsr(X2_LVT_TIMER, rdmsr(X2_LVT_TIMER) | LVT_MASKED);
	for (uint64_t i = 0; i < 512; i++) {
		tables[1][i] = i << 30 | 0x83;
		tables[2][i] = i << 30 | SHARED | 0x83;
	}
	tables[0][0] = (uint64_t)tables[1] | 3;
	tables[0][1] = (uint64_t)tables[2] | 3;
	__asm__ volatile("mov %0, %%cr3" ::"r"(tables[0]) : "memory");
}

static volatile uint8_t *shared_at(uint64_t gpa)
{
	return (void *)(gpa + ALIAS);
}

/* What the quoting service makes of `report` as it is now: the shared buffer's status. */
static uint64_t ask_quote(void)
{
	volatile struct get_quote_header *header = (void *)shared_at((uint64_t)shared);

	header->version = 1;
	header->status = 0;
	header->in_length = TDREPORT_SIZE;
	header->out_length = 0;
	for (size_t i = 0; i < TDREPORT_SIZE; i++)
		((volatile uint8_t *)header)[sizeof(*header) + i] = report[i];
	return vmcall(VMCALL_GET_QUOTE, (uint64_t)shared | SHARED, sizeof(shared), 0, 0);
}

static uint64_t quote(void)
{
	volatile struct get_quote_header *header = (void *)shared_at((uint64_t)shared);
	uint64_t status = ask_quote();

	if (status != 0)
		return status;
	while (header->status == GET_QUOTE_IN_FLIGHT)
		__builtin_ia32_pause();
	return header->status;
}

static void forge(void)
{
	map_everything();
	vmcall(VMCALL_MAP_GPA, (uint64_t)shared | SHARED, sizeof(shared), 0, 0);
	say("report", get_report());
	say("genuine", quote());
	report[offsetof(struct tdreport, mac.mac)] ^= 1;
	say("flipped-mac", quote());
	get_report();
	report[offsetof(struct tdreport, td.rtmr)] ^= 1;
	say("other-rtmr", quote());
	get_report();
	for (size_t i = 0; i < 32; i++)
		report[offsetof(struct tdreport, mac.mac) + i] = 0;
	say("no-mac", quote());
	for (size_t i = 0; i < sizeof(report); i++)
		report[i] = 0;
	report[0] = 0x81;
	say("made-up", quote());
	get_report();
	say("genuine-again", quote());
}

static uint64_t word_at(const volatile uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned i = 8; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

/* Most of memory is zero. */
static int all_zero(const uint64_t p[8])
{
	return !(p[0] | p[1] | p[2] | p[3] | p[4] | p[5] | p[6] | p[7]);
}

/*
 * Copies of the key in [from, to), at any alignment: in each of them exactly one of the words that
 * begin in its first 8 bytes lies at a multiple of 8. Says where.
 */
static unsigned search(uint64_t from, uint64_t to)
{
	uint64_t word[8];
	unsigned found = 0;

	for (unsigned i = 0; i < 8; i++)
		word[i] = word_at(order.not_key + i);
	for (uint64_t at = from; at < to; at += 64) {
		const uint64_t *p = (void *)at;

		if (all_zero(p))
			continue;
		for (unsigned n = 0; n < 64; n++) {
			if (~p[n / 8] != word[n % 8])
				continue;
			say("found", (uint64_t)(p + n / 8) - n % 8);
			found++;
		}
	}
	return found;
}

/* Twice: the test plants a copy before the second search. */
static void search_all(void)
{
	map_everything();
	order.magic[1] = MAGIC1;
	order.magic[0] = MAGIC0;
	for (uint64_t turn = 1; turn <= 2; turn++) {
		unsigned found;

		while (order.go < turn)
			__builtin_ia32_pause();
		found = search(64, order.low) + search(4 * GIB, 4 * GIB + order.high);
		found += search(4 * GIB - (16 << 20), 4 * GIB); /* the firmware */
		say("searched", order.low + order.high);
		say(turn == 1 ? "copies" : "copies-when-planted", found);
	}
}

/* ---- private and shared memory ---- */

static uint64_t accept_page(uint64_t gpa_and_level)
{
	struct regs r = {.rax = PAGE_ACCEPT, .rcx = gpa_and_level};

	return tdcall(&r);
}

static uint64_t map_gpa(uint64_t gpa)
{
	return vmcall(VMCALL_MAP_GPA, gpa, PAGE, 0, 0);
}

static volatile uint64_t *word(uint64_t linear)
{
	return (void *)linear;
}

/* Has a device write "QEMU" to that address: fw_cfg's item 0 by DMA. */
static void device_writes(uint64_t gpa, uint64_t request_page)
{
	volatile uint32_t *request = (void *)shared_at(request_page);

	map_gpa(request_page | SHARED);
	request[0] = __builtin_bswap32(0x0a); /* select item 0, read */
	request[1] = __builtin_bswap32(4);
	request[2] = 0;
	request[3] = __builtin_bswap32((uint32_t)gpa);
	out32(FW_CFG + 4, 0);
	out32(FW_CFG + 8, __builtin_bswap32((uint32_t)request_page));
	while (request[0] & __builtin_bswap32(~1u))
		__builtin_ia32_pause();
}

static void accepting(void)
{
	say("accept-2m-again", accept_page(AREA | 1));
	say("accept-4k-inside", accept_page(AREA));
	*word(AREA) = 0xaa;
	*word(AREA + PAGE) = 0xab;
	say("to-shared", map_gpa(AREA | SHARED));
	say("shared-reads", *word(AREA + ALIAS));
	say("accept-2m-split", accept_page(AREA | 1));
	say("accept-4k-again", accept_page(AREA + PAGE));
	*word(AREA + ALIAS) = 0xbb;
	say("to-private", map_gpa(AREA));
	say("accept", accept_page(AREA));
	say("private-reads", *word(AREA));
	say("neighbour-reads", *word(AREA + PAGE));
}

static void aliases(void)
{
	const uint64_t dma = AREA + 2 * PAGE, touched = AREA + 4 * PAGE;
	struct regs r = {.rax = PAGE_ATTR_RD, .rcx = AREA + PAGE + 8};

	tdcall(&r);
	say("attributes", r.rcx);
	*word(dma) = 0xcc;
	device_writes(dma, AREA + 3 * PAGE);
	say("private-after-dma", *word(dma));
	map_gpa(dma | SHARED);
	say("shared-after-dma", (uint32_t)*word(dma + ALIAS));
	*word(touched) = 0xdd;
	say("alias-reads", *word(touched + ALIAS)); /* a driver that forgot MapGPA */
	say("private-then-reads", *word(touched));  /* and the end of it, where pages have states */
}

/* Of another program in this TD, or of this one. */
static uint64_t verify(void)
{
	struct regs r = {.rax = VERIFYREPORT, .rcx = (uint64_t)report};

	return tdcall(&r);
}

static void local_attestation(void)
{
	get_report();
	say("verify", verify());
	report[offsetof(struct tdreport, mac.report_data)] ^= 1;
	say("verify-flipped", verify());
}

extern uint8_t on_notice[];
uint64_t notices;
__asm__(".text\n"
        "on_notice: incq notices(%rip)\n pushq %rax\n pushq %rcx\n pushq %rdx\n"
        "movl $0x80b, %ecx\n xorl %eax, %eax\n xorl %edx, %edx\n wrmsr\n" /* x2APIC EOI */
        "popq %rdx\n popq %rcx\n popq %rax\n iretq\n");

/* The quote's end is told by an interrupt. */
static void notice(void)
{
	set_gate(NOTICE, on_notice);
	vmcall(VMCALL_MAP_GPA, (uint64_t)shared | SHARED, sizeof(shared), 0, 0);
	say("notify", vmcall(VMCALL_EVENT_NOTIFY, NOTICE, 0, 0, 0));
	get_report();
	say("asked", ask_quote());
	__asm__ volatile("sti");
	/* Not by HLT: the interrupt may come between the look and the halt, which then never ends.
	 * Each call leaves the TD, where the module looks for the quote. */
	while (!*(volatile uint64_t *)&notices)
		vmcall(VMCALL_INFO, 0, 0, 0, 0);
	delay(100);
	__asm__ volatile("cli");
	say("notices", *(volatile uint64_t *)&notices);
	say("told-status",
	    ((volatile struct get_quote_header *)shared_at((uint64_t)shared))->status);
}

static void pages(void)
{
	map_everything();
	local_attestation();
	notice();
	accepting();
	aliases();
}

/* Memory that nobody accepted: the end, unless the TD asked for #VE. */
static void pending(void)
{
	struct regs r = {.rax = VEINFO_GET};
	uint64_t vector;

	map_everything();
	set_gate(20, on_ve);
	vector = TRY("cmpq $0, 8(%%rax)", "a"(HIGH_AREA));
	tdcall(&r);
	say("pending", vector);
	say("reason", r.rcx);
	say("qualification", r.rdx);
	say("linear", r.r8);
	say("physical", r.r9);
	say("accept-2m", accept_page(HIGH_AREA | 1));
	say("pending-reads", *word(HIGH_AREA + 8));
}

static void touch(void)
{
	map_everything();
	say("touched",
	    *(volatile uint64_t *)(4 * GIB)); /* a TD of less than 2816 MiB has no RAM there */
}

/* Wakes the other CPU in real mode, outside the TD's rules, if any way to the ICR lets it. */
static void escape(const char *name, void (*send)(uint32_t))
{
	static const uint8_t code[] = {0x31, 0xc0, 0x8e, 0xd8,             /* DS = 0 */
	                               0xc7, 0x06, 0x00, 0x91, 0xca, 0xe5, /* [9100] = ESCAPED */
	                               0xf4, 0xeb, 0xfd};                  /* halt for ever */
	volatile uint8_t *page = (void *)(uint64_t)REAL_MODE;
	volatile uint16_t *flag = (void *)(uint64_t)(REAL_MODE + 0x100);

	*flag = 0;
	for (size_t i = 0; i < sizeof(code); i++)
		page[i] = code[i];
	send(OTHERS | 0x4000 | ICR_INIT);
	delay(200);
	send(OTHERS | 0x4000 | ICR_SIPI | REAL_MODE >> 12);
	delay(200);
	say(name, *flag == ESCAPED);
}

static void by_msr(uint32_t icr)
{
	say("wrmsr", try_wrmsr(X2_ICR, icr));
}

static void by_vmcall_msr(uint32_t icr)
{
	say("vmcall", vmcall(VMCALL_WRMSR, X2_ICR, icr, 0, 0));
}

static void by_vmcall_mmio(uint32_t icr)
{
	say("vmcall", vmcall(VMCALL_MMIO, 4, 1, (LAPIC + 0x300) | SHARED, icr));
}

/* An MSI is a write to this window, whose data says INIT as well. */
static void by_vmcall_msi(uint32_t icr)
{
	say("vmcall", vmcall(VMCALL_MMIO, 4, 1, (LAPIC + (1 << 12)) | SHARED, icr & 0x7ff));
}

static void by_page(uint32_t icr)
{
	mmio_write32(LAPIC + 0x300, icr);
}

static void init(void)
{
	escape("escaped-by-msr", by_msr);
	escape("escaped-by-vmcall-msr", by_vmcall_msr);
	escape("escaped-by-vmcall-mmio", by_vmcall_mmio);
	escape("escaped-by-vmcall-msi", by_vmcall_msi);
	by_msr(SELF | 0x4000 | ICR_INIT); /* QEMU would start the firmware anew, as a plain VM */
	delay(200);
	say("still-here", 1);
	escape("escaped-by-page", by_page);
}

static void nmi(void)
{
	set_gate(2, on_nmi);
	try_wrmsr(X2_ICR, SELF | 0x4000 | ICR_NMI);
	delay(20);
	say("nmis", nmis);
	say("halt", vmcall(VMCALL_HLT, 0, 0, 0, 0)); /* the firmware's timer wakes it */
}

static uint64_t qualification; /* of the last #VE */

/* The firmware's #VE handler does our port I/O, and would not like what is tried here. */
static uint64_t vector_or_reason(uint64_t vector, const uint64_t firmware[2])
{
	struct regs r = {.rax = VEINFO_GET};

	gate_of(20)[0] = firmware[0];
	gate_of(20)[1] = firmware[1];
	if (vector != 20)
		return vector;
	tdcall(&r);
	qualification = r.rdx;
	return VE | r.rcx;
}

#define SAY_TRY(name, insn, ...)                                               \
	do {                                                                   \
		uint64_t firmware[2] = {gate_of(20)[0], gate_of(20)[1]};       \
                                                                               \
		set_gate(20, on_ve);                                           \
		say(name, vector_or_reason(TRY(insn, __VA_ARGS__), firmware)); \
	} while (0)

static void say_wrmsr(const char *name, uint32_t index, uint32_t v)
{
	SAY_TRY(name, "wrmsr", "c"(index), "a"(v), "d"(0));
}

static void svm(void)
{
	SAY_TRY("vmrun", "vmrun %%rax", "a"(PAGE));
	SAY_TRY("vmmcall", "vmmcall", "a"(0));
	SAY_TRY("clgi", "clgi", "a"(0));
	SAY_TRY("stgi", "stgi", "a"(0));
	say_wrmsr("efer", MSR_EFER, 0x1d01);
	say_wrmsr("apicbase", MSR_APIC_BASE, 0xfee00000);
	say_wrmsr("hsave", MSR_VM_HSAVE, PAGE);
	say_wrmsr("vm-cr", MSR_VM_CR, 0);
	SAY_TRY("io", "outb %%al, $0x80", "a"(0));
	say("io-qualification", qualification);
}

#include "tdxemu/test/hostile_cpu.h"

/* ---- which ---- */

/* Our own command line, from where QEMU keeps it. */
static void read_words(void)
{
	uint32_t size = 0;

	out16(FW_CFG, 0x14);
	for (unsigned i = 0; i < 4; i++)
		size |= (uint32_t)in8(FW_CFG + 1) << 8 * i;
	out16(FW_CFG, 0x15);
	for (uint32_t i = 0; i < size && i < sizeof(words) - 1; i++)
		words[i] = (char)in8(FW_CFG + 1);
}

static int asked(const char *word)
{
	for (const char *w = words; *w; w++) {
		size_t n = 0;

		while (word[n] && w[n] == word[n])
			n++;
		if (!word[n])
			return 1;
	}
	return 0;
}

__attribute__((ms_abi)) uint64_t efi_main(void *image, void *system);

__attribute__((ms_abi)) uint64_t efi_main(void *image, void *system)
{
	(void)image, (void)system;
	set_gate(6, on_ud);
	set_gate(13, on_gp);
	read_words();
	put("\r\nhostile: begins\r\n");
	if (asked("hostile=rules")) {
		svm();
		control();
		instructions();
		exposing();
		single_step();
		software_interrupts();
		emulated();
		nmi();
		forge();
		init(); /* ends in a stop */
	} else if (asked("hostile=search")) {
		search_all();
	} else if (asked("hostile=pages")) {
		pages();
	} else if (asked("hostile=pending")) {
		pending();
	} else if (asked("hostile=touch")) {
		touch();
	}
	put("hostile: ends\r\n");
	out32(TDXEMU_EXIT_PORT, 0x20);
	return 0;
}
