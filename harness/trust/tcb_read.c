// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/enum.h"
#include "trust/tcb.h"

const char *const tcb_status_names[TCB_STATUS_COUNT] = {
        [TCB_UP_TO_DATE] = "UpToDate",
        [TCB_SW_HARDENING_NEEDED] = "SWHardeningNeeded",
        [TCB_CONFIGURATION_NEEDED] = "ConfigurationNeeded",
        [TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED] = "ConfigurationAndSWHardeningNeeded",
        [TCB_OUT_OF_DATE] = "OutOfDate",
        [TCB_OUT_OF_DATE_CONFIGURATION_NEEDED] = "OutOfDateConfigurationNeeded",
        [TCB_TD_RELAUNCH_ADVISED] = "TDRelaunchAdvised",
        [TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] = "TDRelaunchAdvisedConfigurationNeeded",
        [TCB_REVOKED] = "Revoked",
        [TCB_NOT_SUPPORTED] = "NotSupported",
        [TCB_TDX_MODULE_MISMATCH] = "TDXModuleMismatch",
        [TCB_NOT_EVALUATED] = "NotEvaluated",
};

/* What collateral may say of a platform's level; modules and QEs have three of these only. */
#define PLATFORM_STATUSES                                                                        \
	(1u << TCB_UP_TO_DATE | 1u << TCB_SW_HARDENING_NEEDED | 1u << TCB_CONFIGURATION_NEEDED | \
	 1u << TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED | 1u << TCB_OUT_OF_DATE |               \
	 1u << TCB_OUT_OF_DATE_CONFIGURATION_NEEDED | 1u << TCB_REVOKED)
#define ISV_STATUSES (1u << TCB_UP_TO_DATE | 1u << TCB_OUT_OF_DATE | 1u << TCB_REVOKED)

static enum tcb_status read_status(struct jsonx *x, const json_t *o, unsigned allowed)
{
	int status = ENUM_FIND(tcb_status_names, jsonx_string(x, o, "tcbStatus"));

	if (status < 0 || !(allowed & 1u << status)) {
		jsonx_fail(x, "tcbStatus", "unknown");
		return TCB_REVOKED;
	}
	return (enum tcb_status)status;
}

/* Optional; the texts are printed later, so they are what advisories look like. */
static const json_t *read_advisories(struct jsonx *x, const json_t *o)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	const json_t *list = json_object_get(o, "advisoryIDs");
	size_t i;
	json_t *id;

	if (!list)
		return NULL;
	list = jsonx_array(x, o, "advisoryIDs", TCB_ADVISORIES_MAX);
	json_array_foreach(list, i, id)
	{
		const char *s = json_string_value(id);

		if (!s || strlen(s) >= VERDICT_ADVISORY || strspn(s, allowed) != strlen(s))
			jsonx_fail(x, "advisoryIDs", "not an advisory's name");
	}
	return list;
}

static int isv_order(const void *a, const void *b)
{
	return (int)((const struct isv_level *)b)->isvsvn - ((const struct isv_level *)a)->isvsvn;
}

static void read_isv_levels(struct jsonx *x, const json_t *o, struct isv_levels *ret)
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
		l->status = read_status(x, v, ISV_STATUSES);
		jsonx_date(x, v, "tcbDate", l->date);
		l->advisories = read_advisories(x, v);
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

/* "TDX_01", in either case. */
static uint8_t read_module_version(struct jsonx *x, const json_t *o)
{
	const char *id = jsonx_string(x, o, "id");
	unsigned version = 0;
	char end;

	if (strlen(id) != 6 || strncasecmp(id, "TDX_", 4) != 0 ||
	    sscanf(id + 4, "%2x%c", &version, &end) != 1 ||
	    strspn(id + 4, "0123456789abcdefABCDEF") != 2)
		jsonx_fail(x, "id", "not a TDX module's");
	return (uint8_t)version;
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
		struct module_identity *m = &ret->identity[ret->identities++];

		m->version = read_module_version(x, v);
		read_expectation(x, v, &m->expected);
		read_isv_levels(x, v, &m->levels);
		for (size_t k = 0; k < i; k++) {
			if (ret->identity[k].version == m->version)
				jsonx_fail(x, "tdxModuleIdentities", "one module twice");
		}
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
		l->status = read_status(x, v, PLATFORM_STATUSES);
		jsonx_date(x, v, "tcbDate", l->date);
		l->advisories = read_advisories(x, v);
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
	read_isv_levels(&x, o, &ret->levels);
	return x.failed ? err_set(e, -EBADMSG, "QE identity: %s", x.what) : 0;
}
