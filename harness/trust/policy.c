// SPDX-License-Identifier: Apache-2.0
#include "trust/policy.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/enum.h"
#include "format/bytes.h"
#include "format/tdx.h"
#include "format/text.h"
#include "core/json.h"

struct policy {
	unsigned statuses, origins; /* sets: 1 << enumerator */
	bool allow_debug, allow_service_td, require_sept_ve_disable;
	uint64_t min_evaluation;
	bool set_given;
	enum verifier_set set;
	uint32_t evaluation;
	json_t *json; /* registers and advisories stay where they were read */
};

static const struct reg {
	const char *name;
	size_t offset, size; /* in struct quote_td */
} registers[] = {
#define REGISTER(name, field)                                                                    \
	{                                                                                        \
		name, offsetof(struct quote_td, field), sizeof(((struct quote_td *)NULL)->field) \
	}
        REGISTER("mrtd", mrtd),
        REGISTER("rtmr0", rtmr[0]),
        REGISTER("rtmr1", rtmr[1]),
        REGISTER("rtmr2", rtmr[2]),
        REGISTER("rtmr3", rtmr[3]),
        REGISTER("report_data", report_data),
        REGISTER("mrseam", mrseam),
        REGISTER("mrsignerseam", mrsignerseam),
        REGISTER("mrconfigid", mrconfigid),
        REGISTER("mrowner", mrowner),
        REGISTER("mrownerconfig", mrownerconfig),
        REGISTER("mrservicetd", mrservicetd),
#undef REGISTER
};
#define REGISTERS COUNT_OF(registers)

/* ---- reading ---- */

static const struct reg *find_register(const char *name)
{
	for (size_t i = 0; i < REGISTERS; i++) {
		if (strcmp(registers[i].name, name) == 0)
			return &registers[i];
	}
	return NULL;
}

static bool equal_hex(const json_t *v, const uint8_t *value, size_t size, bool *ret_equal)
{
	const char *text = json_string_value(v);
	uint8_t bytes[64];
	size_t n;

	if (!text || strlen(text) != 2 * size || hex_decode(text, 2 * size, bytes, &n) != FORMAT_OK)
		return false;
	*ret_equal = value && memcmp(bytes, value, size) == 0;
	return true;
}

/* One value or a non-empty array of them; *ret_equal when one is `value`'s. False: malformed. */
static bool match_hex(const json_t *v, const uint8_t *value, size_t size, bool *ret_equal)
{
	bool any = false, one;
	size_t i;
	json_t *element;

	if (!json_is_array(v))
		return equal_hex(v, value, size, ret_equal);
	json_array_foreach(v, i, element)
	{
		if (!equal_hex(element, value, size, &one))
			return false;
		any |= one;
	}
	*ret_equal = any;
	return json_array_size(v) > 0;
}

static int read_set(const json_t *v, const char *const names[], size_t count, unsigned *ret)
{
	unsigned set = 0;
	size_t i;
	json_t *element;

	if (!json_is_array(v))
		return -EINVAL;
	json_array_foreach(v, i, element)
	{
		const char *name = json_string_value(element);
		int n = name ? enum_find(names, count, name) : -1;

		if (n < 0)
			return -EINVAL;
		set |= 1u << n;
	}
	*ret = set;
	return 0;
}

static int read_flag(const json_t *v, bool *ret)
{
	if (!json_is_boolean(v))
		return -EINVAL;
	*ret = json_is_true(v);
	return 0;
}

static int read_advisories(const json_t *v)
{
	size_t i;
	json_t *element;

	json_array_foreach(v, i, element)
	{
		if (!json_is_string(element))
			return -EINVAL;
	}
	return json_is_array(v) ? 0 : -EINVAL;
}

/* Both say which set of collateral decides: one of them is enough. */
static int read_choice(struct policy *p, const char *key, const json_t *v)
{
	const char *update = json_string_value(v);

	if (p->set_given)
		return -EINVAL;
	p->set_given = true;
	if (strcmp(key, "tcb_evaluation") == 0) {
		if (!json_is_integer(v) || json_integer_value(v) <= 0 ||
		    json_integer_value(v) > UINT32_MAX)
			return -EINVAL;
		p->set = SET_NUMBER;
		p->evaluation = (uint32_t)json_integer_value(v);
		return 0;
	}
	if (!update || (strcmp(update, "early") != 0 && strcmp(update, "standard") != 0))
		return -EINVAL;
	p->set = strcmp(update, "early") == 0 ? SET_EARLY : SET_STANDARD;
	return 0;
}

static int read_key(struct policy *p, const char *key, const json_t *v)
{
	const struct reg *reg = find_register(key);
	bool equal;

	if (reg)
		return match_hex(v, NULL, reg->size, &equal) ? 0 : -EINVAL;
	if (strcmp(key, "accepted_statuses") == 0)
		return read_set(v, tcb_status_names, TCB_STATUS_COUNT, &p->statuses);
	if (strcmp(key, "accepted_origins") == 0)
		return read_set(v, origin_names, 4, &p->origins);
	if (strcmp(key, "allow_debug") == 0)
		return read_flag(v, &p->allow_debug);
	if (strcmp(key, "allow_service_td") == 0)
		return read_flag(v, &p->allow_service_td);
	if (strcmp(key, "require_sept_ve_disable") == 0)
		return read_flag(v, &p->require_sept_ve_disable);
	if (strcmp(key, "refused_advisories") == 0)
		return read_advisories(v);
	if (strcmp(key, "tcb_update") == 0 || strcmp(key, "tcb_evaluation") == 0)
		return read_choice(p, key, v);
	if (strcmp(key, "min_tcb_evaluation") != 0)
		return -ENOENT;
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return -EINVAL;
	p->min_evaluation = (uint64_t)json_integer_value(v);
	return 0;
}

