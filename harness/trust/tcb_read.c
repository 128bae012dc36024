// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/enum.h"
#include "trust/tcb.h"

/* What collateral may say of each part, as Intel's QVL takes it; anything else is
 * not known here. */
#define MODULE_STATUSES (1u << TCB_UP_TO_DATE | 1u << TCB_OUT_OF_DATE | 1u << TCB_REVOKED)
#define QE_STATUSES                                         \
	(MODULE_STATUSES | 1u << TCB_CONFIGURATION_NEEDED | \
	 1u << TCB_OUT_OF_DATE_CONFIGURATION_NEEDED)
#define PLATFORM_STATUSES                              \
	(QE_STATUSES | 1u << TCB_SW_HARDENING_NEEDED | \
	 1u << TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED)

static enum tcb_status read_status(struct jsonx *x, const json_t *o, unsigned allowed,
                                   const char **ret_unknown)
{
	const char *word = jsonx_string(x, o, "tcbStatus");
	int status = ENUM_FIND(tcb_status_names, word);

	if (status >= 0 && allowed & 1u << status)
		return (enum tcb_status)status;
	*ret_unknown = word;
	return TCB_UNKNOWN;
}

/* The texts are printed later, so they are what advisories look like. */
static bool is_advisory(const json_t *id)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	const char *s = json_string_value(id);

	return s && strlen(s) < VERDICT_ADVISORY && strspn(s, allowed) == strlen(s);
}

/* Optional. A list that is not understood makes the level one that is not: NULL, and *status. */
static const json_t *read_advisories(const json_t *o, enum tcb_status *status,
                                     const char **ret_unknown)
{
	const json_t *list = json_object_get(o, "advisoryIDs");
	bool good = !list || (json_is_array(list) && json_array_size(list) <= TCB_ADVISORIES_MAX);
	const char *odd = "its advisoryIDs";
	size_t i;
	json_t *id;

	json_array_foreach(list, i, id)
	{
		if (good && !is_advisory(id)) {
			good = false;
			odd = json_string_value(id) ?: odd;
		}
	}
	if (good)
		return list;
	*status = TCB_UNKNOWN;
	*ret_unknown = odd;
	return NULL;
}

static int isv_order(const void *a, const void *b)
{
	return (int)((const struct isv_level *)b)->isvsvn - ((const struct isv_level *)a)->isvsvn;
}

static void read_isv_levels(struct jsonx *x, const json_t *o, unsigned statuses,
                            struct isv_levels *ret)
{
	const json_t *list = jsonx_array(x, o, "tcbLevels", TCB_LEVELS_MAX);
	size_t i;
	json_t *v;

	ret->count = 0;
	json_array_foreach(list, i, v)
	{
		struct isv_level *l = &ret->level[ret->count++];

		l->isvsvn =
		        (uint16_t)jsonx_uint(x, jsonx_object(x, v, "tcb"), "isvsvn", UINT16_MAX);
		l->unknown = NULL;
		l->status = read_status(x, v, statuses, &l->unknown);
		jsonx_date(x, v, "tcbDate", l->date);
		l->advisories = read_advisories(v, &l->status, &l->unknown);
	}
	qsort(ret->level, ret->count, sizeof(ret->level[0]), isv_order);
	for (i = 1; i < ret->count; i++) {
		if (ret->level[i].isvsvn == ret->level[i - 1].isvsvn)
			jsonx_fail(x, "tcbLevels", "one SVN twice");
	}
}

static void read_expectation(struct jsonx *x, const json_t *o, struct module_expectation *ret)
{
	jsonx_hex(x, o, "mrsigner", ret->mrsigner, sizeof(ret->mrsigner));
	jsonx_hex(x, o, "attributes", ret->attributes, sizeof(ret->attributes));
	jsonx_hex(x, o, "attributesMask", ret->mask, sizeof(ret->mask));
}

/* "TDX_01", in either case; false for another form: such a module is none that a TD names. */
static bool read_module_version(struct jsonx *x, const json_t *o, uint8_t *ret)
{
	const char *id = jsonx_string(x, o, "id");
	unsigned version;

	if (strlen(id) != 6 || strncasecmp(id, "TDX_", 4) != 0 ||
	    strspn(id + 4, "0123456789abcdefABCDEF") != 2 || sscanf(id + 4, "%2x", &version) != 1)
		return false;
	*ret = (uint8_t)version;
	return true;
}

static void read_identities(struct jsonx *x, const json_t *o, struct tcb_info *ret)
{
	const json_t *list;
	size_t i;
	json_t *v;

	ret->identities = 0;
	if (!json_object_get(o, "tdxModuleIdentities")) /* older data: one module, in tdxModule */
		return;
	list = jsonx_array(x, o, "tdxModuleIdentities", TCB_IDENTITIES_MAX);
	json_array_foreach(list, i, v)
	{
		struct module_identity *m = &ret->identity[ret->identities];

		if (!read_module_version(x, v, &m->version))
			continue;
		read_expectation(x, v, &m->expected);
		read_isv_levels(x, v, MODULE_STATUSES, &m->levels);
		ret->identities++;
	}
}

