// SPDX-License-Identifier: Apache-2.0
#include "trust/policy_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/enum.h"
#include "core/time.h"
#include "format/bytes.h"
#include "format/text.h"

#define IMAGES_MAX 256
#define DAYS_MAX   36500

/* ---- reading: a function for each kind of key ---- */

struct key {
	const char *name;
	int (*read)(struct policy *p, const struct key *k, const json_t *v); /* 0 or -EINVAL */
	const char *accepts;
	size_t offset; /* of what it sets, in struct policy */
	int64_t max;
	const char *const *names; /* of a set */
	size_t count;
};

static void *target(struct policy *p, const struct key *k)
{
	return (char *)p + k->offset;
}

static int read_set(struct policy *p, const struct key *k, const json_t *v)
{
	unsigned set = 0;
	size_t i;
	json_t *element;

	if (!json_is_array(v))
		return -EINVAL;
	json_array_foreach(v, i, element)
	{
		const char *name = json_string_value(element);
		int n = name ? enum_find(k->names, k->count, name) : -1;

		if (n < 0)
			return -EINVAL;
		set |= 1u << n;
	}
	*(unsigned *)target(p, k) = set;
	return 0;
}

/* A set that nothing is in would say the same as none. */
static int read_filled_set(struct policy *p, const struct key *k, const json_t *v)
{
	return json_array_size(v) ? read_set(p, k, v) : -EINVAL;
}

static int read_flag(struct policy *p, const struct key *k, const json_t *v)
{
	if (!json_is_boolean(v))
		return -EINVAL;
	*(bool *)target(p, k) = json_is_true(v);
	return 0;
}

static int read_number(struct policy *p, const struct key *k, const json_t *v)
{
	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > k->max)
		return -EINVAL;
	*(int64_t *)target(p, k) = json_integer_value(v);
	return 0;
}

static int read_date(struct policy *p, const struct key *k, const json_t *v)
{
	const char *text = json_string_value(v);
	char full[32];

	if (!text || strlen(text) >= JSONX_DATE_SIZE)
		return -EINVAL;
	snprintf(full, sizeof(full), "%.20s%s", text, strlen(text) == 10 ? "T00:00:00Z" : "");
	return time_read(full, target(p, k));
}

static int read_advisories(struct policy *p, const struct key *k, const json_t *v)
{
	size_t i;
	json_t *element;

	(void)p;
	(void)k;
	json_array_foreach(v, i, element)
	{
		if (!json_is_string(element))
			return -EINVAL;
	}
	return json_is_array(v) ? 0 : -EINVAL;
}

/* "tcb_update" and "tcb_evaluation" both say which set of collateral decides: one of them is
 * enough. */
static int read_update(struct policy *p, const struct key *k, const json_t *v)
{
	const char *update = json_string_value(v);

	(void)k;
	if (p->set_given || !update ||
	    (strcmp(update, "early") != 0 && strcmp(update, "standard") != 0))
		return -EINVAL;
	p->set_given = true;
	p->set = strcmp(update, "early") == 0 ? SET_EARLY : SET_STANDARD;
	return 0;
}

static int read_evaluation(struct policy *p, const struct key *k, const json_t *v)
{
	(void)k;
	if (p->set_given || !json_is_integer(v) || json_integer_value(v) <= 0 ||
	    json_integer_value(v) > UINT32_MAX)
		return -EINVAL;
	p->set_given = true;
	p->set = SET_NUMBER;
	p->evaluation = (uint32_t)json_integer_value(v);
	return 0;
}

/* "0x10000000" as `quote parse` prints it: without the 0x it could be bytes, in their order. */
static bool read_u64(const json_t *v, uint64_t *ret)
{
	const char *text = json_string_value(v);
	size_t digits = text && strncmp(text, "0x", 2) == 0 ? strlen(text + 2) : 0;

	if (!digits || digits > 16 || strspn(text + 2, "0123456789abcdefABCDEF") != digits)
		return false;
	*ret = strtoull(text, NULL, 16);
	return true;
}

static int read_bits(struct policy *p, const struct key *k, const json_t *v)
{
	struct policy_bits bits = {true, UINT64_MAX, 0};

	if (json_is_object(v)) {
		if (json_object_size(v) != 2 || !read_u64(json_object_get(v, "mask"), &bits.mask) ||
		    !read_u64(json_object_get(v, "value"), &bits.value) || bits.value & ~bits.mask)
			return -EINVAL;
	} else if (!read_u64(v, &bits.value)) {
		return -EINVAL;
	}
	*(struct policy_bits *)target(p, k) = bits;
	return 0;
}

static int read_min_svn(struct policy *p, const struct key *k, const json_t *v)
{
	const char *text = json_string_value(v);
	size_t n;

	(void)k;
	if (!text || strlen(text) != 2 * sizeof(p->min_svn) ||
	    hex_decode(text, strlen(text), p->min_svn, &n) != FORMAT_OK)
		return -EINVAL;
	p->has_min_svn = true;
	return 0;
}

