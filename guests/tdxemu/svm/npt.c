/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nested page tables. In one profile private and shared address lead to the same tables; in the
 * other each has its own, which follow the states in core/pages.
 */
#include <string.h>

#include "tdxemu/svm/cpu.h"
#include "tdxemu/svm/insn.h"
#include "tdxemu/svm/log.h"

#define PAGE         4096
#define GIB          (1ull << 30)
#define RW_USER      7ull
#define LARGE        0x80ull
#define ADDRESS      0x000ffffffffff000ull
#define BLOCK_PAGES  (TD_BLOCK_SIZE / TD_PAGE_SIZE)
#define PRIVATE_FINE 64  /* GiB of addresses that can be private memory */
#define SHARED_FINE  128 /* and more, so that the module and the private memory are cut out */
#define BLOCKS       (PRIVATE_FINE * GIB / TD_BLOCK_SIZE)

enum { PRIVATE, SHARED, TREES };

/*
 * Shared: physical memory as it is, 2 MiB pages for the first part and 1 GiB pages above; all 256
 * slots, because OVMF puts 64-bit BARs as high as phys-bits allows.
 */
static uint64_t root[512] __attribute__((aligned(PAGE)));
static uint64_t shared_pdpt[256][512] __attribute__((aligned(PAGE)));
static uint64_t shared_pd[SHARED_FINE][512] __attribute__((aligned(PAGE)));
static uint64_t private_pdpt[512] __attribute__((aligned(PAGE)));
static uint64_t private_pd[PRIVATE_FINE][512] __attribute__((aligned(PAGE)));

/* Tables of 4 KiB pages, by td_pages_at(): once there they stay that block's, so that no CPU walks
 * into one that means something else by now. */
static uint64_t *table[TREES][BLOCKS];
static struct {
	uint64_t next, end;
} pool;

uint64_t npt_root(void)
{
	return (uint64_t)root;
}

static uint64_t *pd_entry(unsigned tree, uint64_t gpa)
{
	uint64_t(*pd)[512] = tree == SHARED ? shared_pd : private_pd;

	return &pd[gpa / GIB][gpa % GIB / TD_BLOCK_SIZE];
}

/* [from, to) is nobody's. */
static void cut(uint64_t from, uint64_t to)
{
	for (uint64_t pa = from & ~(TD_BLOCK_SIZE - 1); pa < to; pa += TD_BLOCK_SIZE)
		*pd_entry(SHARED, pa) = 0;
}

void npt_build(const struct tdxemu_config *config)
{
	uint64_t own = 4 * GIB + config->memory - config->low;

	for (uint64_t i = 0; i < 256; i++) {
		root[i] = root[i + 256] = (uint64_t)shared_pdpt[i] | RW_USER;
		for (uint64_t j = 0; j < 512; j++)
			shared_pdpt[i][j] = (i << 39 | j << 30) | LARGE | RW_USER;
	}
	for (uint64_t i = 0; i < SHARED_FINE; i++) {
		shared_pdpt[0][i] = (uint64_t)shared_pd[i] | RW_USER;
		for (uint64_t j = 0; j < 512; j++)
			shared_pd[i][j] = (i << 30 | j << 21) | LARGE | RW_USER;
	}
	cut(own, own + TDXEMU_MEMORY + tdxemu_private_size(config));
	cut(LAPIC, LAPIC + 1); /* nor the xAPIC: a TD has an x2APIC */
}

void npt_map_firmware(uint64_t copy, uint64_t size)
{
	uint64_t window = 4 * GIB - size;

	for (uint64_t offset = 0; offset < size; offset += TD_BLOCK_SIZE)
		*pd_entry(SHARED, window + offset) = (copy + offset) | LARGE | RW_USER;
}

/* ---- private and shared apart ---- */

static uint64_t *table_of(unsigned tree, uint64_t at)
{
	uint64_t **t = &table[tree][at / TD_BLOCK_SIZE];

	if (!*t) {
		if (pool.next + PAGE > pool.end)
			stop("no room for nested page tables: give the TD less memory");
		*t = (uint64_t *)pool.next; /* zero: never written */
		pool.next += PAGE;
	}
	return *t;
}

/* Devices give #VE, as on hardware; else they are reached at once. */
static bool devices_fault(void)
{
	return the_td.flags & TDXEMU_FLAG_VE;
}