static void read_components(struct jsonx *x, const json_t *tcb, const char *key, uint8_t svn[16])
{
	const json_t *list = jsonx_array(x, tcb, key, 16);
	size_t i;
	json_t *v;

	memset(svn, 0, 16);
	if (list && json_array_size(list) != 16)
		jsonx_fail(x, key, "not 16 components");
	json_array_foreach(list, i, v) svn[i] = (uint8_t)jsonx_uint(x, v, "svn", UINT8_MAX);
}

static int level_order(const void *a, const void *b)
{
	const struct tcb_level *l = a, *m = b;
	int r = memcmp(m->sgx, l->sgx, sizeof(l->sgx));

	if (r == 0)
		r = (int)m->pcesvn - l->pcesvn;
	return r ? r : memcmp(m->tdx, l->tdx, sizeof(l->tdx));
}

static void read_levels(struct jsonx *x, const json_t *o, struct tcb_info *ret)
{
	const json_t *list = jsonx_array(x, o, "tcbLevels", TCB_LEVELS_MAX);
	size_t i;
	json_t *v;

	ret->levels = 0;
	json_array_foreach(list, i, v)
	{
		struct tcb_level *l = &ret->level[ret->levels++];
		const json_t *tcb = jsonx_object(x, v, "tcb");

		read_components(x, tcb, "sgxtcbcomponents", l->sgx);
		read_components(x, tcb, "tdxtcbcomponents", l->tdx);
		l->pcesvn = (uint16_t)jsonx_uint(x, tcb, "pcesvn", UINT16_MAX);
		l->unknown = NULL;
		l->tcb = tcb;
		l->status = read_status(x, v, PLATFORM_STATUSES, &l->unknown);
		jsonx_date(x, v, "tcbDate", l->date);
		l->advisories = read_advisories(v, &l->status, &l->unknown);
	}
	qsort(ret->level, ret->levels, sizeof(ret->level[0]), level_order);
	for (i = 1; i < ret->levels; i++) {
		if (level_order(&ret->level[i], &ret->level[i - 1]) == 0)
			jsonx_fail(x, "tcbLevels", "one level twice");
	}
}

static bool is_kind(const json_t *o, const char *id, json_int_t version)
{
	const char *s = json_string_value(json_object_get(o, "id"));
	const json_t *v = json_object_get(o, "version");

	return s && strcmp(s, id) == 0 && json_is_integer(v) && json_integer_value(v) == version;
}

int tcb_info_read(const json_t *o, struct tcb_info *ret, struct err *e)
{
	struct jsonx x = {0};

	if (!is_kind(o, "TDX", 3))
		return err_set(e, -ENOTSUP, "TCB info: not of TDX, version 3");
	ret->issued = jsonx_date(&x, o, "issueDate", NULL);
	ret->next = jsonx_date(&x, o, "nextUpdate", NULL);
	ret->evaluation = (uint32_t)jsonx_uint(&x, o, "tcbEvaluationDataNumber", UINT32_MAX);
	jsonx_hex(&x, o, "fmspc", ret->fmspc, sizeof(ret->fmspc));
	jsonx_hex(&x, o, "pceId", ret->pceid, sizeof(ret->pceid));
	jsonx_uint(&x, o, "tcbType", 0); /* how levels are compared: only 0 is defined */
	read_expectation(&x, jsonx_object(&x, o, "tdxModule"), &ret->module);
	read_identities(&x, o, ret);
	read_levels(&x, o, ret);
	return x.failed ? err_set(e, -EBADMSG, "TCB info: %s", x.what) : 0;
}

int qe_identity_read(const json_t *o, struct qe_identity *ret, struct err *e)
{
	struct jsonx x = {0};

	if (!is_kind(o, "TD_QE", 2))
		return err_set(e, -ENOTSUP, "QE identity: not of TD_QE, version 2");
	ret->issued = jsonx_date(&x, o, "issueDate", NULL);
	ret->next = jsonx_date(&x, o, "nextUpdate", NULL);
	ret->evaluation = (uint32_t)jsonx_uint(&x, o, "tcbEvaluationDataNumber", UINT32_MAX);
	jsonx_hex(&x, o, "miscselect", ret->miscselect, sizeof(ret->miscselect));
	jsonx_hex(&x, o, "miscselectMask", ret->miscselect_mask, sizeof(ret->miscselect_mask));
	jsonx_hex(&x, o, "attributes", ret->attributes, sizeof(ret->attributes));
	jsonx_hex(&x, o, "attributesMask", ret->attributes_mask, sizeof(ret->attributes_mask));
	jsonx_hex(&x, o, "mrsigner", ret->mrsigner, sizeof(ret->mrsigner));
	ret->isvprodid = (uint16_t)jsonx_uint(&x, o, "isvprodid", UINT16_MAX);
	read_isv_levels(&x, o, QE_STATUSES, &ret->levels);
	return x.failed ? err_set(e, -EBADMSG, "QE identity: %s", x.what) : 0;
}