static int read_vmid(struct policy *p, const struct key *k, const json_t *v)
{
	size_t count = json_is_array(v) ? json_array_size(v) : 1;
	unsigned set = 0;

	(void)k;
	for (size_t i = 0; i < count; i++) {
		const json_t *n = json_is_array(v) ? json_array_get(v, i) : v;

		if (!json_is_integer(n) || json_integer_value(n) < 0 ||
		    json_integer_value(n) >= POLICY_VMIDS)
			return -EINVAL;
		set |= 1u << json_integer_value(n);
	}
	p->vmids = set;
	return set ? 0 : -EINVAL;
}

static bool is_image(const json_t *image)
{
	size_t registers = 0;
	const char *key;
	json_t *v;
	bool equal;

	json_object_foreach((json_t *)image, key, v)
	{
		const struct policy_register *reg = policy_register_find(key);

		if (strcmp(key, "name") == 0 ? !json_is_string(v)
		                             : !reg || reg->source != POLICY_OF_TD ||
		                                       !policy_match(v, NULL, reg->size, &equal))
			return false;
		registers += reg != NULL;
	}
	return registers > 0; /* without one it would be every image */
}

static int read_images(struct policy *p, const struct key *k, const json_t *v)
{
	size_t i;
	json_t *image;

	(void)p;
	(void)k;
	if (!json_array_size(v) || json_array_size(v) > IMAGES_MAX)
		return -EINVAL;
	json_array_foreach(v, i, image)
	{
		if (!is_image(image))
			return -EINVAL;
	}
	return 0;
}

#define AT(field) offsetof(struct policy, field)
#define SET(key, how, field, all, n)                                  \
	{                                                             \
		key, how, "an array of these: ", AT(field), 0, all, n \
	}
#define FLAG(field)                                                       \
	{                                                                 \
#field, read_flag, "true or false", AT(field), 0, NULL, 0 \
	}
#define NUMBER(key, field, max, accepts)                           \
	{                                                          \
		key, read_number, accepts, AT(field), max, NULL, 0 \
	}
#define OTHER(key, how, field, accepts)                  \
	{                                                \
		key, how, accepts, AT(field), 0, NULL, 0 \
	}
static const struct key keys[] = {
        SET("accepted_statuses", read_set, statuses, tcb_status_names, TCB_STATUS_COUNT),
        SET("current_status", read_filled_set, current, tcb_status_names, TCB_STATUS_COUNT),
        SET("accepted_origins", read_set, origins, origin_names, 4),
        FLAG(allow_debug),
        FLAG(allow_service_td),
        FLAG(require_sept_ve_disable),
        FLAG(refuse_reserved_bits),
        OTHER("td_attributes", read_bits, attributes,
              "\"0x...\", or {\"mask\": \"0x...\", \"value\": \"0x...\"} with no bit outside the "
              "mask"),
        OTHER("xfam", read_bits, xfam,
              "\"0x...\", or {\"mask\": \"0x...\", \"value\": \"0x...\"} with no bit outside the "
              "mask"),
        OTHER("vmid", read_vmid, vmids, "a number from 0 to 3, or an array of such"),
        OTHER("images", read_images, json,
              "an array of objects of registers of a TD (\"mrtd\", \"rtmr0\" ...), each with at "
              "least one, and a \"name\""),
        OTHER("min_tcb_date", read_date, min_date, "\"2025-08-13\" or \"2025-08-13T00:00:00Z\""),
        NUMBER("grace_days", grace_days, DAYS_MAX, "a number of days from 0 to 36500"),
        NUMBER("max_collateral_age_days", max_collateral_age_days, DAYS_MAX,
               "a number of days from 0 to 36500"),
        NUMBER("min_tcb_evaluation", min_evaluation, INT64_MAX, "a number from 0"),
        OTHER("tcb_update", read_update, set,
              "\"early\" or \"standard\", and no \"tcb_evaluation\" beside it"),
        OTHER("tcb_evaluation", read_evaluation, evaluation,
              "a number from 1, and no \"tcb_update\" beside it"),
        OTHER("refused_advisories", read_advisories, json,
              "an array of texts like \"INTEL-SA-01245\""),
        OTHER("min_tee_tcb_svn", read_min_svn, min_svn,
              "32 hexadecimal digits, in the order of TEE_TCB_SVN"),
        NUMBER("min_qe_svn", min_qe_svn, UINT16_MAX, "a number from 0 to 65535"),
        NUMBER("min_pce_svn", min_pce_svn, UINT16_MAX, "a number from 0 to 65535"),
};
#undef OTHER
#undef NUMBER
#undef FLAG
#undef SET
#undef AT

/* ---- what is wrong with a key ---- */

/* How many letters to change, add or leave out. Names of up to 40 letters. */
static size_t distance(const char *a, const char *b)
{
	size_t row[42], n = strnlen(b, 40);

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; i <= strnlen(a, 40); i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t least = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			least = least < row[j] + 1 ? least : row[j] + 1;
			row[j] = least < row[j - 1] + 1 ? least : row[j - 1] + 1;
		}
	}
	return row[n];
}

