// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/escape.h"
#include "format/text.h"
#include "trust/tcb.h"

/* What a TCB lacks, for people who have to do something about it. */

/* ---- what falls short ---- */

static void add_gap(struct tcb_result *r, enum tcb_part part, size_t index, unsigned found,
                    unsigned needed)
{
	if (found < needed && r->gaps < TCB_GAPS_MAX)
		r->gap[r->gaps++] =
		        (struct tcb_gap){part, (uint8_t)index, (uint16_t)found, (uint16_t)needed};
}

static size_t count_short(const struct tcb_level *l, const struct pck *pck, const uint8_t svn[16])
{
	size_t n = pck->pcesvn < l->pcesvn;

	for (size_t i = 0; i < 16; i++)
		n += (pck->component[i] < l->sgx[i]) + (i >= tdx_from(svn) && svn[i] < l->tdx[i]);
	return n;
}

/* The level to reach: of the best status there is, the one that takes fewest changes; or NULL. */
static const struct tcb_level *level_wanted(const struct tcb_info *info, const struct pck *pck,
                                            const uint8_t svn[16], enum tcb_status now)
{
	const struct tcb_level *best = NULL;

	for (size_t i = 0; i < info->levels; i++) {
		const struct tcb_level *l = &info->level[i];

		if (l->status >= now || l->status > TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED)
			continue;
		if (!best || l->status < best->status ||
		    (l->status == best->status &&
		     count_short(l, pck, svn) < count_short(best, pck, svn)))
			best = l;
	}
	return best;
}

/* The lowest SVN that is UpToDate; 0 without. */
static unsigned isv_wanted(const struct isv_levels *levels)
{
	unsigned svn = 0;

	for (size_t i = 0; levels && i < levels->count; i++) {
		if (levels->level[i].status == TCB_UP_TO_DATE)
			svn = levels->level[i].isvsvn;
	}
	return svn;
}

static void find_gaps(const struct tcb_info *info, const struct qe_identity *id,
                      const struct pck *pck, uint16_t qe_svn, const uint8_t svn[16],
                      struct tcb_result *r)
{
	const struct module_identity *module = svn[1] ? module_find(info, svn[1]) : NULL;
	const struct tcb_level *l = level_wanted(info, pck, svn, r->platform);

	if (r->module != TCB_UP_TO_DATE)
		add_gap(r, TCB_PART_MODULE, 0, svn[0], isv_wanted(module ? &module->levels : NULL));
	if (r->qe != TCB_UP_TO_DATE)
		add_gap(r, TCB_PART_QE, 0, qe_svn, isv_wanted(&id->levels));
	if (l)
		add_gap(r, TCB_PART_PCE, 0, pck->pcesvn, l->pcesvn);
	for (size_t i = tdx_from(svn); l && i < 16; i++)
		add_gap(r, TCB_PART_TDX, i, svn[i], l->tdx[i]);
	for (size_t i = 0; l && i < 16; i++)
		add_gap(r, TCB_PART_SGX, i, pck->component[i], l->sgx[i]);
}

/* ---- in words ---- */

struct line {
	char *text;
	size_t size, used;
};

