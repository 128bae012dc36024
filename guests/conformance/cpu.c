/* SPDX-License-Identifier: Apache-2.0 */
/* What the processor says of itself: CPUID, XCR0, the clock. */
#include <cpuid.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "conformance/conformance.h"
#include "format/tdx.h"

enum { EAX, EBX, ECX, EDX };
struct cpuid {
	uint32_t reg[4];
};

static struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid c;

	__cpuid_count(leaf, subleaf, c.reg[EAX], c.reg[EBX], c.reg[ECX], c.reg[EDX]);
	return c;
}

static void text_of(const struct cpuid *c, const int order[3], char out[13])
{
	for (int i = 0; i < 3; i++)
		memcpy(out + 4 * i, &c->reg[order[i]], 4);
	out[12] = '\0';
}

/* ---- identity ---- */
static const int vendor_order[3] = {EBX, EDX, ECX};

bool is_trust_domain(void)
{
	struct cpuid first = cpuid(0, 0), c;
	char text[13];

	if (first.reg[EAX] < TDX_CPUID_LEAF)
		return false;
	c = cpuid(TDX_CPUID_LEAF, 0);
	text_of(&c, vendor_order, text);
	return strcmp(text, "IntelTDX    ") == 0;
}

static void look_tdx_leaf(struct outcome *o, const void *of)
{
	struct cpuid first = cpuid(0, 0), c = cpuid(TDX_CPUID_LEAF, 0);
	char text[13];

	(void)of;
	text_of(&c, vendor_order, text);
	if (first.reg[EAX] < TDX_CPUID_LEAF)
		fail(o, "the highest leaf is %#x", first.reg[EAX]);
	else if (!is_trust_domain())
		fail(o, "'%s'", text);
	else
		pass(o, "'%s'", text);
}

static void look_vendor(struct outcome *o, const void *of)
{
	struct cpuid c = cpuid(0, 0);
	char text[13];

	(void)of;
	text_of(&c, vendor_order, text);
	(strcmp(text, "GenuineIntel") == 0 ? pass : fail)(o, "'%s'", text);
}

static void look_hypervisor(struct outcome *o, const void *of)
{
	static const int order[3] = {EBX, ECX, EDX};
	struct cpuid c = cpuid(0x40000000, 0);
	char text[13];

	(void)of;
	text_of(&c, order, text);
	if (c.reg[EAX] < 0x40000000 || c.reg[EAX] > 0x4fffffff)
		fail(o, "a highest leaf of %#x", c.reg[EAX]);
	else
		pass(o, "'%s', leaves to %#x", text, c.reg[EAX]);
}

static void look_extended(struct outcome *o, const void *of)
{
	struct cpuid c = cpuid(0x80000000, 0);

	(void)of;
	(c.reg[EAX] >= 0x80000008 ? pass : fail)(o, "%#x", c.reg[EAX]);
}

/* ---- bits that are fixed ---- */
struct bits {
	uint32_t leaf, subleaf;
	int reg;
	uint32_t one, zero; /* what they are */
	const char *names;  /* of those, "NAME:bit NAME:bit ..." */
};

static void look_bits(struct outcome *o, const void *of)
{
	const struct bits *b = of;
	struct cpuid c = cpuid(b->leaf, b->subleaf);
	uint32_t value = c.reg[b->reg];
	uint32_t wrong = (~value & b->one) | (value & b->zero);
	char names[200] = "", name[32];
	size_t used = 0;
	unsigned bit;
	int n;

	for (const char *p = b->names; sscanf(p, " %31[^: ]:%u%n", name, &bit, &n) == 2; p += n) {
		if (wrong >> bit & 1)
			used += (size_t)snprintf(names + used, sizeof(names) - used, " %s=%d", name,
			                         (int)(value >> bit & 1));
		if (used >= sizeof(names))
			break;
	}
	if (wrong)
		fail(o, "%#x:%s", value, names);
	else
		pass(o, "%#x", value);
}

