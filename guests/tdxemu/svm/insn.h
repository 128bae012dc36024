/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "format/portio.h"

/* One instruction each. */
static inline uint64_t rdmsr(uint32_t index)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
	return low | (uint64_t)high << 32;
}
static inline void wrmsr(uint32_t index, uint64_t v)
{
	__asm__ volatile("wrmsr" ::"c"(index), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}
static inline void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
	__asm__ volatile("cpuid"
	                 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
	                 : "a"(leaf), "c"(subleaf));
}
static inline uint64_t read_cr4(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr4, %0" : "=r"(v));
	return v;
}
static inline void write_cr4(uint64_t v)
{
	__asm__ volatile("mov %0, %%cr4" ::"r"(v) : "memory");
}
static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return low | (uint64_t)high << 32;
}
/*
 * Between two accesses to a device TCG has to look whether another CPU has changed the memory map, or
 * QEMU 7.2 follows a stale entry of its TLB into nothing and crashes (memory_region_dispatch_read): it looks where a
 * block of code ends, as at a jump.
 */
static inline void mmio_fence(void)
{
	__asm__ volatile("jmp 1f\n1:" ::: "memory");
}
static inline uint32_t mmio_read32(uint64_t pa)
{
	uint32_t v;

	mmio_fence();
	v = *(volatile uint32_t *)pa;
	mmio_fence();
	return v;
}
static inline void mmio_write32(uint64_t pa, uint32_t v)
{
	mmio_fence();
	*(volatile uint32_t *)pa = v;
	mmio_fence();
}

#define MSR_APIC_BASE 0x1bu
#define MSR_EFER      0xc0000080u
#define MSR_VM_CR     0xc0010114u
#define MSR_VM_HSAVE  0xc0010117u
#define LAPIC         0xfee00000ull
#define LAPIC_SIZE    0x100000ull /* a write behind the first page is an MSI */
