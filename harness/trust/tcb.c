// SPDX-License-Identifier: Apache-2.0
#include "trust/tcb.h"

#include <errno.h>
#include <string.h>

/* How Intel compares a platform, its TDX module and its QE with what it has published. */

static bool masked_equal(const uint8_t *value, const uint8_t *mask, const uint8_t *expected,
                         size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if ((value[i] & mask[i]) != expected[i])
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
	if (!masked_equal(qe->miscselect, id->miscselect_mask, id->miscselect, 4))
		return err_set(e, -EBADMSG, "the QE's MISCSELECT is not its identity's");
	if (!masked_equal(qe->attributes, id->attributes_mask, id->attributes, 16))
		return err_set(e, -EBADMSG, "the QE's attributes are not its identity's");
	if (memcmp(qe->mrsigner, id->mrsigner, sizeof(id->mrsigner)) != 0)
		return err_set(e, -EBADMSG, "the QE's signer is not its identity's");
	if (qe->isvprodid != id->isvprodid)
		return err_set(e, -EBADMSG, "the QE's product is not its identity's");
	return 0;
}

static const struct isv_level *isv_find(const struct isv_levels *levels, uint16_t isvsvn)
{
	for (size_t i = 0; i < levels->count; i++) {
		if (isvsvn >= levels->level[i].isvsvn)
			return &levels->level[i];
	}
	return NULL;
}

static const struct module_identity *find_module(const struct tcb_info *info, uint8_t version)
{
	for (size_t i = 0; i < info->identities; i++) {
		if (info->identity[i].version == version)
			return &info->identity[i];
	}
	return NULL;
}

/* The first level that the SGX TCB reaches, and the first of those that the TDX TCB reaches too. */
static void find_levels(const struct tcb_info *info, const struct pck *pck, const uint8_t *svn,
                        const struct tcb_level **ret_sgx, const struct tcb_level **ret_tdx)
{
	*ret_sgx = *ret_tdx = NULL;
	for (size_t i = 0; i < info->levels && !*ret_tdx; i++) {
		const struct tcb_level *l = &info->level[i];

		if (!all_at_least(pck->component, l->sgx, 0) || pck->pcesvn < l->pcesvn)
			continue;
		if (!*ret_sgx)
			*ret_sgx = l;
		if (all_at_least(svn, l->tdx, svn[1] > 0 ? 2 : 0)) /* [0], [1]: the module's own */
			*ret_tdx = l;
	}
}

static bool module_as_expected(const struct module_expectation *m, const struct quote_td *td)
{
	static const uint8_t zero[8];

	return memcmp(td->mrsignerseam, m->mrsigner, sizeof(m->mrsigner)) == 0 &&
	       memcmp(td->seam_attributes, zero, sizeof(zero)) == 0 &&
	       masked_equal(td->seam_attributes, m->mask, m->attributes, sizeof(m->attributes));
}

static bool configuration_needed(enum tcb_status s)
{
	return s == TCB_CONFIGURATION_NEEDED || s == TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED ||
	       s == TCB_OUT_OF_DATE_CONFIGURATION_NEEDED ||
	       s == TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED;
}

/* A part's status (module or QE: UpToDate, OutOfDate, Revoked, NotSupported) pulls the whole down.
 */
static enum tcb_status converge(enum tcb_status whole, enum tcb_status part)
{
	if (part == TCB_REVOKED || part == TCB_NOT_SUPPORTED)
		return part;
	if (part != TCB_OUT_OF_DATE)
		return whole;
	if (whole == TCB_UP_TO_DATE || whole == TCB_SW_HARDENING_NEEDED)
		return TCB_OUT_OF_DATE;
	if (whole == TCB_CONFIGURATION_NEEDED || whole == TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED)
		return TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
	return whole;
}