/* ---- features that follow XFAM and ATTRIBUTES ---- */
static uint64_t xcr0(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

#define XFAM_SUPERVISOR 0x1dd00ull /* PT PASID CET_U CET_S UINTR LBR HWP: IA32_XSS */

static void look_xfam(struct outcome *o, const void *of)
{
	struct cpuid user = cpuid(0xd, 0), supervisor = cpuid(0xd, 1);
	uint64_t can = (uint64_t)user.reg[EDX] << 32 | user.reg[EAX];
	uint64_t xss = (uint64_t)supervisor.reg[EDX] << 32 | supervisor.reg[ECX];
	struct tdreport r;

	(void)of;
	if (!have_tdreport(o, 0, &r))
		return;
	if (can != (r.td.xfam & ~XFAM_SUPERVISOR) || xss != (r.td.xfam & XFAM_SUPERVISOR))
		fail(o, "XFAM %#llx, leaf 0xd user %#llx, supervisor %#llx",
		     (unsigned long long)r.td.xfam, (unsigned long long)can,
		     (unsigned long long)xss);
	else
		pass(o, "XFAM %#llx", (unsigned long long)r.td.xfam);
}

static void look_xcr0(struct outcome *o, const void *of)
{
	struct tdreport r;

	(void)of;
	if (!have_tdreport(o, 0, &r))
		return;
	if ((xcr0() & 3) != 3 || (xcr0() & ~r.td.xfam))
		fail(o, "XCR0 %#llx, XFAM %#llx", (unsigned long long)xcr0(),
		     (unsigned long long)r.td.xfam);
	else
		pass(o, "XCR0 %#llx", (unsigned long long)xcr0());
}

/* A feature that is there only if all bits of XFAM, or one of ATTRIBUTES, are set. */
static const struct follows {
	const char *name;
	uint32_t leaf;
	int reg;
	unsigned bit;
	uint64_t xfam, attribute;
} follows[] = {
        {"AVX", 1, ECX, 28, 1 << 2, 0},       {"AVX2", 7, EBX, 5, 1 << 2, 0},
        {"AVX512F", 7, EBX, 16, 7 << 5, 0},   {"PT", 7, EBX, 25, 1 << 8, 0},
        {"PKU", 7, ECX, 3, 1 << 9, 0},        {"CET_SS", 7, ECX, 7, 3 << 11, 0},
        {"CET_IBT", 7, EDX, 20, 3 << 11, 0},  {"UINTR", 7, EDX, 5, 1 << 14, 0},
        {"ARCH_LBR", 7, EDX, 19, 1 << 15, 0}, {"AMX_TILE", 7, EDX, 24, 3 << 17, 0},
        {"KL", 7, ECX, 23, 0, TDX_ATTR_KL},   {"PKS", 7, ECX, 31, 0, TDX_ATTR_PKS},
};

static void look_follows(struct outcome *o, const void *of)
{
	struct tdreport r;
	char names[120] = "";
	size_t used = 0;

	(void)of;
	if (!have_tdreport(o, 0, &r))
		return;
	for (size_t i = 0; i < COUNTED(follows) && used < sizeof(names); i++) {
		const struct follows *f = &follows[i];
		struct cpuid c = cpuid(f->leaf, 0);

		if ((c.reg[f->reg] >> f->bit & 1) &&
		    ((r.td.xfam & f->xfam) != f->xfam ||
		     (r.td.attributes & f->attribute) != f->attribute))
			used += (size_t)snprintf(names + used, sizeof(names) - used, " %s",
			                         f->name);
	}
	if (used)
		fail(o, "without their bit of XFAM or ATTRIBUTES:%s", names);
	else
		pass(o, "XFAM %#llx, ATTRIBUTES %#llx", (unsigned long long)r.td.xfam,
		     (unsigned long long)r.td.attributes);
}

static void look_perfmon(struct outcome *o, const void *of)
{
	struct cpuid c = cpuid(0xa, 0);
	struct tdreport r;
	bool any = c.reg[EAX] || c.reg[EBX] || c.reg[ECX] || c.reg[EDX];

	(void)of;
	if (!have_tdreport(o, 0, &r))
		return;
	if (r.td.attributes & TDX_ATTR_PERFMON)
		skip(o, "ATTRIBUTES.PERFMON is set");
	else
		(any ? fail : pass)(o, "%#x %#x %#x %#x", c.reg[EAX], c.reg[EBX], c.reg[ECX],
		                    c.reg[EDX]);
}

/* ---- the clock ---- */
static void look_tsc_frequency(struct outcome *o, const void *of)
{
	struct cpuid c = cpuid(0x15, 0);

	(void)of;
	if (c.reg[EAX] != 1 || c.reg[EBX] == 0 || c.reg[ECX] != 25000000)
		fail(o, "%u / %u of %u Hz", c.reg[EBX], c.reg[EAX], c.reg[ECX]);
	else
		pass(o, "%u MHz", c.reg[EBX] * 25);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* A reading of both clocks, taken as close together as a few tries get. */
static void read_both(uint64_t *ret_tsc, uint64_t *ret_ns)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 50; i++) {
		uint64_t before = __rdtsc(), ns = now_ns(), after = __rdtsc();

		if (after - before < best) {
			best = after - before;
			*ret_tsc = before + best / 2;
			*ret_ns = ns;
		}
	}
}

