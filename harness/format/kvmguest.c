/* SPDX-License-Identifier: Apache-2.0 */
#include "format/kvmguest.h"

#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "format/bytes.h"

/* Intel SDM volume 3, sections 3.4.5 and 4.5. */
/* At `at`, a page's start: page tables that map the first 2 MiB to themselves by one large page. */
static void map_memory(uint8_t *memory, uint32_t at)
{
	*(uint64_t *)(memory + at) = (at + 0x1000) | 3; /* PML4: present, writable */
	*(uint64_t *)(memory + at + 0x1000) = (at + 0x2000) | 3;
	*(uint64_t *)(memory + at + 0x2000) = 0x83; /* and large */
}

/* 64-bit code and flat data, with the tables at `at`; the rest of `s` stays. */
static void set_long_mode(struct kvm_sregs *s, uint32_t at)
{
	struct kvm_segment flat = {.limit = 0xffffffff,
	                           .selector = 16,
	                           .type = 3,
	                           .present = 1,
	                           .db = 1,
	                           .s = 1,
	                           .g = 1};

	s->ds = s->es = s->fs = s->gs = s->ss = flat;
	flat.selector = 8;
	flat.type = 11;
	flat.db = 0;
	flat.l = 1;
	s->cs = flat;
	s->cr0 = 0x80050033; /* PG, AM, WP, NE, ET, MP, PE */
	s->cr3 = at;
	s->cr4 = 0x20;   /* PAE */
	s->efer = 0x500; /* LME, LMA */
}

/* Memory that is shared with the kernel; NULL when there is none. */
static void *map(size_t size, int flags, int fd)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | flags, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static const char *make_vm(int kvm, struct kvm_guest *g)
{
	struct kvm_userspace_memory_region region = {.memory_size = g->size};
	int size;

	if ((g->vm = ioctl(kvm, KVM_CREATE_VM, 0)) < 0)
		return "KVM_CREATE_VM";
	if (!(g->memory = map(g->size, MAP_ANONYMOUS, -1)))
		return "mmap";
	region.userspace_addr = (uintptr_t)g->memory;
	/* Intel without "unrestricted guest" wants three pages of its own; AMD ignores it. */
	ioctl(g->vm, KVM_SET_TSS_ADDR, 0xfffbd000ul);
	if (ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return "KVM_SET_USER_MEMORY_REGION";
	if ((g->cpu = ioctl(g->vm, KVM_CREATE_VCPU, 0)) < 0)
		return "KVM_CREATE_VCPU";
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < (int)sizeof(*g->run))
		return "KVM_GET_VCPU_MMAP_SIZE";
	g->run_size = (size_t)size;
	return (g->run = map(g->run_size, 0, g->cpu)) ? NULL : "mmap of the vCPU";
}

/* Without CPUID the vCPU has no long mode, nor cmpxchg16b. */
static const char *set_cpuid(int kvm, const struct kvm_guest *g)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entry[128];
	} cpuid = {.head.nent = COUNT_OF(cpuid.entry)};

	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) < 0)
		return "KVM_GET_SUPPORTED_CPUID";
	return ioctl(g->cpu, KVM_SET_CPUID2, &cpuid) < 0 ? "KVM_SET_CPUID2" : NULL;
}

static const char *set_registers(const struct kvm_guest *g, const struct kvm_guest_start *start)
{
	struct kvm_sregs s;

	if (ioctl(g->cpu, KVM_GET_SREGS, &s) < 0)
		return "KVM_GET_SREGS";
	set_long_mode(&s, start->tables);
	if (ioctl(g->cpu, KVM_SET_SREGS, &s) < 0)
		return "KVM_SET_SREGS";
	return ioctl(g->cpu, KVM_SET_REGS, &start->regs) < 0 ? "KVM_SET_REGS" : NULL;
}

const char *kvm_guest_make(int kvm, const struct kvm_guest_start *start, struct kvm_guest *ret)
{
	const char *failed;

	*ret = (struct kvm_guest){.vm = -1, .cpu = -1, .size = start->memory};
	if ((failed = make_vm(kvm, ret)) || (failed = set_cpuid(kvm, ret)))
		return failed;
	map_memory(ret->memory, start->tables);
	memcpy(ret->memory + start->regs.rip, start->code, start->code_size);
	return set_registers(ret, start);
}

void kvm_guest_done(struct kvm_guest *g)
{
	if (g->run)
		munmap(g->run, g->run_size);
	if (g->memory)
		munmap(g->memory, g->size);
	if (g->cpu >= 0)
		close(g->cpu);
	if (g->vm >= 0)
		close(g->vm);
}
