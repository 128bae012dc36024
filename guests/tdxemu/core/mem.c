/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/core/mem.h"

#include <string.h>

#define VMX_REASON_EPT_VIOLATION 48
#define QUALIFICATION_GLA        (1ull << 7) /* the linear address is there */
#define ACCESS_TYPES             (TD_ACCESS_READ | TD_ACCESS_WRITE | TD_ACCESS_FETCH)
#define CONVERSIONS_LOGGED       16
#define MAP_GPA_CHUNK            (2ull << 20) /* KVM converts so much before it looks up */
#define PENDING                  (1ull << 62) /* of a mapping in TDG.MEM.PAGE.ATTR.* */

static uint64_t invalid(unsigned operand)
{
	return TDX_OPERAND_INVALID | operand;
}

/* ---- what the VMM does ---- */

static void remap(struct td *td, uint64_t gpa, uint64_t size)
{
	td->port->remap(gpa, size);
}

/* Of the pages in [gpa, gpa + size) that have such a state, that copy becomes zero. */
static void zero(struct td *td, uint64_t gpa, uint64_t size, unsigned state, uint64_t alias)
{
	for (uint64_t at = gpa; at < gpa + size; at += TD_PAGE_SIZE) {
		void *page = NULL;

		if (td_page_state(&td->pages, at) & state)
			page = td->port->guest(at | alias, TD_PAGE_SIZE);
		if (page)
			memset(page, 0, TD_PAGE_SIZE);
	}
}

static void to_shared(struct td *td, uint64_t gpa, uint64_t size)
{
	if (td_page_set_shared(&td->pages, gpa, size))
		remap(td, gpa, size);
}

/* QEMU discards the shared page; the private one is new, so pending. */
static void to_private(struct td *td, uint64_t gpa, uint64_t size)
{
	zero(td, gpa, size, TD_PAGE_SHARED, TD_SHARED);
	if (td_page_set_private(&td->pages, gpa, size))
		remap(td, gpa, size);
}

/* Of one page, because its other alias was touched. */
static void convert(struct td *td, uint64_t gpa, bool shared)
{
	if (td->conversions++ < CONVERSIONS_LOGGED)
		td->port->log(shared ? "private memory is touched as shared, and converted"
		                     : "shared memory is touched as private, and converted",
		              gpa);
	if (shared)
		to_shared(td, gpa, TD_PAGE_SIZE);
	else
		to_private(td, gpa, TD_PAGE_SIZE);
}

static void __attribute__((noreturn)) no_memory(struct td *td, uint64_t gpa)
{
	td->port->log("no memory at", gpa);
	td->port->stop("the guest used a private address where it has no memory");
}

/* A private page as the VMM has it ready when the module looks for it: its state. */
static unsigned private_state(struct td *td, uint64_t gpa)
{
	if (td_pages_at(&td->pages, gpa, TD_PAGE_SIZE) == TD_NOWHERE)
		no_memory(td, gpa);
	if (td_page_state(&td->pages, gpa) & TD_PAGE_SHARED)
		convert(td, gpa, false);
	return td_page_state(&td->pages, gpa);
}

void td_page_add(struct td *td, uint64_t gpa, uint64_t size)
{
	for (uint64_t at = gpa; at < gpa + size; at += TD_PAGE_SIZE) {
		td_page_set_accepted(&td->pages, at, TD_PAGE_SIZE);
		remap(td, at, TD_PAGE_SIZE);
	}
}

/* ---- accesses ---- */

static void due_ve(struct td_vcpu *vcpu, uint64_t gpa, enum td_access access, uint64_t gla)
{
	vcpu->due = (struct td_ve){.valid = true,
	                           .reason = VMX_REASON_EPT_VIOLATION,
	                           .qualification =
	                                   gla ? access | QUALIFICATION_GLA : access & ACCESS_TYPES,
	                           .gla = gla,
	                           .gpa = gpa};
}

bool td_ept_violation(struct td *td, struct td_vcpu *vcpu, uint64_t gpa, enum td_access access,
                      uint64_t gla)
{
	uint64_t page = gpa & ~TD_SHARED & ~(TD_PAGE_SIZE - 1);
	bool here = td_pages_at(&td->pages, page, TD_PAGE_SIZE) != TD_NOWHERE;

	if (gpa & TD_SHARED) {
		if (!here) { /* a device */
			due_ve(vcpu, gpa, access, gla);
			return false;
		}
		if (!(td_page_state(&td->pages, page) & TD_PAGE_SHARED))
			convert(td, page, true);
		return true;
	}
	if (private_state(td, page) & TD_PAGE_ACCEPTED)
		return true;
	if (td->td_ctls & TD_CTLS_PENDING_VE_DISABLE) {
		td->port->log("not accepted", gpa);
		td->port->stop("the guest used private memory before accepting it");
	}
	due_ve(vcpu, gpa, access, gla);
	return false;
}

