/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/svm/cpu.h"

static void segment(struct vmcb_segment *s, uint16_t attributes, uint32_t limit)
{
	s->attributes = attributes;
	s->limit = limit;
}

/*
 * ABI specification, "Initial State of TD VCPU"; as module 1.5.01 has it in
 * src/common/data_structures/td_vmcs_init.c and src/vmm_dispatcher/api_calls/tdh_vp_init.c: every
 * selector and base is 0.
 */
void cpu_entry_state(const struct td *td, struct cpu *c, uint64_t hob)
{
	struct vmcb *v = &c->vmcb;
	struct vmcb_segment *const data[] = {&v->ds, &v->es, &v->ss, &v->fs, &v->gs};
	const struct td_cpu_state state = {.index = c->vcpu.index};
	uint32_t version[4];

	segment(&v->cs, 0xc9b, 0xffffffff);
	for (unsigned i = 0; i < 5; i++)
		segment(data[i], 0xc93, 0xffffffff);
	segment(&v->ldtr, 0x82, 0); /* there is none */
	segment(&v->tr, 0x8b, 0xffff);
	segment(&v->gdtr, 0, 0xffff);
	segment(&v->idtr, 0, 0);
	v->cr0 = CR0_PE | CR0_NE;
	v->cr4 = 0x40; /* MCE */
	v->efer = EFER_SVME | EFER_NXE | EFER_LME | EFER_SCE;
	v->rip = 0xfffffff0;
	v->fmask = 0x20200;
	td_cpuid(td, &c->vcpu, &state, 1, 0, version);
	c->regs.rbx = TD_GPAW;
	c->regs.rcx = c->regs.r8 = hob;
	c->regs.rdx = version[0]; /* family, model, stepping */
	c->regs.rsi = c->vcpu.index;
}