static int read_object(struct policy *p, const void *text, size_t size, struct err *e)
{
	json_error_t error;
	const char *key;
	json_t *v;

	p->json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (!p->json)
		return err_set(e, -EINVAL, "policy, line %d: %s", error.line, error.text);
	if (!json_is_object(p->json))
		return err_set(e, -EINVAL, "policy: not a JSON object");
	json_object_foreach(p->json, key, v)
	{
		int r = read_key(p, key, v);

		if (r < 0)
			return err_set(e, -EINVAL, "policy: \"%.40s\": %s", key,
			               r == -ENOENT ? "unknown key" : "not a value for this key");
	}
	return 0;
}

int policy_read(const void *text, size_t size, struct policy **ret, struct err *e)
{
	struct policy *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_nomem(e);
	p->statuses = 1u << TCB_UP_TO_DATE;
	p->origins = 1u << ORIGIN_HARDWARE | 1u << ORIGIN_EMULATED;
	if (text && (r = read_object(p, text, size, e)) < 0) {
		policy_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void policy_free(struct policy *p)
{
	if (p)
		json_decref(p->json);
	free(p);
}

void policy_freep(struct policy **p)
{
	policy_free(*p);
}

/* ---- applying ---- */

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

/* "UpToDate, OutOfDate": the names in a set. */
static const char *list_set(unsigned set, const char *const names[], size_t count, char out[200])
{
	size_t used = 0;

	snprintf(out, 200, "nothing");
	for (size_t i = 0; i < count && used < 200; i++) {
		if (set & 1u << i)
			used += (size_t)snprintf(out + used, 200 - used, "%s%s", used ? ", " : "",
			                         names[i]);
	}
	return out;
}

static void check_origin(const struct policy *p, const struct verdict *v, struct policy_result *r)
{
	char accepted[200];

	note(r, "accepted_origins", p->origins & 1u << v->origin, "found %s, accepted: %s",
	     origin_names[v->origin], list_set(p->origins, origin_names, 4, accepted));
}

/* No status is as good as none that was asked for: not when collateral was there and failed. */
static void check_status(const struct policy *p, const struct verdict *v, struct policy_result *r)
{
	bool failed = v->status == TCB_NOT_EVALUATED && v->code != VERDICT_NO_COLLATERAL;
	char accepted[200];

	note(r, "accepted_statuses", (p->statuses & 1u << v->status) && !failed,
	     "found %s%s, accepted: %s", tcb_status_names[v->status],
	     failed ? " for collateral that failed" : "",
	     list_set(p->statuses, tcb_status_names, TCB_STATUS_COUNT, accepted));
}

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

static void check_advisories(const struct policy *p, const struct verdict *v,
                             struct policy_result *r)
{
	const json_t *refused = json_object_get(p->json, "refused_advisories");
	const char *found = advisory_in(refused, &v->launch) ?: advisory_in(refused, &v->current);

	if (refused)
		note(r, "refused_advisories", !found, "%s applies", found ?: "");
}

static void check_registers(const struct policy *p, const struct quote_td *td,
                            struct policy_result *r)
{
	for (size_t i = 0; i < REGISTERS; i++) {
		const json_t *wanted = json_object_get(p->json, registers[i].name);
		const uint8_t *value = (const uint8_t *)td + registers[i].offset;
		const json_t *one = json_is_array(wanted) ? json_array_get(wanted, 0) : wanted;
		char hex[HEX_ENCODED_SIZE(64)];
		bool equal = false;

		if (!wanted || !match_hex(wanted, value, registers[i].size, &equal))
			continue;
		hex_encode(value, registers[i].size, hex);
		note(r, registers[i].name, equal, "found %s, expected %s%s", hex,
		     json_string_value(one), json_array_size(wanted) > 1 ? " or another" : "");
	}
}

void policy_choose(const struct policy *p, struct verifier *v)
{
	verifier_choose(v, p->set, p->evaluation);
}

void policy_apply(const struct policy *p, const struct quote *q, const struct verdict *v,
                  struct policy_result *ret)
{
	uint64_t attributes = q->td.attributes;

	ret->accepted = true;
	ret->checks = 0;
	note(ret, "authentic", v->authentic, "%s: %.300s", verdict_code_names[v->code], v->reason);
	check_origin(p, v, ret);
	check_status(p, v, ret);
	note(ret, "allow_debug", p->allow_debug || !(attributes & TDX_ATTR_DEBUG),
	     "TD attributes 0x%016jx: DEBUG is set", (uintmax_t)attributes);
	check_service_td(p, &q->td, ret);
	if (p->require_sept_ve_disable)
		note(ret, "require_sept_ve_disable", attributes & TDX_ATTR_SEPT_VE_DISABLE,
		     "TD attributes 0x%016jx: SEPT_VE_DISABLE is not set", (uintmax_t)attributes);
	if (p->min_evaluation)
		note(ret, "min_tcb_evaluation", v->tcb_evaluation >= p->min_evaluation,
		     "found %u (TCB info %u, QE identity %u), expected at least %ju",
		     v->tcb_evaluation, v->collateral.tcb_info_evaluation,
		     v->collateral.qe_identity_evaluation, (uintmax_t)p->min_evaluation);
	check_advisories(p, v, ret);
	check_registers(p, &q->td, ret);
}
