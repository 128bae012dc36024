// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <string.h>

#include "core/escape.h"
#include "core/time.h"
#include "format/bytes.h"
#include "format/tdx.h"
#include "format/text.h"
#include "trust/policy_rules.h"

#define DAY 86400

static void note(struct policy_result *r, const char *name, bool ok, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));
static void note(struct policy_result *r, const char *name, bool ok, const char *fmt, ...)
{
	struct policy_check *c = &r->check[r->checks++];
	va_list ap;

	c->name = name;
	c->ok = ok;
	c->why[0] = '\0';
	r->accepted &= ok;
	if (ok)
		return;
	va_start(ap, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, ap);
	va_end(ap);
}

static void check_origin(const struct policy *p, const struct verdict *v, struct policy_result *r)
{
	char accepted[POLICY_NAMES];

	note(r, "accepted_origins", p->origins & 1u << v->origin, "found %s, accepted: %s",
	     origin_names[v->origin], policy_list(p->origins, origin_names, 4, accepted));
}

/* ---- the TCB ---- */

/* No status is as good as none that was asked for: not when collateral was there and failed. */
static void check_status(const char *name, unsigned set, enum tcb_status status,
                         const struct verdict *v, struct policy_result *r)
{
	bool failed = status == TCB_NOT_EVALUATED && v->code != VERDICT_NO_COLLATERAL;
	char accepted[POLICY_NAMES];

	note(r, name, (set & 1u << status) && !failed, "found %s%s, accepted: %s",
	     tcb_status_names[status], failed ? " for collateral that failed" : "",
	     policy_list(set, tcb_status_names, TCB_STATUS_COUNT, accepted));
}

/* The earlier of the launch's and the current one's; false when there is none. */
static bool tcb_date(const struct verdict *v, time_t *ret, const char **ret_text)
{
	time_t launch, current;

	*ret_text = "no TCB date";
	if (time_read(v->launch.date, &launch) < 0 || time_read(v->current.date, &current) < 0)
		return false;
	*ret = launch < current ? launch : current;
	*ret_text = launch < current ? v->launch.date : v->current.date;
	return true;
}

static bool is_out_of_date(enum tcb_status s)
{
	return s == TCB_OUT_OF_DATE || s == TCB_OUT_OF_DATE_CONFIGURATION_NEEDED ||
	       s == TCB_TD_RELAUNCH_ADVISED || s == TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED;
}

static void check_dates(const struct policy *p, const struct verdict *v, struct policy_result *r)
{
	const char *found;
	char day[TIME_TEXT_SIZE];
	time_t date = 0;
	bool known = tcb_date(v, &date, &found);

	if (p->min_date)
		note(r, "min_tcb_date", known && date >= p->min_date,
		     "found %s, expected %.10s or later", found, time_text(p->min_date, day));
	if (p->grace_days < 0)
		return;
	note(r, "grace_days",
	     !is_out_of_date(v->status) || (known && v->at - date <= p->grace_days * DAY),
	     "%s on %.10s: found %s, expected a TCB date at most %jd days before",
	     tcb_status_names[v->status], time_text(v->at, day), found, (intmax_t)p->grace_days);
}

/* But for the root CA's CRL, which is issued once a year. */
static void check_age(const struct policy *p, const struct verdict *v, struct policy_result *r)
{
	const struct verdict_collateral *c = &v->collateral;
	const struct {
		const char *name;
		time_t from;
	} pieces[] = {
	        {"the TCB info", c->tcb_info.from},
	        {"the QE identity", c->qe_identity.from},
	        {"the PCK CRL", c->pck_crl.from},
	};
	size_t oldest = 0;
	char issued[TIME_TEXT_SIZE], at[TIME_TEXT_SIZE];

	if (p->max_collateral_age_days < 0)
		return;
	for (size_t i = 1; i < COUNT_OF(pieces); i++) {
		if (pieces[i].from < pieces[oldest].from)
			oldest = i;
	}
	if (!c->expires_what)
		note(r, "max_collateral_age_days", false,
		     "no collateral that holds, expected some of at most %jd days",
		     (intmax_t)p->max_collateral_age_days);
	else
		note(r, "max_collateral_age_days",
		     v->at - pieces[oldest].from <= p->max_collateral_age_days * DAY,
		     "%s is of %.10s, expected at most %jd days before %.10s", pieces[oldest].name,
		     time_text(pieces[oldest].from, issued), (intmax_t)p->max_collateral_age_days,
		     time_text(v->at, at));
}

static void check_svns(const struct policy *p, const struct quote *q, const struct verdict *v,
                       struct policy_result *r)
{
	const uint8_t *svn = q->td.tee_tcb_svn;
	size_t i = 0;