static bool usable(const struct td *td, uint64_t gpa)
{
	unsigned wanted = gpa & TD_SHARED ? TD_PAGE_SHARED : TD_PAGE_ACCEPTED;
	uint64_t page = gpa & ~TD_SHARED & ~(TD_PAGE_SIZE - 1);

	return td_pages_at(&td->pages, page, TD_PAGE_SIZE) != TD_NOWHERE &&
	       td_page_state(&td->pages, page) & wanted;
}

uint64_t td_operand_map(struct td *td, struct td_vcpu *vcpu, const struct td_operand *o, void **ret)
{
	uint64_t plain = o->gpa & ~TD_SHARED;
	void *at;

	if (plain >= TD_SHARED || (o->private_only && o->gpa & TD_SHARED))
		return invalid(o->number);
	if (!td->port->owns(plain, o->size)) {
		if (!(o->gpa & TD_SHARED))
			no_memory(td, plain);
		due_ve(vcpu, o->gpa, o->access, 0);
		return TD_RESTART;
	}
	while (td->pages.enforced && !usable(td, o->gpa))
		if (!td_ept_violation(td, vcpu, o->gpa, o->access, 0))
			return TD_RESTART;
	at = td->port->guest(o->gpa, o->size);
	if (!at) /* address 0 where it is that of a pointer too */
		return invalid(o->number);
	*ret = at;
	return TDX_SUCCESS;
}

/* ---- TDG.MEM.PAGE. ---- */

static uint64_t level_size(uint64_t level)
{
	return TD_PAGE_SIZE << 9 * level;
}

/* An operand of page address and level (bits 2:0; 0 = 4 KiB), private. */
static bool page_info(uint64_t v, uint64_t max_level, uint64_t *ret_gpa, uint64_t *ret_level)
{
	uint64_t level = v & 7, gpa = v & ~7ull;

	if (level > max_level || gpa & (level_size(level) - 1) || gpa >= TD_SHARED)
		return false;
	*ret_gpa = gpa;
	*ret_level = level;
	return true;
}

/* The VMM has 4 KiB pages here: the walk for a 2 MiB page ends above them, whatever they are. */
static bool has_table(const struct td_pages *p, uint64_t gpa)
{
	return td_pages_at(p, gpa, TD_PAGE_SIZE) != TD_NOWHERE &&
	       td_page_block(p, gpa) == TD_BLOCK_TABLE;
}

uint64_t td_page_accept(struct td *td, const struct td_regs *r)
{
	struct td_pages *p = &td->pages;
	uint64_t gpa, level;
	unsigned state;

	if (!page_info(r->rcx, 1, &gpa, &level))
		return invalid(TDX_OPERAND_RCX);
	if (!p->enforced) {
		if (!td->port->owns(gpa, level_size(level)))
			no_memory(td, gpa);
		return TDX_SUCCESS;
	}
	if (level == 1 && has_table(p, gpa))
		return TDX_PAGE_SIZE_MISMATCH | 1;
	state = private_state(td, gpa);
	if (td_page_block(p, gpa) == TD_BLOCK_LEAF)
		return TDX_PAGE_ALREADY_ACCEPTED | 1;
	if (level == 0 && state & TD_PAGE_ACCEPTED)
		return TDX_PAGE_ALREADY_ACCEPTED | 0;
	if (level == 1 && !td_page_is_block(p, gpa)) {
		td_page_split(p, gpa);
		return TDX_PAGE_SIZE_MISMATCH | 1;
	}
	zero(td, gpa, level_size(level), TD_PAGE_USED, 0);
	td_page_set_accepted(p, gpa, level_size(level));
	remap(td, gpa, level_size(level));
	return TDX_SUCCESS;
}

/* The level at which the VMM has or adds the private page. */
static uint64_t mapped_level(struct td *td, uint64_t gpa, unsigned state)
{
	struct td_pages *p = &td->pages;

	if (td_page_block(p, gpa) == TD_BLOCK_LEAF)
		return 1;
	if (!(state & TD_PAGE_ACCEPTED) && td_page_is_block(p, gpa))
		return 1;
	td_page_split(p, gpa);
	return 0;
}

/* Attributes are those of L2 VMs' aliases: there are none. */
uint64_t td_page_attr_rd(struct td *td, struct td_regs *r)
{
	uint64_t gpa = r->rcx & ~(TD_PAGE_SIZE - 1), level = 0;
	unsigned state = TD_PAGE_ACCEPTED;
	bool valid = r->rcx < TD_SHARED;

	r->rcx = r->rdx = 0;
	if (!valid)
		return invalid(TDX_OPERAND_RCX);
	if (td->pages.enforced) {
		state = private_state(td, gpa);
		level = mapped_level(td, gpa, state);
	} else if (!td->port->owns(gpa, TD_PAGE_SIZE)) {
		no_memory(td, gpa);
	}
	r->rcx =
	        (gpa & ~(level_size(level) - 1)) | level | (state & TD_PAGE_ACCEPTED ? 0 : PENDING);
	return TDX_SUCCESS;
}

