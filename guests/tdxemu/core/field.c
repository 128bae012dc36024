/* SPDX-License-Identifier: Apache-2.0 */
#include "tdxemu/core/field.h"

#include <string.h>

/* An element: the table's row and which of the row's elements. */
struct element {
	const struct field_row *row;
	unsigned index;
};

static unsigned elements_of(const struct field_row *r)
{
	return (unsigned)r->fields * r->elements;
}

static uint64_t size_mask(const struct field_row *r)
{
	return ~0ull >> (64 - (8u << FIELD_SIZE(r->id)));
}

/* CPUID_VALUES are named by leaf and subleaf in place of a number, and are not for guests. */
static bool find_cpuid_values(uint64_t id, struct element *ret)
{
	static const struct field_row row = {0x9410000300000000, 1, 2, 1, FIELD_HIDDEN, 0, 0};
	uint32_t leaf = (id >> 9 & 0x7f) | (id >> 16 & 1) << 31;
	uint32_t subleaf = id & 1 << 8 ? TD_CPUID_NO_SUBLEAF : id >> 1 & 0x7f;

	*ret = (struct element){&row, id & 1};
	return !(id & 0xfe0000) && td_cpuid_has_row(leaf, subleaf);
}

static bool find(const struct field_table *t, uint64_t id, struct element *ret)
{
	uint64_t number = id & FIELD_NUMBER;

	if (t == &field_tables[TD_CONTEXT_TD] && FIELD_CLASS(id) == FIELD_CLASS_CPUID_VALUES)
		return find_cpuid_values(id, ret);
	for (unsigned i = 0; i < t->rows; i++) {
		const struct field_row *r = &t->row[i];
		uint64_t first = r->id & FIELD_NUMBER;

		if (FIELD_CLASS(r->id) != FIELD_CLASS(id) || number < first)
			continue;
		if ((number - first) % r->stride != 0) /* half of a VMCS field */
			continue;
		if ((number - first) / r->stride >= elements_of(r))
			continue;
		*ret = (struct element){r, (unsigned)(number - first) / r->stride};
		return true;
	}
	return false;
}

static uint64_t word(const uint8_t *bytes, unsigned index)
{
	uint64_t v;

	memcpy(&v, bytes + index * sizeof(v), sizeof(v));
	return v;
}

static uint64_t td_value(const struct td *td, const struct element *el)
{
	switch (el->row->what) {
	case FIELD_TD_UUID:
		return word(td->uuid, el->index);
	case FIELD_NUM_VCPUS:
	case FIELD_MAX_VCPUS:
		return td->vcpus;
	case FIELD_ATTRIBUTES:
		return td->info.attributes;
	case FIELD_XFAM:
		return td->info.xfam;
	case FIELD_TSC_FREQUENCY:
		return td_tsc_ratio(td);
	case FIELD_NOTIFY_ENABLES:
		return td->notify_enables;
	case FIELD_CONFIG_FLAGS:
		return TD_CONFIG_FLAGS;
	case FIELD_TD_CTLS:
		return td->td_ctls;
	case FIELD_TOPOLOGY_CONFIGURED:
		return 1;
	case FIELD_MRTD:
		return word(td->info.mrtd, el->index);
	case FIELD_MRCONFIGID:
		return word(td->info.mrconfigid, el->index);
	case FIELD_MROWNER:
		return word(td->info.mrowner, el->index);
	case FIELD_MROWNERCONFIG:
		return word(td->info.mrownerconfig, el->index);
	case FIELD_RTMR:
		return word(td->info.rtmr[el->index / 6], el->index % 6);
	case FIELD_SERVTD_HASH:
		return word(td->info.servtd_hash, el->index);
	default:
		return 0;
	}
}

static uint64_t vcpu_value(const struct td_vcpu *vcpu, const struct element *el)
{
	switch (el->row->what) {
	case FIELD_VCPU_INDEX:
		return vcpu->index;
	case FIELD_CPUID_SUPERVISOR_VE:
		return vcpu->cpuid_supervisor_ve;
	case FIELD_CPUID_USER_VE:
		return vcpu->cpuid_user_ve;
	case FIELD_L2_CTLS:
		return vcpu->l2_ctls[el->index];
	case FIELD_TSC_DEADLINE:
		return ~vcpu->not_tsc_deadline[el->index];
	case FIELD_CPUID_CONTROL:
		return vcpu->cpuid_control[el->index];
	default:
		return 0;
	}
}