#define NAMES (COUNT_OF(keys) + POLICY_REGISTERS)

static const char *name_of(size_t i)
{
	return i < COUNT_OF(keys) ? keys[i].name : policy_registers[i - COUNT_OF(keys)].name;
}

/* All keys, the likeliest first; for those that do not fit, where they are told. */
static const char *list_names(const char *meant, char *out, size_t size)
{
	size_t likeliest = 0, used;

	for (size_t i = 1; i < NAMES; i++) {
		if (distance(meant, name_of(i)) < distance(meant, name_of(likeliest)))
			likeliest = i;
	}
	used = (size_t)snprintf(out, size, "%s", name_of(likeliest));
	for (size_t i = 0; i < NAMES; i++) {
		if (i == likeliest)
			continue;
		if (used + strlen(name_of(i)) + 40 > size)
			return snprintf(out + used, size - used, " ... (all: tception(1), POLICY)"),
			       out;
		used += (size_t)snprintf(out + used, size - used, ", %s", name_of(i));
	}
	return out;
}

/* The line, from 1, of a key of the object. */
static unsigned line_of(const char *text, size_t size, const char *key)
{
	size_t value_size;
	const char *at = jsonx_raw(text, size, key, &value_size);
	unsigned line = 1;

	if (!at)
		return 1;
	while (at > text && *at != ':') /* the value may be on another line than the key */
		at--;
	while (at > text && *at != '"')
		at--;
	for (; at > text; at--)
		line += at[-1] == '\n';
	return line;
}

static int refuse_key(const char *key, const char *text, size_t size, struct err *e)
{
	unsigned line = line_of(text, size, key);
	char names[POLICY_NAMES];
	const struct policy_register *reg = policy_register_find(key);
	const struct key *k = keys;

	while (k < keys + COUNT_OF(keys) && strcmp(k->name, key) != 0)
		k++;
	if (reg)
		return err_set(e, -EINVAL,
		               "policy, line %u: \"%s\": expected %zu hexadecimal digits, or an "
		               "array of such texts",
		               line, key, 2 * reg->size);
	if (k == keys + COUNT_OF(keys))
		return err_set(e, -EINVAL, "policy, line %u: \"%.40s\": unknown key; accepted: %s",
		               line, key, list_names(key, names, sizeof(names)));
	return err_set(e, -EINVAL, "policy, line %u: \"%s\": expected %s%s", line, key, k->accepts,
	               k->names ? policy_list(~0u, k->names, k->count, names) : "");
}

/* ---- the whole ---- */

static int read_key(struct policy *p, const char *key, const json_t *v)
{
	const struct policy_register *reg = policy_register_find(key);
	bool equal;

	if (reg)
		return policy_match(v, NULL, reg->size, &equal) ? 0 : -EINVAL;
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		if (strcmp(keys[i].name, key) == 0)
			return keys[i].read(p, &keys[i], v);
	}
	return -EINVAL;
}

#define OUT_OF_DATE                                                           \
	(1u << TCB_OUT_OF_DATE | 1u << TCB_OUT_OF_DATE_CONFIGURATION_NEEDED | \
	 1u << TCB_TD_RELAUNCH_ADVISED | 1u << TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED)

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
		if (read_key(p, key, v) < 0)
			return refuse_key(key, text, size, e);
	}
	if (p->grace_days >= 0 && !(p->statuses & OUT_OF_DATE))
		return err_set(e, -EINVAL,
		               "policy, line %u: \"grace_days\": limits statuses that are out of "
		               "date, but \"accepted_statuses\" has none, like OutOfDate",
		               line_of(text, size, "grace_days"));
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
	p->vmids = 1u << 0;
	p->grace_days = p->max_collateral_age_days = -1;
	if (text && (r = read_object(p, text, size, e)) < 0) {
		policy_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

int policy_require(struct policy *p, const char *name, const char *hex, struct err *e)
{
	const struct policy_register *reg = policy_register_find(name);
	json_auto_t *text = json_string(hex);
	json_t *values;
	bool equal;

	if (!reg)
		return err_set(e, -EINVAL, "\"%.40s\": no such register", name);
	if (!policy_match(text, NULL, reg->size, &equal))
		return err_set(e, -EINVAL, "%s '%.40s': expected %zu hexadecimal digits", name, hex,
		               2 * reg->size);
	if (!p->required && !(p->required = json_object()))
		return err_nomem(e);
	if (!(values = json_object_get(p->required, name)) &&
	    (json_object_set_new(p->required, name, json_array()) < 0 ||
	     !(values = json_object_get(p->required, name))))
		return err_nomem(e);
	return json_array_append(values, text) < 0 ? err_nomem(e) : 0;
}

void policy_free(struct policy *p)
{
	if (p) {
		json_decref(p->json);
		json_decref(p->required);
	}
	free(p);
}

void policy_freep(struct policy **p)
{
	policy_free(*p);
}