	while (i < 16 && svn[i] >= p->min_svn[i])
		i++;
	if (p->has_min_svn)
		note(r, "min_tee_tcb_svn", i == 16,
		     "component %zu of TEE_TCB_SVN is %u, expected at least %u", i, svn[i % 16],
		     p->min_svn[i % 16]);
	if (p->min_qe_svn)
		note(r, "min_qe_svn", q->qe_report.isvsvn >= p->min_qe_svn,
		     "found %u, expected at least %jd", q->qe_report.isvsvn,
		     (intmax_t)p->min_qe_svn);
	if (p->min_pce_svn)
		note(r, "min_pce_svn", v->has_pck && v->pck.pcesvn >= p->min_pce_svn,
		     "found %u%s, expected at least %jd", v->pck.pcesvn,
		     v->has_pck ? "" : " without a PCK certificate", (intmax_t)p->min_pce_svn);
}

static const char *advisory_in(const json_t *refused, const struct tcb_result *t)
{
	size_t i;
	json_t *id;

	json_array_foreach(refused, i, id)
	{
		for (size_t k = 0; k < t->advisories; k++) {
			if (strcmp(t->advisory[k], json_string_value(id)) == 0)
				return t->advisory[k];
		}
	}
	return NULL;
}

static void check_tcb(const struct policy *p, const struct quote *q, const struct verdict *v,
                      struct policy_result *r)
{
	const json_t *refused = json_object_get(p->json, "refused_advisories");
	const char *advisory =
	        advisory_in(refused, &v->launch) ?: advisory_in(refused, &v->current);

	check_status("accepted_statuses", p->statuses, v->status, v, r);
	if (p->current)
		check_status("current_status", p->current, v->current.status, v, r);
	if (p->min_evaluation)
		note(r, "min_tcb_evaluation", v->tcb_evaluation >= p->min_evaluation,
		     "found %u (TCB info %u, QE identity %u), expected at least %jd",
		     v->tcb_evaluation, v->collateral.tcb_info_evaluation,
		     v->collateral.qe_identity_evaluation, (intmax_t)p->min_evaluation);
	check_dates(p, v, r);
	check_age(p, v, r);
	check_svns(p, q, v, r);
	if (refused)
		note(r, "refused_advisories", !advisory, "%s applies", advisory ?: "");
}

/* ---- the TD ---- */

static bool is_zero(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i])
			return false;
	}
	return true;
}

static void check_service_td(const struct policy *p, const struct quote_td *td,
                             struct policy_result *r)
{
	const uint8_t *const hash[] = {td->mrservicetd, td->init_servtd_hash, td->cur_servtd_hash};
	static const char *const name[] = {"MRSERVICETD", "the first service TD's hash",
	                                   "the current service TD's hash"};
	char hex[HEX_ENCODED_SIZE(48)];
	size_t i = 0;

	while (i < 3 && is_zero(hash[i], 48))
		i++;
	if (i < 3)
		hex_encode(hash[i], 48, hex);
	note(r, "allow_service_td",
	     i == 3 || p->allow_service_td || json_object_get(p->json, "mrservicetd"),
	     "%s is %s, expected zeros: a service TD takes part in this one", name[i % 3], hex);
}

/* Under TD partitioning a VM within the TD can ask for a quote, of the TD's own registers. */
static void check_vmid(const struct policy *p, const struct quote_td *td, struct policy_result *r)
{
	note(r, "vmid", td->vmid < POLICY_VMIDS && p->vmids & 1u << td->vmid,
	     "asked for by VM %u within the TD, expected %s", td->vmid,
	     p->vmids == 1 ? "the TD itself (0)" : "another");
}

static void check_masked(const char *name, const struct policy_bits *b, uint64_t found,
                         struct policy_result *r)
{
	if (b->given)
		note(r, name, (found & b->mask) == b->value,
		     "found 0x%016jx, expected 0x%016jx under the mask 0x%016jx", (uintmax_t)found,
		     (uintmax_t)b->value, (uintmax_t)b->mask);
}

/* Bits without a name. */
static uint64_t reserved_in(uint64_t bits, const char *(*name_of)(unsigned))
{
	for (unsigned i = 0; i < 64; i++) {
		if (name_of(i))
			bits &= ~(1ull << i);
	}
	return bits;
}