/*
 * TDX_FEATURES0: all that release 1.5.01 says of itself, whether a TD has it or not (migration,
 * service TDs, partitioning), and of later releases that TD_CTLS.ENUM_TOPOLOGY and REDUCE_VE can be
 * set.
 */
#define FEATURES0_1_5_01 0xf0fbfull
#define FEATURES0        (FEATURES0_1_5_01 | 1ull << 20 | 1ull << 30)

static uint64_t sys_value(const struct element *el)
{
	switch (el->row->what) {
	case FIELD_VENDOR_ID:
		return 0x8086;
	case FIELD_MINOR_VERSION: /* the interface is that of module 1.5 */
		return 5;
	case FIELD_MAJOR_VERSION:
	case FIELD_NUM_FEATURES:
		return 1;
	case FIELD_FEATURES0:
		return FEATURES0;
	case FIELD_L2_GPA_ATTR_MASK: /* R, W, Xs, Xu, VGP, PWA, SSS, VALID */
		return 0x807f;
	default:
		return 0;
	}
}

static uint64_t value_of(const struct td *td, const struct td_vcpu *vcpu, enum td_context context,
                         const struct element *el)
{
	switch (context) {
	case TD_CONTEXT_SYS:
		return sys_value(el);
	case TD_CONTEXT_TD:
		return td_value(td, el);
	case TD_CONTEXT_VCPU:
		return vcpu_value(vcpu, el);
	}
	return 0;
}

/* The first row from `r` on that a guest may read, or NULL. */
static const struct field_row *readable_from(const struct field_table *t, const struct field_row *r)
{
	for (; r < t->row + t->rows; r++)
		if (r->read)
			return r;
	return NULL;
}

uint64_t td_field_first(enum td_context context)
{
	const struct field_table *t = &field_tables[context];
	const struct field_row *r = readable_from(t, t->row);

	return r ? r->id : FIELD_NONE;
}

/* The next element of the same row is named as the guest named this one. */
static uint64_t next_of(const struct field_table *t, uint64_t id, const struct element *el)
{
	const struct field_row *r;

	if (el->index + 1 < elements_of(el->row))
		return ((id & ~TD_FIELD_CONTEXT) | t->context) + el->row->stride;
	r = readable_from(t, el->row + 1);
	return r ? r->id : FIELD_NONE;
}

uint64_t td_field_read(const struct td *td, const struct td_vcpu *vcpu, enum td_context context,
                       uint64_t id, uint64_t *ret_value, uint64_t *ret_next)
{
	const struct field_table *t = &field_tables[context];
	struct element el;

	*ret_value = 0;
	*ret_next = FIELD_NONE;
	if (id & FIELD_RESERVED || !find(t, id, &el))
		return TDX_METADATA_FIELD_ID_INCORRECT;
	if (!el.row->read)
		return TDX_METADATA_FIELD_NOT_READABLE;
	*ret_value = value_of(td, vcpu, context, &el) & el.row->read & size_mask(el.row);
	*ret_next = next_of(t, id, &el);
	return TDX_SUCCESS;
}

static uint64_t store(struct td *td, struct td_vcpu *vcpu, const struct element *el, uint64_t old,
                      uint64_t v)
{
	switch (el->row->what) {
	case FIELD_TD_CTLS: /* CONFIG_FLAGS.FLEXIBLE_PENDING_VE is not set */
		if ((old ^ v) & TD_CTLS_PENDING_VE_DISABLE || v & TD_CTLS_NOT_OFFERED)
			return TDX_METADATA_FIELD_VALUE_NOT_VALID;
		td->td_ctls = v;
		break;
	case FIELD_FEATURE_PARAVIRT: /* none is offered */
		return v ? TDX_METADATA_FIELD_VALUE_NOT_VALID : TDX_SUCCESS;
	case FIELD_NOTIFY_ENABLES: /* zero-step attack notices: none are ever due */
		td->notify_enables = v;
		break;
	case FIELD_CPUID_SUPERVISOR_VE:
		vcpu->cpuid_supervisor_ve = (uint8_t)v;
		break;
	case FIELD_CPUID_USER_VE:
		vcpu->cpuid_user_ve = (uint8_t)v;
		break;
	case FIELD_L2_CTLS: /* of L2 VMs that do not exist: kept, without effect */
		vcpu->l2_ctls[el->index] = v;
		break;
	case FIELD_TSC_DEADLINE:
		vcpu->not_tsc_deadline[el->index] = ~v;
		break;
	case FIELD_CPUID_CONTROL:
		vcpu->cpuid_control[el->index] = (uint8_t)v;
		break;
	default:
		return TDX_METADATA_FIELD_NOT_WRITABLE;
	}
	return TDX_SUCCESS;
}