/* The last level's entry of a page, by its state; a device is shared and at its place. */
static uint64_t leaf(unsigned tree, uint64_t gpa)
{
	const struct td_pages *p = &the_td.pages;
	bool here = td_pages_at(p, gpa, TD_PAGE_SIZE) != TD_NOWHERE;

	if (memory_is_module(gpa, TD_PAGE_SIZE)) /* where memory ends within a block */
		return 0;
	if (tree == SHARED && !here)
		return devices_fault() ? 0 : gpa | RW_USER;
	if (tree == SHARED)
		return td_page_state(p, gpa) & TD_PAGE_SHARED ? gpa | RW_USER : 0;
	if (!here || !(td_page_state(p, gpa) & TD_PAGE_ACCEPTED))
		return 0;
	return (uint64_t)memory_guest(gpa, TD_PAGE_SIZE) | RW_USER;
}

/* Whether one 2 MiB page serves the block, or nothing at all: *ret is its entry then. */
static bool uniform(unsigned tree, uint64_t gpa, uint64_t *ret)
{
	uint64_t block = gpa & ~(TD_BLOCK_SIZE - 1), first = leaf(tree, block);

	if (tree == PRIVATE && td_page_block(&the_td.pages, gpa) == TD_BLOCK_LEAF) {
		*ret = first | LARGE;
		return true;
	}
	for (uint64_t i = 0; i < BLOCK_PAGES; i++) {
		uint64_t entry = leaf(tree, block + i * TD_PAGE_SIZE);

		if (!entry != !first || (entry && tree == PRIVATE))
			return false;
	}
	*ret = first ? first | LARGE : 0;
	return true;
}

static void sync_block(unsigned tree, uint64_t gpa)
{
	uint64_t block = gpa & ~(TD_BLOCK_SIZE - 1), entry, *t;

	if (!uniform(tree, gpa, &entry)) {
		t = table_of(tree, td_pages_at(&the_td.pages, gpa, TD_PAGE_SIZE));
		for (uint64_t i = 0; i < BLOCK_PAGES; i++)
			t[i] = leaf(tree, block + i * TD_PAGE_SIZE);
		entry = (uint64_t)t | RW_USER;
	}
	*pd_entry(tree, block) = entry;
}

static void sync(unsigned tree, uint64_t gpa, uint64_t size)
{
	uint64_t entry = *pd_entry(tree, gpa);

	if (size == TD_PAGE_SIZE && entry && !(entry & LARGE))
		((uint64_t *)(entry & ADDRESS))[gpa % TD_BLOCK_SIZE / PAGE] = leaf(tree, gpa);
	else
		sync_block(tree, gpa);
}

void npt_remap(uint64_t gpa, uint64_t size)
{
	for (unsigned tree = 0; tree < TREES; tree++)
		sync(tree, gpa, size);
	cpu_flush_all();
}

/* What is not the TD's memory is a device's, or nothing. */
static void take_devices(void)
{
	memset(shared_pdpt, 0, sizeof(shared_pdpt));
	memset(shared_pd, 0, sizeof(shared_pd));
	for (uint64_t i = 0; i < SHARED_FINE; i++)
		shared_pdpt[0][i] = (uint64_t)shared_pd[i] | RW_USER;
}

/* All of [gpa, gpa + size) is taken away; a block that is not whole has devices beside it. */
static void start_part(uint64_t gpa, uint64_t size)
{
	for (uint64_t at = gpa & ~(TD_BLOCK_SIZE - 1); at < gpa + size; at += TD_BLOCK_SIZE) {
		if (td_pages_at(&the_td.pages, at, TD_BLOCK_SIZE) != TD_NOWHERE)
			*pd_entry(SHARED, at) = 0;
		else
			sync(SHARED, at < gpa ? gpa : at, TD_BLOCK_SIZE);
	}
}

void npt_start_pages(uint64_t room, uint64_t end)
{
	const struct td_pages *p = &the_td.pages;

	pool.next = (room + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	pool.end = end;
	for (unsigned i = 0; i < 256; i++)
		root[i] = 0;
	root[0] = (uint64_t)private_pdpt | RW_USER;
	for (uint64_t i = 0; i < PRIVATE_FINE; i++)
		private_pdpt[i] = (uint64_t)private_pd[i] | RW_USER;
	if (devices_fault())
		take_devices();
	start_part(0, p->low);
	if (p->high)
		start_part(4 * GIB, p->high);
	start_part(4 * GIB - p->firmware, p->firmware);
}
