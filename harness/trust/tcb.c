// SPDX-License-Identifier: Apache-2.0
#include "trust/tcb.h"

#include <string.h>

#include "format/text.h"
#include "trust/refuse.h"

/* How Intel compares a platform, its TDX module and its QE with what it has published. */

static bool masked_equal(const uint8_t *value, const uint8_t *mask, const uint8_t *expected,
                         size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if ((value[i] & (mask ? mask[i] : 0xff)) != expected[i])
			return false;
	}
	return true;
}

static bool all_at_least(const uint8_t *value, const uint8_t *level, size_t from)
{
	for (size_t i = from; i < 16; i++) {
		if (value[i] < level[i])
			return false;
	}
	return true;
}

int qe_identity_match(const struct qe_identity *id, const struct sgx_report *qe, struct err *e)
{
	char found[HEX_ENCODED_SIZE(32)], expected[HEX_ENCODED_SIZE(32)];
	struct {
		const char *name;
		const uint8_t *value, *mask, *expected;
		size_t size;
	} fields[] = {
	        {"MISCSELECT", qe->miscselect, id->miscselect_mask, id->miscselect, 4},
	        {"attributes", qe->attributes, id->attributes_mask, id->attributes, 16},
	        {"signer", qe->mrsigner, NULL, id->mrsigner, 32},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (masked_equal(fields[i].value, fields[i].mask, fields[i].expected,
		                 fields[i].size))
			continue;
		hex_encode(fields[i].value, fields[i].size, found);
		hex_encode(fields[i].expected, fields[i].size, expected);
		return refuse(e, VERDICT_QE_IDENTITY_MISMATCH,
		              "the QE's %s is not its identity's: %s, expected %s%s",
		              fields[i].name, found, expected,
		              fields[i].mask ? " under its mask" : "");
	}
	if (qe->isvprodid != id->isvprodid)
		return refuse(e, VERDICT_QE_IDENTITY_MISMATCH,
		              "the QE's product is not its identity's: %u, expected %u",
		              qe->isvprodid, id->isvprodid);
	return 0;
}

/* ---- levels ---- */

const struct isv_level *isv_find(const struct isv_levels *levels, uint16_t isvsvn)
{
	for (size_t i = 0; i < levels->count; i++) {
		if (isvsvn >= levels->level[i].isvsvn)
			return &levels->level[i];
	}
	return NULL;
}

const struct module_identity *module_find(const struct tcb_info *info, uint8_t version)
{
	for (size_t i = 0; i < info->identities; i++) {
		if (info->identity[i].version == version)
			return &info->identity[i];
	}
	return NULL;
}

const struct tcb_level *level_find(const struct tcb_info *info, const struct pck *pck,
                                   const uint8_t svn[16])
{
	for (size_t i = 0; i < info->levels; i++) {
		const struct tcb_level *l = &info->level[i];

		if (all_at_least(pck->component, l->sgx, 0) && pck->pcesvn >= l->pcesvn &&
		    all_at_least(svn, l->tdx, tdx_from(svn)))
			return l;
	}
	return NULL;
}

static bool module_as_expected(const struct module_expectation *m, const struct quote_td *td)
{
	static const uint8_t zero[8];

	return memcmp(td->mrsignerseam, m->mrsigner, sizeof(m->mrsigner)) == 0 &&
	       memcmp(td->seam_attributes, zero, sizeof(zero)) == 0 &&
	       masked_equal(td->seam_attributes, m->mask, m->attributes, sizeof(m->attributes));
}

/* The module that the TD was launched under is one that Intel lists. */
static bool module_listed(const struct tcb_info *info, const struct quote_td *td)
{
	const struct module_identity *m = module_find(info, td->tee_tcb_svn[1]);

	if (td->tee_tcb_svn[1] == 0) /* before modules had identities */
		return module_as_expected(&info->module, td);
	return m && module_as_expected(&m->expected, td);
}

/* ---- statuses ---- */

static bool configuration_needed(enum tcb_status s)
{
	return s == TCB_CONFIGURATION_NEEDED || s == TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED ||
	       s == TCB_OUT_OF_DATE_CONFIGURATION_NEEDED ||
	       s == TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED;
}

/* The platform's status, pulled down by module and QE: a part below every level first of all. */
static enum tcb_status converge(const struct tcb_result *r)
{
	static const enum tcb_status overriding[] = {TCB_NOT_SUPPORTED, TCB_UNKNOWN, TCB_REVOKED};