/* Whether TEE_TCB_SVN2, the TCB of now and not of the TD's launch, reaches the newest there is. */
static bool relaunch_would_help(const struct tcb_info *info, const uint8_t *svn2)
{
	const struct tcb_level *newest = &info->level[0];
	const struct module_identity *module;

	if (svn2[2] < newest->tdx[2])
		return false;
	if (svn2[1] == 0)
		return svn2[0] >= newest->tdx[0];
	module = find_module(info, svn2[1]);
	return module && module->levels.count && svn2[0] >= module->levels.level[0].isvsvn;
}

/* A TD launched on an old TCB on a platform that has a new one by now: launch it again. */
static enum tcb_status relaunch(const struct tcb_info *info, const struct quote *q,
                                const struct tcb_level *sgx, const struct verdict *v,
                                enum tcb_status whole)
{
	if (q->body_type != QUOTE_BODY_TDX_15 && q->body_type != QUOTE_BODY_TDX_15_EX)
		return whole;
	if (v->qe != TCB_UP_TO_DATE || sgx->status > TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED ||
	    (whole != TCB_OUT_OF_DATE && whole != TCB_OUT_OF_DATE_CONFIGURATION_NEEDED) ||
	    v->module != TCB_OUT_OF_DATE || !relaunch_would_help(info, q->td.tee_tcb_svn2))
		return whole;
	return configuration_needed(sgx->status) || configuration_needed(whole)
	               ? TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED
	               : TCB_TD_RELAUNCH_ADVISED;
}

static void add_advisories(struct verdict *v, const json_t *list)
{
	size_t i, k;
	json_t *id;

	json_array_foreach(list, i, id)
	{
		for (k = 0; k < v->advisories && strcmp(v->advisory[k], json_string_value(id)) != 0;
		     k++)
			;
		if (k == v->advisories && k < VERDICT_ADVISORIES)
			strcpy(v->advisory[v->advisories++], json_string_value(id));
	}
}

/* The module's own status; false when the quote's module is none that is listed. */
static bool evaluate_module(const struct tcb_info *info, const struct quote_td *td,
                            struct verdict *v)
{
	const struct module_identity *module = find_module(info, td->tee_tcb_svn[1]);
	const struct isv_level *level;

	if (td->tee_tcb_svn[1] == 0) { /* before modules had identities: part of the platform */
		v->module = TCB_UP_TO_DATE;
		return module_as_expected(&info->module, td);
	}
	if (!module || !module_as_expected(&module->expected, td))
		return false;
	level = isv_find(&module->levels, td->tee_tcb_svn[0]);
	v->module = level ? level->status : TCB_NOT_SUPPORTED;
	if (level)
		add_advisories(v, level->advisories);
	return true;
}

void tcb_evaluate(const struct tcb_info *info, const struct qe_identity *id, const struct pck *pck,
                  const struct quote *q, struct verdict *v)
{
	const struct isv_level *qe = isv_find(&id->levels, q->qe_report.isvsvn);
	const struct tcb_level *sgx, *tdx;
	enum tcb_status whole;

	v->tcb_evaluation = info->evaluation;
	v->qe = qe ? qe->status : TCB_NOT_SUPPORTED;
	v->platform = TCB_NOT_SUPPORTED;
	find_levels(info, pck, q->td.tee_tcb_svn, &sgx, &tdx);
	if (tdx) {
		v->platform = tdx->status;
		memcpy(v->tcb_date, tdx->date, sizeof(v->tcb_date));
		add_advisories(v, tdx->advisories);
	}
	if (qe)
		add_advisories(v, qe->advisories);
	if (!evaluate_module(info, &q->td, v)) {
		v->module = v->status = TCB_TDX_MODULE_MISMATCH;
		return;
	}
	if (!tdx || v->module == TCB_NOT_SUPPORTED) {
		v->status = TCB_NOT_SUPPORTED;
		return;
	}
	whole = converge(tdx->status, v->module);
	if (whole != TCB_REVOKED)
		whole = converge(relaunch(info, q, sgx, v, whole), v->qe);
	v->status = whole;
}
