/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/core/pages.h"

#include <string.h>

#define GIB4           (4ull << 30)
#define PAGES_OF_BLOCK (TD_BLOCK_SIZE / TD_PAGE_SIZE)

/* Each part begins at a block of its own in the tables. */
static uint64_t whole_blocks(uint64_t bytes)
{
	return (bytes + TD_BLOCK_SIZE - 1) & ~(TD_BLOCK_SIZE - 1);
}

static uint64_t all_bytes(uint64_t low, uint64_t high, uint64_t firmware)
{
	return whole_blocks(low) + whole_blocks(high) + whole_blocks(firmware);
}

size_t td_pages_bytes(uint64_t low, uint64_t high, uint64_t firmware)
{
	uint64_t bytes = all_bytes(low, high, firmware);

	return bytes / TD_PAGE_SIZE + bytes / TD_BLOCK_SIZE;
}

void td_pages_init(struct td_pages *p, uint64_t low, uint64_t high, uint64_t firmware, void *room)
{
	uint8_t *page = room;

	*p = (struct td_pages){.enforced = true,
	                       .low = low,
	                       .high = high,
	                       .firmware = firmware,
	                       .page = page,
	                       .block = page + all_bytes(low, high, firmware) / TD_PAGE_SIZE};
}

static bool inside(uint64_t at, uint64_t size, uint64_t start, uint64_t length)
{
	return at >= start && size <= length && at - start <= length - size;
}

uint64_t td_pages_at(const struct td_pages *p, uint64_t gpa, uint64_t size)
{
	if (inside(gpa, size, 0, p->low))
		return gpa;
	if (inside(gpa, size, GIB4, p->high))
		return gpa - GIB4 + whole_blocks(p->low);
	if (inside(gpa, size, GIB4 - p->firmware, p->firmware))
		return gpa - (GIB4 - p->firmware) + whole_blocks(p->low) + whole_blocks(p->high);
	return TD_NOWHERE;
}

static uint8_t *page_of(const struct td_pages *p, uint64_t gpa)
{
	return &p->page[td_pages_at(p, gpa & ~(TD_PAGE_SIZE - 1), TD_PAGE_SIZE) / TD_PAGE_SIZE];
}

static uint8_t *block_of(const struct td_pages *p, uint64_t gpa)
{
	return &p->block[td_pages_at(p, gpa & ~(TD_PAGE_SIZE - 1), TD_PAGE_SIZE) / TD_BLOCK_SIZE];
}

unsigned td_page_state(const struct td_pages *p, uint64_t gpa)
{
	return *page_of(p, gpa);
}

enum td_block td_page_block(const struct td_pages *p, uint64_t gpa)
{
	return *block_of(p, gpa);
}

void td_page_split(struct td_pages *p, uint64_t gpa)
{
	*block_of(p, gpa) = TD_BLOCK_TABLE;
}

bool td_page_is_block(const struct td_pages *p, uint64_t gpa)
{
	uint64_t start = gpa & ~(TD_BLOCK_SIZE - 1);
	const uint8_t *page;

	if (td_pages_at(p, start, TD_BLOCK_SIZE) == TD_NOWHERE ||
	    td_page_block(p, gpa) == TD_BLOCK_TABLE)
		return false;
	page = page_of(p, start);
	for (unsigned i = 0; i < PAGES_OF_BLOCK; i++)
		if (page[i] & TD_PAGE_SHARED)
			return false;
	return true;
}

void td_page_set_accepted(struct td_pages *p, uint64_t gpa, uint64_t size)
{
	memset(page_of(p, gpa), TD_PAGE_ACCEPTED | TD_PAGE_USED, size / TD_PAGE_SIZE);
	*block_of(p, gpa) = size == TD_BLOCK_SIZE ? TD_BLOCK_LEAF : TD_BLOCK_TABLE;
}

/* A table stays once it is there; a 2 MiB page goes whole, or is split. */
bool td_page_set_shared(struct td_pages *p, uint64_t gpa, uint64_t size)
{
	uint8_t *page = page_of(p, gpa), *block = block_of(p, gpa);
	bool changed = false;

	if (*block == TD_BLOCK_LEAF)
		*block = size == TD_BLOCK_SIZE ? TD_BLOCK_NONE : TD_BLOCK_TABLE;
	for (uint64_t i = 0; i < size / TD_PAGE_SIZE; i++) {
		changed |= !(page[i] & TD_PAGE_SHARED);
		page[i] = (page[i] & TD_PAGE_USED) | TD_PAGE_SHARED;
	}
	return changed;
}

bool td_page_set_private(struct td_pages *p, uint64_t gpa, uint64_t size)
{
	uint8_t *page = page_of(p, gpa);
	bool changed = false;

	for (uint64_t i = 0; i < size / TD_PAGE_SIZE; i++) {
		changed |= (page[i] & TD_PAGE_SHARED) != 0;
		page[i] &= (uint8_t)~TD_PAGE_SHARED;
	}
	return changed;
}