/* Of VMs that do not exist nothing may be asked: the first 16 bits of RDX or R8 that do. */
static uint64_t attr_wr_check(const struct td_regs *r)
{
	for (unsigned vm = 0; vm < 4; vm++) {
		if (r->rdx >> 16 * vm & 0xffff)
			return invalid(TDX_OPERAND_RDX);
		if (r->r8 >> 16 * vm & 0xffff)
			return invalid(TDX_OPERAND_R8);
	}
	return TDX_SUCCESS;
}

/* The VMM splits a 2 MiB page for a request of 4 KiB, and never joins small ones. */
static uint64_t attr_wr_level(struct td *td, uint64_t gpa, uint64_t level, unsigned state)
{
	struct td_pages *p = &td->pages;

	if (level == 2)
		return TDX_PAGE_SIZE_MISMATCH | 2;
	if (level == 1)
		return mapped_level(td, gpa, state) == 1 ? TDX_SUCCESS : TDX_PAGE_SIZE_MISMATCH | 1;
	td_page_split(p, gpa);
	remap(td, gpa & ~(TD_BLOCK_SIZE - 1), TD_BLOCK_SIZE);
	return TDX_SUCCESS;
}

uint64_t td_page_attr_wr(struct td *td, struct td_regs *r)
{
	uint64_t gpa = 0, level = 0, status = attr_wr_check(r), mapping = r->rcx;
	unsigned state = TD_PAGE_ACCEPTED;

	if (status == TDX_SUCCESS && !page_info(mapping, 2, &gpa, &level))
		status = invalid(TDX_OPERAND_RCX);
	r->rcx = r->rdx = 0;
	if (status != TDX_SUCCESS)
		return status;
	if (td->pages.enforced && level == 1 && has_table(&td->pages, gpa)) {
		status = TDX_PAGE_SIZE_MISMATCH | 1;
	} else if (td->pages.enforced) {
		state = private_state(td, gpa);
		status = attr_wr_level(td, gpa, level, state);
	} else if (!td->port->owns(gpa, TD_PAGE_SIZE)) {
		no_memory(td, gpa);
	}
	if (status == TDX_SUCCESS)
		r->rcx = mapping | (state & TD_PAGE_ACCEPTED ? 0 : PENDING);
	return status;
}

/* ---- TDG.VP.VMCALL<MapGPA> ---- */

/* Inside one 2 MiB block. To share what is no memory has no effect: it is a device's. */
static bool map_piece(struct td *td, uint64_t gpa, uint64_t size, bool shared)
{
	if (td_pages_at(&td->pages, gpa, size) == TD_NOWHERE) {
		if (!shared)
			return false;
		for (uint64_t at = gpa; at < gpa + size; at += TD_PAGE_SIZE)
			if (td_pages_at(&td->pages, at, TD_PAGE_SIZE) != TD_NOWHERE)
				to_shared(td, at, TD_PAGE_SIZE);
	} else if (shared) {
		to_shared(td, gpa, size);
	} else {
		to_private(td, gpa, size);
	}
	return true;
}

static bool map_chunk(struct td *td, uint64_t gpa, uint64_t size, bool shared)
{
	for (uint64_t at = gpa, next; at < gpa + size; at = next) {
		next = (at | (TD_BLOCK_SIZE - 1)) + 1;
		if (next > gpa + size)
			next = gpa + size;
		if (!map_piece(td, at, next - at, shared))
			return false;
	}
	return true;
}

static uint64_t map_gpa_check(const struct td_regs *r)
{
	uint64_t gpa = r->r12, size = r->r13, end = TD_SHARED << 1;

	if (size == 0 || gpa >= end || size > end - gpa || (gpa ^ (gpa + size - 1)) & TD_SHARED)
		return TDVMCALL_INVALID;
	return (gpa | size) & (TD_PAGE_SIZE - 1) ? TDVMCALL_ALIGN_ERROR : TDVMCALL_SUCCESS;
}

uint64_t td_map_gpa(struct td *td, struct td_regs *r)
{
	uint64_t status = map_gpa_check(r), end = r->r12 + r->r13, at = r->r12;

	if (status != TDVMCALL_SUCCESS) {
		r->r11 = r->r12;
		return status;
	}
	while (td->pages.enforced && at < end) {
		uint64_t size = end - at < MAP_GPA_CHUNK ? end - at : MAP_GPA_CHUNK;

		if (!map_chunk(td, at & ~TD_SHARED, size, at & TD_SHARED))
			status = TDVMCALL_INVALID;
		else if (at + size < end && td->port->interrupt_pending())
			status = TDVMCALL_RETRY, at += size;
		else
			at += size;
		if (status != TDVMCALL_SUCCESS) {
			r->r11 = at;
			return status;
		}
	}
	return TDVMCALL_SUCCESS;
}