static void look_tsc_rate(struct outcome *o, const void *of)
{
	struct cpuid c = cpuid(0x15, 0);
	uint64_t tsc[2], ns[2];
	double khz, told;

	(void)of;
	if (!c.reg[EAX] || !c.reg[EBX] || !c.reg[ECX]) {
		fail(o, "leaf 0x15 has no frequency");
		return;
	}
	read_both(&tsc[0], &ns[0]);
	usleep(200000);
	read_both(&tsc[1], &ns[1]);
	khz = (double)(tsc[1] - tsc[0]) * 1e6 / (double)(ns[1] - ns[0]);
	told = (double)c.reg[ECX] * c.reg[EBX] / c.reg[EAX] / 1e3;
	(khz > told * 0.99 && khz < told * 1.01 ? pass : fail)(o, "%.0f kHz, leaf 0x15 says %.0f",
	                                                       khz, told);
}

static void look_tsc_order(struct outcome *o, const void *of)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t last = 0;
	long moves = 0;
	cpu_set_t one;

	(void)of;
	if (cpus < 2) {
		skip(o, "one CPU");
		return;
	}
	for (int round = 0; round < 200; round++) {
		CPU_ZERO(&one);
		CPU_SET((size_t)(round % (cpus < CPU_SETSIZE ? cpus : CPU_SETSIZE)), &one);
		if (sched_setaffinity(0, sizeof(one), &one) < 0)
			continue;
		_mm_lfence();
		uint64_t now = __rdtsc();
		if (now < last) {
			fail(o, "%llu less than on the CPU before",
			     (unsigned long long)(last - now));
			return;
		}
		last = now;
		moves++;
	}
	pass(o, "%ld moves between %ld CPUs", moves, cpus);
}

static void look_clocksource(struct outcome *o, const void *of)
{
	char text[40] = "";
	long n = read_file("/sys/devices/system/clocksource/clocksource0/current_clocksource", text,
	                   sizeof(text) - 1);

	(void)of;
	text[strcspn(text, "\n")] = '\0';
	if (n < 0)
		skip(o, "sysfs does not tell: %s", errno_name(n));
	else
		(strcmp(text, "tsc") == 0 ? pass : fail)(o, "'%s'", text);
}

#define BITS(...)                       \
	look_bits, &(const struct bits) \
	{                               \
		__VA_ARGS__             \
	}