	for (size_t i = 0; i < sizeof(overriding) / sizeof(overriding[0]); i++) {
		if (r->platform == overriding[i] || r->module == overriding[i] ||
		    r->qe == overriding[i])
			return overriding[i];
	}
	if (r->module != TCB_OUT_OF_DATE && r->qe != TCB_OUT_OF_DATE)
		return r->platform;
	if (r->platform == TCB_UP_TO_DATE || r->platform == TCB_SW_HARDENING_NEEDED)
		return TCB_OUT_OF_DATE;
	return configuration_needed(r->platform) ? TCB_OUT_OF_DATE_CONFIGURATION_NEEDED
	                                         : r->platform;
}

/* A TD launched on an old TCB on a platform that has a better one by now: launch it again. */
static enum tcb_status relaunch(enum tcb_status launch, enum tcb_status current)
{
	if ((launch != TCB_OUT_OF_DATE && launch != TCB_OUT_OF_DATE_CONFIGURATION_NEEDED) ||
	    current > TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED)
		return launch;
	return configuration_needed(launch) || configuration_needed(current)
	               ? TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED
	               : TCB_TD_RELAUNCH_ADVISED;
}

/* ---- one evaluation ---- */

static void add_advisories(struct tcb_result *r, const json_t *list)
{
	size_t i, k;
	json_t *id;

	json_array_foreach(list, i, id)
	{
		for (k = 0; k < r->advisories && strcmp(r->advisory[k], json_string_value(id)) != 0;
		     k++)
			;
		if (k == r->advisories && k < VERDICT_ADVISORIES)
			strcpy(r->advisory[r->advisories++], json_string_value(id));
	}
}

/* One part's level found: what it adds. Dates sort as text. */
static enum tcb_status add_level(struct tcb_result *r, enum tcb_status status, const char *date,
                                 const json_t *advisories)
{
	if (!r->date[0] || strcmp(date, r->date) < 0)
		memcpy(r->date, date, sizeof(r->date));
	add_advisories(r, advisories);
	return status;
}

static enum tcb_status add_isv_level(struct tcb_result *r, const struct isv_level *l)
{
	return l ? add_level(r, l->status, l->date, l->advisories) : TCB_NOT_SUPPORTED;
}

static void evaluate(const struct tcb_info *info, const struct qe_identity *id,
                     const struct pck *pck, uint16_t qe_svn, const uint8_t svn[16],
                     struct tcb_result *r)
{
	const struct tcb_level *level = level_find(info, pck, svn);
	const struct module_identity *module = module_find(info, svn[1]);

	r->platform = level ? add_level(r, level->status, level->date, level->advisories)
	                    : TCB_NOT_SUPPORTED;
	r->qe = add_isv_level(r, isv_find(&id->levels, qe_svn));
	if (svn[1] == 0) /* before modules had identities: part of the platform */
		r->module = TCB_UP_TO_DATE;
	else
		r->module = add_isv_level(r, module ? isv_find(&module->levels, svn[0]) : NULL);
	r->status = converge(r);
}

bool tcb_has_current(const struct quote *q)
{
	return q->body_type == QUOTE_BODY_TDX_15 || q->body_type == QUOTE_BODY_TDX_15_EX;
}

void tcb_evaluate(const struct tcb_info *info, const struct qe_identity *id, const struct pck *pck,
                  const struct quote *q, struct verdict *v)
{
	v->tcb_evaluation = info->evaluation < id->evaluation ? info->evaluation : id->evaluation;
	evaluate(info, id, pck, q->qe_report.isvsvn, q->td.tee_tcb_svn, &v->launch);
	if (tcb_has_current(q))
		evaluate(info, id, pck, q->qe_report.isvsvn, q->td.tee_tcb_svn2, &v->current);
	else
		v->current = v->launch;
	if (!module_listed(info, &q->td)) {
		v->launch.module = v->launch.status = v->status = TCB_TDX_MODULE_MISMATCH;
		return;
	}
	v->status = relaunch(v->launch.status, v->current.status);
	/* what cannot be said of the platform as it is now cannot be said at all */
	if (v->launch.status != TCB_NOT_SUPPORTED &&
	    (v->current.status == TCB_NOT_SUPPORTED || v->current.status == TCB_UNKNOWN))
		v->status = v->current.status;
}
