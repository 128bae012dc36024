/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tdxemu/svm/cpu.h"
#include "tdxemu/svm/insn.h"

#define PAGE 4096
static uint8_t msr_map[8192] __attribute__((aligned(PAGE)));
static uint8_t io_map[3 * PAGE] __attribute__((aligned(PAGE)));

/* Two bits per MSR, read and write, in three ranges; volume 2, section 15.11. */
static void msr_build(void)
{
	static const uint32_t first[3] = {0, 0xc0000000, 0xc0010000};

	for (uint32_t range = 0; range < 3; range++) {
		for (uint32_t i = 0; i < 0x2000; i++) {
			uint32_t index = first[range] + i, bit = range * 0x800 * 8 + i * 2;

			if (td_msr_wanted(index, false))
				msr_map[bit / 8] |= (uint8_t)(1 << bit % 8);
			if (td_msr_wanted(index, true))
				msr_map[bit / 8] |= (uint8_t)(2 << bit % 8);
		}
	}
}

void svm_share(const struct tdxemu_config *config)
{
	npt_build(config);
	msr_build();
	if (config->flags & TDXEMU_FLAG_VE)
		memset(io_map, 0xff, sizeof(io_map));
}

static void segment(struct vmcb_segment *s, uint16_t selector, uint16_t attributes, uint32_t limit,
                    uint64_t base)
{
	s->selector = selector;
	s->attributes = attributes;
	s->limit = limit;
	s->base = base;
}

static void flat64(struct vmcb *v)
{
	struct vmcb_segment *const data[] = {&v->ds, &v->es, &v->ss, &v->fs, &v->gs};

	segment(&v->cs, 8, 0xa9b, 0xffffffff, 0);
	for (unsigned i = 0; i < 5; i++)
		segment(data[i], 16, 0xc93, 0xffffffff, 0);
}

static void common(struct vmcb *v)
{
	v->iopm = (uint64_t)io_map;
	v->msrpm = (uint64_t)msr_map;
	v->asid = 1;
	v->dr6 = 0xffff0ff0;
	v->dr7 = 0x400;
	v->rflags = 2;
	v->pat = 0x0007040600070406ull;
}

static void halt_guest(struct cpu *c)
{
	struct vmcb *v = &c->halt;
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) gdtr;
	uint64_t cr3;

	__asm__ volatile("sgdt %0; mov %%cr3, %1" : "=m"(gdtr), "=r"(cr3));
	common(v);
	v->intercepts1 = INTERCEPT1_INTR | INTERCEPT1_NMI | INTERCEPT1_INIT | INTERCEPT1_SHUTDOWN;
	v->intercepts2 = 1; /* VMRUN must be intercepted */
	v->int_control = INT_CONTROL_MASKING;
	flat64(v);
	segment(&v->gdtr, 0, 0, gdtr.limit, gdtr.base);
	v->cr0 = CR0_PG | 0x33;
	v->cr3 = cr3;
	v->cr4 = 0x20; /* PAE */
	v->efer = EFER_SVME | EFER_LMA | EFER_LME;
}

void svm_setup_cpu(struct cpu *c, uint64_t hob)
{
	struct vmcb *v = &c->vmcb;

	wrmsr(MSR_VM_HSAVE, (uint64_t)c->host_save);
	memset(v, 0, sizeof(*v));
	memset(&c->halt, 0, sizeof(c->halt));
	common(v);
	/* TDCALL is #UD on this CPU, and AMD's instructions #GP in programs. */
	v->exception_intercepts = EXCEPTION_UD | EXCEPTION_GP;
	v->cr_write_intercepts = CR_WRITE_CR4;
	v->intercepts1 = INTERCEPT1_CPUID | INTERCEPT1_MSR | INTERCEPT1_SHUTDOWN |
	                 INTERCEPT1_INVLPGA | INTERCEPT1_INIT | INTERCEPT1_CR0 | INTERCEPT1_RDPMC |
	                 INTERCEPT1_INVD;
	if (the_td.vcpus > 1)
		v->intercepts1 |= INTERCEPT1_SWINT;
	if (the_td.flags & TDXEMU_FLAG_VE)
		v->intercepts1 |= INTERCEPT1_IOIO | INTERCEPT1_HLT;
	v->intercepts2 = INTERCEPT2_SVM | INTERCEPT2_MONITOR | INTERCEPT2_MWAIT | INTERCEPT2_WBINVD;
	v->tlb_control = 1;
	v->nested_paging = 1;
	v->nested_cr3 = npt_root();
	cpu_entry_state(&the_td, c, hob);
	halt_guest(c);
	/* Flat logical destinations behind the x2APIC, for devices: the first 8 CPUs have one. */
	mmio_write32(LAPIC + 0xe0, 0xffffffff);
	mmio_write32(LAPIC + 0xd0, c->vcpu.index < 8 ? 1u << (24 + c->vcpu.index) : 0);
	/* FS, GS, TR, LDTR and FMASK of the guest are not VMRUN's to load. */
	__asm__ volatile("vmload %%rax" ::"a"(v) : "memory");
}