static void check_bits(const struct policy *p, const struct quote_td *td, struct policy_result *r)
{
	uint64_t attributes = reserved_in(td->attributes, tdx_attribute_name);
	uint64_t xfam = reserved_in(td->xfam, tdx_xfam_name);

	note(r, "allow_debug", p->allow_debug || !(td->attributes & TDX_ATTR_DEBUG),
	     "TD attributes 0x%016jx: DEBUG is set", (uintmax_t)td->attributes);
	if (p->require_sept_ve_disable)
		note(r, "require_sept_ve_disable", td->attributes & TDX_ATTR_SEPT_VE_DISABLE,
		     "TD attributes 0x%016jx: SEPT_VE_DISABLE is not set",
		     (uintmax_t)td->attributes);
	if (p->refuse_reserved_bits)
		note(r, "refuse_reserved_bits", !attributes && !xfam,
		     "reserved bits are set: 0x%016jx of the TD attributes, 0x%016jx of XFAM",
		     (uintmax_t)attributes, (uintmax_t)xfam);
	check_masked("td_attributes", &p->attributes, td->attributes, r);
	check_masked("xfam", &p->xfam, td->xfam, r);
}

/* ---- registers ---- */

/* NULL: not known of this quote. */
static const uint8_t *value_of(const struct policy_register *reg, const struct quote_td *td,
                               const struct verdict *v)
{
	if (reg->source == POLICY_OF_TD)
		return (const uint8_t *)td + reg->offset;
	if (!v->has_pck || (reg->offset == offsetof(struct pck, instance) && !v->pck.has_instance))
		return NULL;
	return (const uint8_t *)&v->pck + reg->offset;
}

static const char *first_of(const json_t *wanted)
{
	return json_string_value(json_is_array(wanted) ? json_array_get(wanted, 0) : wanted);
}

static void check_registers(const json_t *all, const struct quote_td *td, const struct verdict *v,
                            struct policy_result *r)
{
	for (size_t i = 0; i < POLICY_REGISTERS; i++) {
		const struct policy_register *reg = &policy_registers[i];
		const json_t *wanted = json_object_get(all, reg->name);
		const uint8_t *value = value_of(reg, td, v);
		char hex[HEX_ENCODED_SIZE(64)] = "none in a PCK certificate";
		bool equal = false;

		if (!wanted || !policy_match(wanted, value, reg->size, &equal))
			continue;
		if (value)
			hex_encode(value, reg->size, hex);
		note(r, reg->name, equal, "found %s, expected %s%s", hex, first_of(wanted),
		     json_array_size(wanted) > 1 ? " or another" : "");
	}
}

/* How many of an image's registers are the quote's; *ret_other is the first that is not, or NULL. */
static size_t compare_image(const json_t *image, const struct quote_td *td,
                            const struct policy_register **ret_other)
{
	size_t equals = 0;

	*ret_other = NULL;
	for (size_t i = 0; i < POLICY_REGISTERS; i++) {
		const struct policy_register *reg = &policy_registers[i];
		const json_t *wanted = json_object_get(image, reg->name);
		bool equal = false;

		if (!wanted ||
		    !policy_match(wanted, (const uint8_t *)td + reg->offset, reg->size, &equal))
			continue;
		equals += equal;
		if (!equal && !*ret_other)
			*ret_other = reg;
	}
	return equals;
}

/* One image must match whole: registers of two do not add up to one that was built. */
static void check_images(const struct policy *p, const struct quote_td *td, struct policy_result *r)
{
	const json_t *images = json_object_get(p->json, "images"), *nearest = NULL;
	const struct policy_register *differs = NULL, *other;
	size_t i, most = 0;
	json_t *image;
	char hex[HEX_ENCODED_SIZE(64)], name[40];

	json_array_foreach(images, i, image)
	{
		size_t equals = compare_image(image, td, &other);

		if (!other)
			return note(r, "images", true, "%s", "");
		if (nearest && equals <= most)
			continue;
		nearest = image;
		most = equals;
		differs = other;
	}
	if (!nearest)
		return;
	hex_encode((const uint8_t *)td + differs->offset, differs->size, hex);
	text_escape(name, sizeof(name), json_string_value(json_object_get(nearest, "name")) ?: "");
	note(r, "images", false, "none matches whole; of the nearest%s%s, %s is %s, expected %s",
	     *name ? ", " : "", name, differs->name, hex,
	     first_of(json_object_get(nearest, differs->name)));
}

/* ---- the whole ---- */

void policy_choose(const struct policy *p, struct verifier *v)
{
	verifier_choose(v, p->set, p->evaluation);
}

void policy_apply(const struct policy *p, const struct quote *q, const struct verdict *v,
                  struct policy_result *ret)
{
	ret->accepted = true;
	ret->checks = 0;
	note(ret, "authentic", v->authentic, "%s: %.300s", verdict_code_names[v->code], v->reason);
	check_origin(p, v, ret);
	check_tcb(p, q, v, ret);
	check_bits(p, &q->td, ret);
	check_service_td(p, &q->td, ret);
	check_vmid(p, &q->td, ret);
	check_registers(p->json, &q->td, v, ret);
	check_registers(p->required, &q->td, v, ret);
	check_images(p, &q->td, ret);
}