uint64_t td_field_write(struct td *td, struct td_vcpu *vcpu, enum td_context context, uint64_t id,
                        uint64_t value, uint64_t mask, uint64_t *ret_old)
{
	struct element el;
	uint64_t old, bits, status;

	*ret_old = 0;
	if (id & FIELD_RESERVED || !find(&field_tables[context], id, &el))
		return TDX_METADATA_FIELD_ID_INCORRECT;
	bits = el.row->write & mask;
	if (!bits)
		return TDX_METADATA_FIELD_NOT_WRITABLE;
	old = value_of(td, vcpu, context, &el) & size_mask(el.row);
	if ((old ^ value) & mask & ~el.row->write)
		return TDX_METADATA_FIELD_VALUE_NOT_VALID;
	status = store(td, vcpu, &el, old, (old & ~bits) | (value & bits));
	if (status == TDX_SUCCESS)
		*ret_old = old & el.row->read;
	return status;
}

/* ---- TDG.SYS.RDALL: a list of sequences; ABI specification, "Metadata Lists" ---- */

struct list_header {
	uint16_t size; /* of all, bytes */
	uint16_t sequences;
	uint32_t reserved;
};

/* Rows whose numbers follow each other and whose elements are alike share a sequence. */
static bool follows(const struct field_row *r, const struct field_row *before)
{
	uint64_t end = (before->id & FIELD_NUMBER) + elements_of(before);

	return FIELD_CLASS(r->id) == FIELD_CLASS(before->id) && (r->id & FIELD_NUMBER) == end &&
	       r->elements == before->elements && FIELD_SIZE(r->id) == FIELD_SIZE(before->id);
}

#define LAST_FIELD 38 /* where a sequence's header counts its fields, less one */

/* Where a dump begins: only the first element of a field, named with its size. */
static uint64_t dump_start(const struct field_table *t, uint64_t id, struct element *ret)
{
	if ((id | TD_FIELD_CONTEXT) == FIELD_NONE)
		id = td_field_first(TD_CONTEXT_SYS);
	if (!find(t, id, ret) || ret->index % ret->row->elements != 0 ||
	    FIELD_SIZE(id) != FIELD_SIZE(ret->row->id))
		return TDX_METADATA_FIELD_ID_INCORRECT;
	if (!ret->row->read)
		*ret = (struct element){readable_from(t, ret->row), 0};
	return TDX_SUCCESS;
}

/* All of it fits a page: there are twelve fields of one element each. */
uint64_t td_sys_dump(uint64_t id, uint64_t page[512])
{
	const struct field_table *t = &field_tables[TD_CONTEXT_SYS];
	struct list_header header = {0};
	const struct field_row *before = NULL;
	struct element el;
	uint64_t status = dump_start(t, id, &el), *sequence = NULL;
	unsigned n = 1; /* the header is the first word */

	if (status != TDX_SUCCESS)
		return status;
	while (el.row) {
		if (!before || (before != el.row && !follows(el.row, before))) {
			sequence = &page[n++];
			*sequence = (el.row->id + el.index) | (uint64_t)(el.row->elements - 1)
			                                              << 34;
			header.sequences++;
		} else {
			*sequence += 1ull << LAST_FIELD;
		}
		page[n++] = sys_value(&el) & size_mask(el.row);
		before = el.row;
		if (++el.index == elements_of(el.row))
			el = (struct element){readable_from(t, el.row + 1), 0};
	}
	header.size = (uint16_t)(n * sizeof(*page));
	memcpy(page, &header, sizeof(header));
	return TDX_SUCCESS;
}
