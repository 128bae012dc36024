/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What each page of a TD's memory is: the secure EPT's states, as far as a guest can tell them
 * apart, and the VMM's notion of which pages are shared (KVM's memory attributes). Nothing of the
 * machine is here: whoever changes a state tells the machine by td_port.remap.
 *
 * A private page is pending until the guest accepts it; whether the VMM has added it already (AUG)
 * makes no difference to a guest, because the VMM adds it at the first touch. The VMM adds 2 MiB at
 * once where all of it is private and nothing smaller has been there yet.
 *
 * Memory is RAM below and above 4 GiB and the firmware at the end of the first 4 GiB; addresses are
 * guest-physical without the shared bit.
 */
#define TD_PAGE_SIZE  4096ull
#define TD_BLOCK_SIZE (2ull << 20)

#define TD_PAGE_ACCEPTED 1u /* private, and the guest may use it */
#define TD_PAGE_SHARED   2u /* the shared alias leads to memory, the private one does not */
#define TD_PAGE_USED     4u /* its private memory was accepted once: to be zeroed when it is again */

enum td_block {
	TD_BLOCK_NONE,  /* nothing accepted here, no table of 4 KiB pages */
	TD_BLOCK_LEAF,  /* accepted as one 2 MiB page */
	TD_BLOCK_TABLE, /* 4 KiB pages */
};

struct td_pages {
	bool enforced; /* else nothing is kept here, and both aliases lead to the same page */
	uint64_t low, high, firmware; /* bytes */
	uint8_t *page;                /* TD_PAGE_*, one for each 4 KiB */
	uint8_t *block;               /* enum td_block, one for each 2 MiB */
};

/* How many bytes td_pages_init needs; `low`, `high` and `firmware` are multiples of 4 KiB. */
size_t td_pages_bytes(uint64_t low, uint64_t high, uint64_t firmware);

/* Everything is pending; `room` is zero. */
void td_pages_init(struct td_pages *p, uint64_t low, uint64_t high, uint64_t firmware, void *room);

/* Where in the tables: TD_NOWHERE when [gpa, gpa + size) is not in one of the three parts. */
#define TD_NOWHERE (~0ull)
uint64_t td_pages_at(const struct td_pages *p, uint64_t gpa, uint64_t size);

/* TD_PAGE_* of the page at gpa, which must be there. */
unsigned td_page_state(const struct td_pages *p, uint64_t gpa);
enum td_block td_page_block(const struct td_pages *p, uint64_t gpa);

/* The VMM maps 4 KiB pages here: a table takes the place of an accepted 2 MiB page. */
void td_page_split(struct td_pages *p, uint64_t gpa);

/* Whether the VMM could add the whole 2 MiB around gpa as one page. */
bool td_page_is_block(const struct td_pages *p, uint64_t gpa);

/* [gpa, gpa + size), either one page or one block, becomes ...; true when anything changed. */
void td_page_set_accepted(struct td_pages *p, uint64_t gpa, uint64_t size);
bool td_page_set_shared(struct td_pages *p, uint64_t gpa, uint64_t size);
bool td_page_set_private(struct td_pages *p, uint64_t gpa, uint64_t size);