static void say(struct line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (l->used + 1 >= l->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(l->text + l->used, l->size - l->used, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->used = l->used + (size_t)n < l->size ? l->used + (size_t)n : l->size - 1;
}

/* Intel's name of a component, as the newest level has it: " (TDX Late Microcode
 * Update)", or "". */
static const char *component_type(const struct tcb_info *info, const struct tcb_gap *g,
                                  char out[64])
{
	const char *key = g->part == TCB_PART_TDX ? "tdxtcbcomponents" : "sgxtcbcomponents";
	const json_t *list = info->levels ? json_object_get(info->level[0].tcb, key) : NULL;
	const char *type =
	        json_string_value(json_object_get(json_array_get(list, g->index), "type"));
	char plain[56];

	out[0] = '\0';
	if (type && type[0])
		snprintf(out, 64, " (%s)", text_escape(plain, sizeof(plain), type));
	return out;
}

#define GAPS_SAID 6 /* in one line; all of them are in the verdict */

static void say_gaps(struct line *l, const struct tcb_info *info, const struct tcb_result *r)
{
	char type[64];

	for (size_t i = 0; i < r->gaps; i++) {
		const struct tcb_gap *g = &r->gap[i];
		unsigned found = g->found, needed = g->needed;

		if (i == GAPS_SAID) {
			say(l, "; and %zu more", r->gaps - i);
			return;
		}
		say(l, "%s", i ? "; " : "");
		switch (g->part) {
		case TCB_PART_MODULE:
			say(l, "TDX module SVN %u, needs %u", found, needed);
			break;
		case TCB_PART_TDX:
		case TCB_PART_SGX:
			say(l, "%s component %u is %u, needs %u%s",
			    g->part == TCB_PART_TDX ? "TDX" : "SGX", g->index, found, needed,
			    component_type(info, g, type));
			break;
		case TCB_PART_PCE:
			say(l, "PCESVN %u, needs %u", found, needed);
			break;
		case TCB_PART_QE:
			say(l, "quoting enclave SVN %u, needs %u", found, needed);
			break;
		}
	}
}

static void say_unknown(struct line *l, const char *part, const char *date, const char *unknown)
{
	char plain[60];

	if (unknown)
		say(l, "; the %s's level of %.10s says \"%s\"", part, date,
		    text_escape(plain, sizeof(plain), unknown));
}

/* The words that are not known here. */
static void say_all_unknown(struct line *l, const struct tcb_info *info,
                            const struct qe_identity *id, const struct pck *pck, uint16_t qe_svn,
                            const uint8_t svn[16])
{
	const struct module_identity *m = svn[1] ? module_find(info, svn[1]) : NULL;
	const struct isv_level *module = m ? isv_find(&m->levels, svn[0]) : NULL;
	const struct isv_level *qe = isv_find(&id->levels, qe_svn);
	const struct tcb_level *level = level_find(info, pck, svn);

	say(l, "unknown status");
	if (level)
		say_unknown(l, "platform", level->date, level->unknown);
	if (module)
		say_unknown(l, "TDX module", module->date, module->unknown);
	if (qe)
		say_unknown(l, "quoting enclave", qe->date, qe->unknown);
}

static void say_mismatch(struct line *l, const struct tcb_info *info, const struct quote_td *td)
{
	const struct module_identity *m = module_find(info, td->tee_tcb_svn[1]);
	const struct module_expectation *x = m ? &m->expected : &info->module;
	char found[HEX_ENCODED_SIZE(48)], expected[HEX_ENCODED_SIZE(48)];

	if (!m && td->tee_tcb_svn[1]) {
		say(l, "the TDX module is none that Intel lists: TDX_%02X, listed are",
		    td->tee_tcb_svn[1]);
		for (size_t i = 0; i < info->identities; i++)
			say(l, "%s TDX_%02X", i ? "," : "", info->identity[i].version);
		say(l, "%s", info->identities ? "" : " none");
		return;
	}
	if (memcmp(td->mrsignerseam, x->mrsigner, 48) != 0) {
		hex_encode(td->mrsignerseam, 48, found);
		hex_encode(x->mrsigner, 48, expected);
		say(l, "the TDX module's signer is %s, expected %s", found, expected);
		return;
	}
	hex_encode(td->seam_attributes, 8, found);
	hex_encode(x->attributes, 8, expected);
	say(l, "the TDX module's attributes are %s, expected %s", found, expected);
}

/* What one evaluation found, without the status's name. */
static void say_result(struct line *l, const struct tcb_info *info, const struct tcb_result *r)
{
	if (r->gaps)
		say_gaps(l, info, r);
	else if (r->platform == TCB_REVOKED || r->module == TCB_REVOKED || r->qe == TCB_REVOKED)
		say(l, "Intel has revoked this TCB level of the %s",
		    r->platform == TCB_REVOKED ? "platform"
		    : r->module == TCB_REVOKED ? "TDX module"
		                               : "quoting enclave");
	else if (r->status <= TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED)
		say(l, "no SVN is short");
	else
		say(l, "Intel lists no newer level for this platform");
	for (size_t i = 0; i < r->advisories && i < 8; i++)
		say(l, "%s%s", i ? ", " : "; advisories ", r->advisory[i]);
	if (r->advisories > 8)
		say(l, " and %zu more", r->advisories - 8);
}

static bool current_decides(const struct quote *q, const struct verdict *v)
{
	return tcb_has_current(q) && v->status == v->current.status &&
	       v->status != v->launch.status;
}

static void say_reason(struct line *l, const struct tcb_info *info, const struct qe_identity *id,
                       const struct pck *pck, const struct quote *q, const struct verdict *v)
{
	bool current = current_decides(q, v);
	const uint8_t *svn = current ? q->td.tee_tcb_svn2 : q->td.tee_tcb_svn;

	say(l, "%s: ", tcb_status_names[v->status]);
	if (current)
		say(l, "by the platform's current TCB (TEE_TCB_SVN2): ");
	if (v->status == TCB_TDX_MODULE_MISMATCH)
		say_mismatch(l, info, &q->td);
	else if (v->status == TCB_UNKNOWN)
		say_all_unknown(l, info, id, pck, q->qe_report.isvsvn, svn);
	else if (v->status == TCB_TD_RELAUNCH_ADVISED ||
	         v->status == TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED)
		say(l, "the TD was launched on a TCB that is %s, its platform is %s now: ",
		    tcb_status_names[v->launch.status], tcb_status_names[v->current.status]);
	if (v->status == TCB_NOT_SUPPORTED && !(current ? &v->current : &v->launch)->gaps)
		say(l, "below every level that Intel lists");
	else if (v->status != TCB_TDX_MODULE_MISMATCH && v->status != TCB_UNKNOWN)
		say_result(l, info, current ? &v->current : &v->launch);
}

/* ---- what helps ---- */

static bool has_part(const struct tcb_result *r, enum tcb_part part)
{
	for (size_t i = 0; i < r->gaps; i++) {
		if (r->gap[i].part == part)
			return true;
	}
	return false;
}

static void say_cure(struct line *l, const struct verdict *v, const struct tcb_result *r)
{
	const char *and = "";

	if (v->status == TCB_TD_RELAUNCH_ADVISED ||
	    v->status == TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED) {
		say(l, "launch the TD again: its platform has been updated");
		and = "; ";
	} else {
		if (has_part(r, TCB_PART_MODULE)) {
			say(l, "update the TDX module");
			and = "; ";
		}
		if (has_part(r, TCB_PART_TDX) || has_part(r, TCB_PART_SGX)) {
			say(l, "%supdate BIOS and microcode, then get a new PCK certificate", and);
			and = "; ";
		}
		if (has_part(r, TCB_PART_PCE) || has_part(r, TCB_PART_QE)) {
			say(l, "%supdate the host's DCAP enclaves (PCE, TD QE)", and);
			and = "; ";
		}
	}
	if (v->status == TCB_CONFIGURATION_NEEDED ||
	    v->status == TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED ||
	    v->status == TCB_OUT_OF_DATE_CONFIGURATION_NEEDED ||
	    v->status == TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED) {
		say(l, "%sconfigure the platform (BIOS) as the advisories say", and);
		and = "; ";
	}
	if (v->status == TCB_SW_HARDENING_NEEDED ||
	    v->status == TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED)
		say(l, "%sharden the TD's software as the advisories say", and);
}

void tcb_explain(const struct tcb_info *info, const struct qe_identity *id, const struct pck *pck,
                 const struct quote *q, struct verdict *v)
{
	struct line reason = {v->reason, sizeof(v->reason), 0};
	struct line cure = {v->cure, sizeof(v->cure), 0};

	v->code = v->status == TCB_UP_TO_DATE ? VERDICT_OK
	                                      : VERDICT_SW_HARDENING_NEEDED - 1 + v->status;
	if (v->launch.status != TCB_UP_TO_DATE && v->status != TCB_TDX_MODULE_MISMATCH)
		find_gaps(info, id, pck, q->qe_report.isvsvn, q->td.tee_tcb_svn, &v->launch);
	if (!tcb_has_current(q))
		v->current = v->launch;
	else if (v->current.status != TCB_UP_TO_DATE)
		find_gaps(info, id, pck, q->qe_report.isvsvn, q->td.tee_tcb_svn2, &v->current);
	if (v->status == TCB_UP_TO_DATE)
		return;
	say_reason(&reason, info, id, pck, q, v);
	say_cure(&cure, v, current_decides(q, v) ? &v->current : &v->launch);
}