static const struct row rows[] = {
        {"cpuid-tdx", "CPUID 0x21 spells 'IntelTDX    ' in EBX, EDX, ECX", OF_CPUID, look_tdx_leaf,
         NULL},
        {"cpuid-vendor", "CPUID 0 spells 'GenuineIntel'", OF_CPUID, look_vendor, NULL},
        {"cpuid-vmm", "CPUID 0x40000000 is answered in programs too: #VE, then the VMM's",
         OF_KERNEL ", CPUID Behavior", look_hypervisor, NULL},
        {"cpuid-extended", "the highest extended leaf is at least 0x80000008", OF_CPUID,
         look_extended, NULL},
        {"cpuid-hypervisor", "the hypervisor bit is 1", OF_CPUID,
         BITS(1, 0, ECX, 1u << 31, 0, "HYPERVISOR:31")},
        {"cpuid-no-vmx", "there is no VMX and no SMX: no KVM in a TD", OF_CPUID,
         BITS(1, 0, ECX, 0, 3u << 5, "VMX:5 SMX:6")},
        {"cpuid-no-svm", "there is no SVM", OF_CPUID, BITS(0x80000001, 0, ECX, 0, 1 << 2, "SVM:2")},
        {"cpuid-no-sgx", "there is no SGX, no TSC_ADJUST and no MPX", OF_CPUID,
         BITS(7, 0, EBX, 0, 1 << 1 | 1 << 2 | 1 << 14, "TSC_ADJUST:1 SGX:2 MPX:14")},
        {"cpuid-no-sgx-launch", "there is no SGX launch control", OF_CPUID,
         BITS(7, 0, ECX, 0, 1 << 30, "SGX_LC:30")},
        {"cpuid-sgx-leaf", "leaf 0x12 is empty", OF_CPUID,
         BITS(0x12, 0, EAX, 0, 0xffffffff, "SGX1:0 SGX2:1")},
        {"cpuid-1-ecx", "leaf 1 ECX has what every TDX processor has", OF_CPUID,
         BITS(1, 0, ECX, 0x46fa2217, 0,
              "SSE3:0 PCLMULQDQ:1 DTES64:2 DS_CPL:4 SSSE3:9 CX16:13 PCID:17 SSE4_1:19 SSE4_2:20 "
              "X2APIC:21 MOVBE:22 POPCNT:23 AES:25 XSAVE:26 RDRAND:30")},
        {"cpuid-1-edx", "leaf 1 EDX has what every TDX processor has", OF_CPUID,
         BITS(1, 0, EDX, 0x07a9ab7f, 0,
              "FPU:0 VME:1 DE:2 PSE:3 TSC:4 MSR:5 PAE:6 CX8:8 APIC:9 SEP:11 PGE:13 CMOV:15 "
              "PAT:16 CLFSH:19 DS:21 MMX:23 FXSR:24 SSE:25 SSE2:26")},
        {"cpuid-7-ebx", "leaf 7 EBX has what every TDX processor has", OF_CPUID,
         BITS(7, 0, EBX, 0x219424c1, 0,
              "FSGSBASE:0 FDP_EXCPTN_ONLY:6 SMEP:7 INVPCID:10 FCS_FDS:13 RDSEED:18 SMAP:20 "
              "CLFLUSHOPT:23 CLWB:24 SHA:29")},
        {"cpuid-7-ecx", "leaf 7 ECX has what every TDX processor has", OF_CPUID,
         BITS(7, 0, ECX, 0x19000000, 0, "BUS_LOCK_DETECT:24 MOVDIRI:27 MOVDIR64B:28")},
        {"cpuid-7-edx", "leaf 7 EDX has what every TDX processor has", OF_CPUID,
         BITS(7, 0, EDX, 0xac000400, 0,
              "MD_CLEAR:10 IBRS:26 STIBP:27 ARCH_CAPABILITIES:29 SSBD:31")},
        {"cpuid-xsave", "leaf 0xd has XSAVEOPT, XSAVEC, XGETBV of XINUSE, XSAVES", OF_CPUID,
         BITS(0xd, 1, EAX, 0xf, 0, "XSAVEOPT:0 XSAVEC:1 XGETBV_ECX1:2 XSAVES:3")},
        {"cpuid-long-ecx", "leaf 0x80000001 ECX has what every TDX processor has", OF_CPUID,
         BITS(0x80000001, 0, ECX, 0x121, 0, "LAHF:0 LZCNT:5 PREFETCHW:8")},
        {"cpuid-long-edx", "leaf 0x80000001 EDX has what every TDX processor has", OF_CPUID,
         BITS(0x80000001, 0, EDX, 0x2c100000, 0, "NX:20 PDPE1GB:26 RDTSCP:27 LM:29")},
        {"cpuid-wbnoinvd", "leaf 0x80000008 EBX has WBNOINVD", OF_CPUID,
         BITS(0x80000008, 0, EBX, 0x200, 0, "WBNOINVD:9")},
        {"xfam-leaf", "leaf 0xd has the components of XFAM, no more and no less",
         "Intel TDX module 1.5.01, src/td_dispatcher/vm_exits/td_cpuid.c", look_xfam, NULL},
        {"xfam-xcr0", "XCR0 has x87 and SSE and nothing that XFAM has not",
         "Intel TDX module 1.5.01, src/td_dispatcher/vm_exits/td_xsetbv.c", look_xcr0, NULL},
        {"xfam-features", "a feature of XFAM or ATTRIBUTES shows only where its bit is set",
         OF_CPUID, look_follows, NULL},
        {"cpuid-perfmon", "without ATTRIBUTES.PERFMON leaf 0xa is empty",
         "Intel TDX module 1.5.01, src/td_dispatcher/vm_exits/td_cpuid.c", look_perfmon, NULL},
        {"tsc-invariant", "the TSC is invariant", OF_CPUID,
         BITS(0x80000007, 0, EDX, 1 << 8, 0, "INVARIANT_TSC:8")},
        {"tsc-frequency", "leaf 0x15 has the TSC's frequency, a multiple of 25 MHz", OF_CPUID,
         look_tsc_frequency, NULL},
        {"tsc-rate", "the kernel's clock and the TSC run as leaf 0x15 says, within 1 %", OF_CPUID,
         look_tsc_rate, NULL},
        {"tsc-order", "the TSC never goes back from one CPU to another",
         "Intel TDX module base architecture specification, Time Stamp Counter (TSC)",
         look_tsc_order, NULL},
        {"tsc-clocksource", "the kernel's clock is the TSC",
         "Linux arch/x86/coco/tdx/tdx.c, X86_FEATURE_TSC_RELIABLE", look_clocksource, NULL},
};
const struct rows rows_cpu = {rows, COUNTED(rows)};
