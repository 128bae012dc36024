// SPDX-License-Identifier: Apache-2.0
#include "tception/fields.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/cleanup.h"
#include "core/json.h"
#include "format/tdx.h"
#include "format/text.h"

#define TD(member, since)                                             \
	{                                                             \
#member, offsetof(struct quote_td, member),           \
		        sizeof(((struct quote_td *)0)->member), since \
	}
const struct quote_field quote_td_fields[QUOTE_TD_FIELDS] = {
        TD(tee_tcb_svn, QUOTE_BODY_TDX_10),
        TD(mrseam, QUOTE_BODY_TDX_10),
        TD(mrsignerseam, QUOTE_BODY_TDX_10),
        TD(seam_attributes, QUOTE_BODY_TDX_10),
        TD(mrtd, QUOTE_BODY_TDX_10),
        TD(mrconfigid, QUOTE_BODY_TDX_10),
        TD(mrowner, QUOTE_BODY_TDX_10),
        TD(mrownerconfig, QUOTE_BODY_TDX_10),
        TD(report_data, QUOTE_BODY_TDX_10),
        TD(tee_tcb_svn2, QUOTE_BODY_TDX_15),
        TD(mrservicetd, QUOTE_BODY_TDX_15),
        TD(td_id, QUOTE_BODY_TDX_15_EX),
        TD(dev_info, QUOTE_BODY_TDX_15_EX),
        TD(init_servtd_hash, QUOTE_BODY_TDX_15_EX),
        TD(init_servtd_attributes, QUOTE_BODY_TDX_15_EX),
        TD(init_cpusvn, QUOTE_BODY_TDX_15_EX),
        TD(init_tee_tcb_svn, QUOTE_BODY_TDX_15_EX),
        TD(init_tee_fmspc, QUOTE_BODY_TDX_15_EX),
        TD(cur_servtd_hash, QUOTE_BODY_TDX_15_EX),
        TD(cur_servtd_attributes, QUOTE_BODY_TDX_15_EX),
};
#undef TD

static json_t *bits_json(uint64_t value, const char *(*name_of)(unsigned))
{
	json_t *set = json_array();
	char text[24];

	for (unsigned bit = 0; bit < 64; bit++) {
		const char *name = name_of(bit);

		if (!(value & 1ull << bit))
			continue;
		snprintf(text, sizeof(text), "reserved %u", bit);
		json_array_append_new(set, json_string(name ? name : text));
	}
	snprintf(text, sizeof(text), "0x%016jx", (uintmax_t)value);
	return json_pack("{s:s, s:o}", "value", text, "bits", set);
}

json_t *quote_fields_json(const struct quote_field *fields, size_t count, const void *base,
                          enum quote_body_type type)
{
	json_t *root = json_object();

	for (size_t i = 0; i < count && fields[i].since <= type; i++)
		json_object_set_new(
		        root, fields[i].name,
		        json_hex((const uint8_t *)base + fields[i].offset, fields[i].size));
	return root;
}

json_t *quote_td_json(const struct quote *q)
{
	json_t *root = quote_fields_json(quote_td_fields, QUOTE_TD_FIELDS, &q->td, q->body_type);
	json_t *rtmr = json_array();

	for (unsigned i = 0; i < 4; i++)
		json_array_append_new(rtmr, json_hex(q->td.rtmr[i], 48));
	json_object_set_new(root, "rtmr", rtmr);
	json_object_set_new(root, "attributes", bits_json(q->td.attributes, tdx_attribute_name));
	json_object_set_new(root, "xfam", bits_json(q->td.xfam, tdx_xfam_name));
	if (q->body_type >= QUOTE_BODY_TDX_15_EX)
		json_object_set_new(root, "vmid", json_integer(q->td.vmid));
	return root;
}

static json_t *known_json(enum known k)
{
	return k == KNOWN_NOT ? json_null() : json_boolean(k == KNOWN_TRUE);
}

json_t *pck_json(const struct pck *p)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o}",  //
	                 "fmspc", json_hex(p->fmspc, sizeof(p->fmspc)),              //
	                 "pceid", json_hex(p->pceid, sizeof(p->pceid)),              //
	                 "ppid", json_hex(p->ppid, sizeof(p->ppid)),                 //
	                 "cpusvn", json_hex(p->cpusvn, sizeof(p->cpusvn)),           //
	                 "components", json_hex(p->component, sizeof(p->component)), //
	                 "pcesvn", p->pcesvn,                                        //
	                 "sgx_type", p->type ? json_string(sgx_type_names[p->type]) : json_null(),
	                 "platform_instance_id",
	                 json_hex(p->has_instance ? p->instance : NULL, sizeof(p->instance)),
	                 "dynamic_platform", known_json(p->dynamic), "cached_keys",
	                 known_json(p->cached_keys), "smt_enabled", known_json(p->smt));
}
