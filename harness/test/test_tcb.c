/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "format/bytes.h"
#include "format/tdx.h"
#include "test/scratch_authority.h"
#include "test/tests.h"
#include "trust/authority.h"
#include "trust/collateral.h"
#include "trust/verify.h"

/*
 * TCB evaluation in full: the test authority signs collateral that says whatever a case needs. The
 * emulated platform has 1 in every SGX component and PCESVN 1; its QE has SVN 4. Expectations
 * follow Intel's rules as in its Quote Verification Library, not what this code once answered.
 */
#define NOW 1800000000

struct level {
	uint8_t sgx, pcesvn, tdx0, tdx2;
	enum tcb_status status;
};

struct isv {
	uint8_t svn;
	enum tcb_status status;
};

struct tcb_case {
	const char *name;
	uint16_t version;
	uint8_t svn[3], svn2[3]; /* TEE_TCB_SVN, TEE_TCB_SVN2 */
	struct level level[4];   /* ends at the first with sgx 0 and status 0 */
	struct isv module[3];    /* levels of TDX_01; ends like the above, unless the first */
	struct isv qe;
	enum tcb_status expected;
};

#define UP  TCB_UP_TO_DATE
#define OUT TCB_OUT_OF_DATE
#define CFG TCB_CONFIGURATION_NEEDED
#define SWH TCB_SW_HARDENING_NEEDED
#define CSW TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED
#define OCF TCB_OUT_OF_DATE_CONFIGURATION_NEEDED
#define REV TCB_REVOKED
#define NOT TCB_NOT_SUPPORTED
#define MIS TCB_TDX_MODULE_MISMATCH
#define RLA TCB_TD_RELAUNCH_ADVISED
#define RLC TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED
#define QE            \
	{             \
		4, UP \
	}

static const struct tcb_case cases[] = {
        {"all well", 4, {3, 1, 2}, {0}, {{1, 1, 9, 2, UP}}, {{3, UP}}, QE, UP},
        {"platform says", 4, {3, 1, 2}, {0}, {{1, 1, 0, 2, SWH}}, {{3, UP}}, QE, SWH},
        {"platform says", 4, {3, 1, 2}, {0}, {{1, 1, 0, 2, CFG}}, {{3, UP}}, QE, CFG},
        {"platform says", 4, {3, 1, 2}, {0}, {{1, 1, 0, 2, CSW}}, {{3, UP}}, QE, CSW},
        {"platform says", 4, {3, 1, 2}, {0}, {{1, 1, 0, 2, OCF}}, {{3, UP}}, QE, OCF},
        {"platform revoked", 4, {3, 1, 2}, {0}, {{1, 1, 0, 2, REV}}, {{3, UP}}, QE, REV},
        {"one SGX component short", 4, {3, 1, 2}, {0}, {{2, 1, 0, 0, UP}}, {{3, UP}}, QE, NOT},
        {"PCESVN short", 4, {3, 1, 2}, {0}, {{1, 2, 0, 0, UP}}, {{3, UP}}, QE, NOT},
        {"TDX component short", 4, {3, 1, 2}, {0}, {{1, 1, 0, 3, UP}}, {{3, UP}}, QE, NOT},
        {"lower level",
         4,
         {3, 1, 2},
         {0},
         {{1, 1, 0, 3, UP}, {1, 1, 0, 2, OUT}},
         {{3, UP}},
         QE,
         OUT},
        {"order of levels",
         4,
         {3, 1, 2},
         {0},
         {{1, 1, 0, 1, OUT}, {1, 1, 0, 2, UP}},
         {{3, UP}},
         QE,
         UP},
        {"order of modules", 4, {3, 1, 2}, {0}, {{1, 1, 0, 2, UP}}, {{1, OUT}, {3, UP}}, QE, UP},
        {"old module", 4, {2, 1, 2}, {0}, {{1, 1, 0, 2, UP}}, {{3, UP}, {1, OUT}}, QE, OUT},
        {"old module", 4, {2, 1, 2}, {0}, {{1, 1, 0, 2, SWH}}, {{3, UP}, {1, OUT}}, QE, OUT},
        {"old module", 4, {2, 1, 2}, {0}, {{1, 1, 0, 2, CFG}}, {{3, UP}, {1, OUT}}, QE, OCF},
        {"old module", 4, {2, 1, 2}, {0}, {{1, 1, 0, 2, CSW}}, {{3, UP}, {1, OUT}}, QE, OCF},
        {"old module", 4, {2, 1, 2}, {0}, {{1, 1, 0, 2, OUT}}, {{3, UP}, {1, OUT}}, QE, OUT},
        {"revoked module", 4, {2, 1, 2}, {0}, {{1, 1, 0, 2, UP}}, {{3, UP}, {1, REV}}, QE, REV},
        {"module too old", 4, {2, 1, 2}, {0}, {{1, 1, 0, 2, UP}}, {{3, UP}}, QE, NOT},
        {"no such module", 4, {9, 2, 2}, {0}, {{1, 1, 0, 2, UP}}, {{3, UP}}, QE, MIS},
        {"mismatch goes first", 4, {9, 2, 2}, {0}, {{2, 1, 0, 2, UP}}, {{3, UP}}, QE, MIS},
        {"module without identity", 4, {3, 0, 2}, {0}, {{1, 1, 3, 2, UP}}, {{9, UP}}, QE, UP},
        {"it is then in the level", 4, {3, 0, 2}, {0}, {{1, 1, 4, 2, UP}}, {{9, UP}}, QE, NOT},
        {"old QE", 4, {3, 1, 2}, {0}, {{1, 1, 0, 2, UP}}, {{3, UP}}, {4, OUT}, OUT},
        {"old QE", 4, {3, 1, 2}, {0}, {{1, 1, 0, 2, CSW}}, {{3, UP}}, {4, OUT}, OCF},
        {"revoked QE", 4, {3, 1, 2}, {0}, {{1, 1, 0, 2, UP}}, {{3, UP}}, {4, REV}, REV},
        {"revoked beats old", 4, {3, 1, 2}, {0}, {{1, 1, 0, 2, OUT}}, {{3, UP}}, {4, REV}, REV},
        {"QE too old", 4, {3, 1, 2}, {0}, {{1, 1, 0, 2, UP}}, {{3, UP}}, {5, UP}, NOT},
        /* TD relaunch: only version 5 carries TEE_TCB_SVN2 */
        {"relaunch", 5, {2, 1, 2}, {3, 1, 2}, {{1, 1, 0, 2, UP}}, {{3, UP}, {1, OUT}}, QE, RLA},
        {"relaunch, SWH",
         5,
         {2, 1, 2},
         {3, 1, 2},
         {{1, 1, 0, 2, SWH}},
         {{3, UP}, {1, OUT}},
         QE,
         RLA},
        {"relaunch, configure",
         5,
         {2, 1, 2},
         {3, 1, 2},
         {{1, 1, 0, 2, CFG}},
         {{3, UP}, {1, OUT}},
         QE,
         RLC},
        {"version 4", 4, {2, 1, 2}, {3, 1, 2}, {{1, 1, 0, 2, UP}}, {{3, UP}, {1, OUT}}, QE, OUT},
        {"not the newest module",
         5,
         {1, 1, 2},
         {2, 1, 2},
         {{1, 1, 0, 2, UP}},
         {{3, UP}, {1, OUT}},
         QE,
         OUT},
        {"a good patch, though not the newest",
         5,
         {2, 1, 2},
         {3, 1, 2},
         {{1, 1, 0, 3, UP}, {1, 1, 0, 2, UP}},
         {{3, UP}, {1, OUT}},
         QE,
         RLA},
        {"newest patch now",
         5,
         {2, 1, 2},
         {3, 1, 3},
         {{1, 1, 0, 3, UP}, {1, 1, 0, 2, OUT}},
         {{3, UP}, {1, OUT}},
         QE,
         RLA},
        {"QE old as well",
         5,
         {2, 1, 2},
         {3, 1, 2},
         {{1, 1, 0, 2, UP}},
         {{3, UP}, {1, OUT}},
         {4, OUT},
         OUT},
        {"platform old as well",
         5,
         {2, 1, 2},
         {3, 1, 2},
         {{1, 1, 0, 2, OUT}},
         {{3, UP}, {1, OUT}},
         QE,
         OUT},
        {"platform old at launch alone",
         5,
         {3, 1, 2},
         {3, 1, 3},
         {{1, 1, 0, 3, UP}, {1, 1, 0, 2, OUT}},
         {{3, UP}},
         QE,
         RLA},
        {"old now",
         5,
         {3, 1, 3},
         {3, 1, 2},
         {{1, 1, 0, 3, UP}, {1, 1, 0, 2, OUT}},
         {{3, UP}},
         QE,
         UP},
        {"now below all", 5, {3, 1, 3}, {3, 1, 2}, {{1, 1, 0, 3, UP}}, {{3, UP}}, QE, NOT},
        {"no such module now", 5, {3, 1, 3}, {3, 2, 3}, {{1, 1, 0, 3, UP}}, {{3, UP}}, QE, NOT},
        {"module too old now", 5, {3, 1, 3}, {2, 1, 3}, {{1, 1, 0, 3, UP}}, {{3, UP}}, QE, NOT},
        {"revoked, and now below all",
         5,
         {3, 1, 3},
         {3, 1, 2},
         {{1, 1, 0, 3, REV}},
         {{3, UP}},
         QE,
         NOT},
        {"old at launch, and now below all",
         5,
         {3, 1, 3},
         {3, 1, 2},
         {{1, 1, 0, 3, OUT}},
         {{3, UP}},
         QE,
         NOT},
        {"revoked now", 5, {3, 1, 3}, {2, 1, 3}, {{1, 1, 0, 3, UP}}, {{3, UP}, {1, REV}}, QE, UP},
        {"no part less than a revoked one",
         4,
         {3, 1, 2},
         {0},
         {{1, 1, 0, 2, REV}},
         {{3, UP}},
         {5, UP},
         NOT},
        {"revoked is revoked",
         5,
         {2, 1, 2},
         {3, 1, 2},
         {{1, 1, 0, 2, UP}},
         {{3, UP}, {1, REV}},
         QE,
         REV},
};
#define CASES ((int)COUNT_OF(cases))

static json_t *filled(const char *label, size_t size)
{
	char text[129];

	for (size_t i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", i < strlen(label) ? label[i] : 0);
	return json_string(text);
}

static json_t *svns(uint8_t all, uint8_t first, uint8_t third, bool tdx)
{
	json_t *list = json_array();

	for (int i = 0; i < 16; i++)
		json_array_append_new(list, json_pack("{si}", "svn",
		                                      i == 0 && tdx   ? first
		                                      : i == 2 && tdx ? third
		                                                      : all));
	return list;
}

static json_t *isv_level(const struct isv *l)
{
	return json_pack("{s{si}, ss, ss}", "tcb", "isvsvn", l->svn, "tcbDate",
	                 "2026-01-01T00:00:00Z", "tcbStatus", tcb_status_names[l->status]);
}

static json_t *make_tcb_info(const struct tcb_case *c)
{
	json_t *levels = json_array(), *modules = json_array();

	for (int i = 0; i < 4 && (i == 0 || c->level[i].sgx); i++)
		json_array_append_new(
		        levels,
		        json_pack("{s{so, so, si}, ss, ss}", "tcb", "sgxtcbcomponents",
		                  svns(c->level[i].sgx, 0, 0, false), "tdxtcbcomponents",
		                  svns(0, c->level[i].tdx0, c->level[i].tdx2, true), "pcesvn",
		                  c->level[i].pcesvn, "tcbDate", "2026-01-01T00:00:00Z",
		                  "tcbStatus", tcb_status_names[c->level[i].status]));
	for (int i = 0; i < 3 && (i == 0 || c->module[i].svn); i++)
		json_array_append_new(modules, isv_level(&c->module[i]));
	return json_pack("{ss,si,ss,ss,ss,ss,si,si,s{so,ss,ss},s[{ss,so,ss,ss,so}],so}", "id",
	                 "TDX", "version", 3, "issueDate", "2027-01-01T00:00:00Z", "nextUpdate",
	                 "2027-12-31T00:00:00Z", "fmspc", "454d55000000", "pceId", "0000",
	                 "tcbType", 0, "tcbEvaluationDataNumber", 7, "tdxModule", "mrsigner",
	                 filled(TDX_EMULATED_MRSIGNERSEAM, 48), "attributes", "0000000000000000",
	                 "attributesMask", "FFFFFFFFFFFFFFFF", "tdxModuleIdentities", "id",
	                 "tdx_01", "mrsigner", filled(TDX_EMULATED_MRSIGNERSEAM, 48), "attributes",
	                 "0000000000000000", "attributesMask", "FFFFFFFFFFFFFFFF", "tcbLevels",
	                 modules, "tcbLevels", levels);
}

static json_t *make_qe_identity(const struct isv *level)
{
	return json_pack("{ss,si,ss,ss,si,ss,ss,ss,ss,so,si,s[o]}", "id", "TD_QE", "version", 2,
	                 "issueDate", "2027-01-01T00:00:00Z", "nextUpdate", "2027-12-31T00:00:00Z",
	                 "tcbEvaluationDataNumber", 7, "miscselect", "00000000", "miscselectMask",
	                 "FFFFFFFF", "attributes", "11000000000000000000000000000000",
	                 "attributesMask", "FBFFFFFFFFFFFFFF0000000000000000", "mrsigner",
	                 filled(AUTHORITY_QE_MRSIGNER, 32), "isvprodid", 2, "tcbLevels",
	                 isv_level(level));
}

static struct verdict judge(const struct tcb_case *c, const struct bundle_contents *contents)
{
	struct tdreport report = emulated_report();
	struct verifier *v = authority_verifier();
	struct verdict d;
	struct quote q;
	struct err e;
	uint8_t *quote;
	char *bundle;
	size_t size;

	memcpy(report.tcb.tee_tcb_svn, c->svn, 3);
	memcpy(report.tcb.tee_tcb_svn2, c->svn2, 3);
	ck_assert_int_eq(authority_quote(authority, &report, c->version, &quote, &size, &e), 0);
	ck_assert_int_eq(quote_parse(quote, size, &q, NULL), FORMAT_OK);
	ck_assert_msg(authority_bundle_of(authority, contents, &bundle, &e) == 0, "%s", e.text);
	give(v, bundle);
	ck_assert_int_eq(verifier_check(v, &q, NOW, &d, &e), 0);
	verifier_free(v);
	free(bundle);
	free(quote);
	return d;
}

TEST_RANGE(statuses, 0, CASES)
{
	const struct tcb_case *c = &cases[_i];
	struct verdict d =
	        judge(c, &(struct bundle_contents){.at = NOW - 1000,
	                                           .tcb_info = make_tcb_info(c),
	                                           .qe_identity = make_qe_identity(&c->qe)});

	ck_assert_msg(d.authentic, "%s: %s", c->name, d.reason);
	ck_assert_int_eq(d.origin, ORIGIN_EMULATED);
	ck_assert_msg(d.status == c->expected, "%s: %s instead of %s", c->name,
	              tcb_status_names[d.status], tcb_status_names[c->expected]);
}

/* The authority's own collateral, for the report that the software TDX module makes. */
TEST(the_usual_collateral)
{
	static const struct tcb_case module = {.version = 4, .svn = {0, 1}};
	struct verdict d = judge(&module, &(struct bundle_contents){.at = NOW});

	ck_assert_msg(d.status == TCB_UP_TO_DATE, "%s", d.reason);
	ck_assert_str_eq(d.launch.date, "2026-01-01T00:00:00Z");
	d = judge(&module, &(struct bundle_contents){.at = NOW + 1});
	ck_assert_int_eq(d.status, TCB_NOT_EVALUATED);
	d = judge(&module, &(struct bundle_contents){.at = NOW - 31 * 86400});
	ck_assert_int_eq(d.status, TCB_NOT_EVALUATED);
}

/* Every certificate under the root can be revoked: the platform's two, and the signer's. */
TEST_RANGE(revoked_certificates, 0, 3)
{
	static const enum authority_role roles[] = {ROLE_PCK, ROLE_PCK_CA, ROLE_SIGNING};
	static const struct tcb_case module = {.version = 4, .svn = {0, 1}};
	const X509 *cert = authority->id[roles[_i]].cert;
	struct verdict d = judge(&module, &(struct bundle_contents){.at = NOW, .revoked = cert});

	ck_assert_int_eq(d.status, TCB_NOT_EVALUATED);
	ck_assert_ptr_nonnull(strstr(d.reason, "revoked"));
	ck_assert(!d.authentic || roles[_i] == ROLE_SIGNING);
}

TEST_RANGE(other_enclaves, 0, 4)
{
	static const struct tcb_case module = {.version = 4, .svn = {0, 1}};
	static const struct isv qe = QE;
	static const struct {
		const char *key, *text;
		int number;
	} changes[] = {
	        {"mrsigner", "DC9E2A7C6F948F17474E34A7FC43ED030F7C1563F1BABDDF6340C82E0E54A8C5", 0},
	        {"isvprodid", NULL, 1},
	        {"miscselect", "01000000", 0},
	        {"attributes", "15000000000000000000000000000000", 0},
	};
	json_t *id = make_qe_identity(&qe);
	struct verdict d;

	json_object_set_new(id, changes[_i].key,
	                    changes[_i].text ? json_string(changes[_i].text)
	                                     : json_integer(changes[_i].number));
	d = judge(&module, &(struct bundle_contents){.at = NOW, .qe_identity = id});
	ck_assert(!d.authentic);
	ck_assert_int_eq(d.origin, ORIGIN_UNKNOWN);
}

/* Properly signed, and still nothing to go by: each changes one member of good TCB info. */
static const struct {
	const char *path; /* members and indices, dots between them */
	const char *value;
} malformed[] = {
        {"tcbLevels.0.tcb.pcesvn", "65536"},
        {"tcbLevels.0.tcb.pcesvn", "-1"},
        {"tcbLevels.0.tcb.pcesvn", "1.0"},
        {"tcbLevels.0.tcb.pcesvn", "9223372036854775807"},
        {"tcbLevels.0.tcb.pcesvn", "\"1\""},
        {"tcbLevels.0.tcb.sgxtcbcomponents.15.svn", "256"},
        {"tcbLevels.0.tcb.tdxtcbcomponents.2", "1"},
        {"tcbLevels.0.tcb.tdxtcbcomponents", "[]"},
        {"tcbLevels.0.tcb.sgxtcbcomponents", "[{\"svn\":1},{\"svn\":1}]"},
        {"tcbLevels.0.tcbStatus", "1"},
        {"tcbLevels.0.tcbDate", "\"2026-02-30T00:00:00Z\""},
        {"tcbEvaluationDataNumber", "4294967296"},
        {"tcbType", "1"},
        {"fmspc", "\"454d5500000\""},
        {"nextUpdate", "\"2027-12-31\""},
        {"issueDate", "1"},
        {"tdxModuleIdentities.0.tcbLevels.0.tcb.isvsvn", "65536"},
        {"tdxModuleIdentities.0.attributesMask", "\"FF\""},
        {"tdxModule", "null"},
};
#define MALFORMED ((int)COUNT_OF(malformed))

static void set_at(json_t *o, const char *path, json_t *value)
{
	char name[40];
	const char *dot;

	for (; (dot = strchr(path, '.')); path = dot + 1) {
		snprintf(name, sizeof(name), "%.*s", (int)(dot - path), path);
		o = json_is_array(o) ? json_array_get(o, (size_t)atoi(name))
		                     : json_object_get(o, name);
		ck_assert_ptr_nonnull(o);
	}
	ck_assert_int_eq(json_is_array(o) ? json_array_set_new(o, (size_t)atoi(path), value)
	                                  : json_object_set_new(o, path, value),
	                 0);
}

static void assert_taken(json_t *info, bool taken)
{
	struct bundle_contents contents = {.at = NOW, .tcb_info = info};
	struct verifier *v = authority_verifier();
	struct err e;
	char *bundle;

	ck_assert_int_eq(authority_bundle_of(authority, &contents, &bundle, &e), 0);
	ck_assert_msg((verifier_add(v, bundle, strlen(bundle), &e) == 0) == taken, "taken: %d",
	              !taken);
	ck_assert(taken || e.code == -EBADMSG);
	verifier_free(v);
	free(bundle);
}

TEST_RANGE(signed_but_malformed, 0, MALFORMED)
{
	json_t *info = make_tcb_info(&cases[0]);

	set_at(info, malformed[_i].path,
	       json_loads(malformed[_i].value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
	assert_taken(info, false);
}

/*
 * A word that is not known here spoils the level that has it, and no other: the TD is at level 0, not
 * at level 1.
 */
static const struct {
	const char *path, *value;
	enum tcb_status expected;
} unknown[] = {
        {"tcbLevels.0.tcbStatus", "\"uptodate\"", TCB_UNKNOWN},
        {"tcbLevels.0.tcbStatus", "\"TDRelaunchAdvised\"", TCB_UNKNOWN},
        {"tcbLevels.0.advisoryIDs", "[\"INTEL-SA-\\u001b[31m\"]", TCB_UNKNOWN},
        {"tcbLevels.0.advisoryIDs", "[1]", TCB_UNKNOWN},
        {"tcbLevels.0.advisoryIDs", "\"INTEL-SA-00001\"", TCB_UNKNOWN},
        {"tcbLevels.1.tcbStatus", "\"Deprecated\"", TCB_UP_TO_DATE},
        {"tcbLevels.1.advisoryIDs", "[\"INTEL SA 1\"]", TCB_UP_TO_DATE},
        {"tdxModuleIdentities.0.tcbLevels.0.tcbStatus", "\"SWHardeningNeeded\"", TCB_UNKNOWN},
        {"tdxModuleIdentities.0.tcbLevels.1.tcbStatus", "\"Sunset\"", TCB_UP_TO_DATE},
        {"tdxModuleIdentities.0.id", "\"TDX_1\"", TCB_TDX_MODULE_MISMATCH},
        {"tdxModuleIdentities.0.id", "\"TDX_-1\"", TCB_TDX_MODULE_MISMATCH},
        {"tdxModuleIdentities.1.id", "\"NEXT_01\"", TCB_UP_TO_DATE},
};

TEST_EACH(unknown_words, unknown)
{
	static const struct tcb_case c = {
	        .version = 4,
	        .svn = {3, 1, 2},
	        .level = {{1, 1, 0, 2, UP}, {1, 1, 0, 1, OUT}},
	        .module = {{3, UP}, {1, OUT}},
	        .qe = QE,
	};
	json_t *info = make_tcb_info(&c);
	json_t *modules = json_object_get(info, "tdxModuleIdentities");
	struct verdict d;

	json_array_append_new(modules, json_deep_copy(json_array_get(modules, 0)));
	json_object_set_new(json_array_get(modules, 1), "id", json_string("TDX_07"));
	set_at(info, unknown[_i].path,
	       json_loads(unknown[_i].value, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
	d = judge(&c, &(struct bundle_contents){
	                      .at = NOW, .tcb_info = info, .qe_identity = make_qe_identity(&c.qe)});
	ck_assert(d.authentic);
	ck_assert_msg(d.status == unknown[_i].expected, "%s: %s", tcb_status_names[d.status],
	              d.reason);
	ck_assert(d.status != TCB_UNKNOWN || strstr(d.reason, "unknown status"));
}

/* Counts at their limits, and one more. */
TEST(signed_but_too_much)
{
	for (int count = 63; count <= 65; count++) {
		json_t *info = make_tcb_info(&cases[0]);
		json_t *levels = json_object_get(info, "tcbLevels");

		while ((int)json_array_size(levels) < count) {
			json_t *more = json_deep_copy(json_array_get(levels, 0));

			json_object_set_new(json_object_get(more, "tcb"), "pcesvn",
			                    json_integer(100 + (int)json_array_size(levels)));
			json_array_append_new(levels, more);
		}
		assert_taken(info, count <= 64);
	}
}

TEST(an_sgx_identity)
{
	static const struct tcb_case module = {.version = 4, .svn = {0, 1}};
	static const struct isv qe = QE;
	json_t *id = make_qe_identity(&qe);
	struct verdict d;

	json_object_set_new(id, "id", json_string("QE"));
	d = judge(&module, &(struct bundle_contents){.at = NOW, .qe_identity = id});
	ck_assert_int_eq(d.status, TCB_NOT_EVALUATED);
	ck_assert_ptr_nonnull(strstr(d.reason, "no identity"));
}

/* What one issuer did not sign, another of its name may have: in either order, and asked again. */
TEST(issuers_named_alike)
{
	static const enum authority_role roles[] = {ROLE_PCK_CA, ROLE_SIGNING};
	struct identity *id = authority->id, other[2];
	struct collateral *c = calloc(1, sizeof(*c));
	uint8_t root[ECDSA_RAW_SIZE], point[2][ECDSA_RAW_SIZE];
	struct anchor a = {ORIGIN_EMULATED, id[ROLE_ROOT].cert, root, id[ROLE_ROOT].cert};
	_cleanup_(freep) char *text = NULL;
	struct found_item item;
	struct err e;

	ck_assert_int_eq(authority_bundle(authority, NOW, &text, &e), 0);
	ck_assert_int_eq(collateral_add(c, text, strlen(text), &e), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(issue_identity(roles[i], &id[ROLE_ROOT], NULL, &other[i], &e), 0);
	ck_assert_int_eq(ecdsa_to_point(id[ROLE_ROOT].key, root, &e), 0);
	ck_assert_int_eq(ecdsa_to_point(id[ROLE_PCK_CA].key, point[0], &e), 0);
	ck_assert_int_eq(ecdsa_to_point(other[0].key, point[1], &e), 0);
	for (int i = 0; i < 6; i++) {
		X509 *ca = i % 2 ? id[ROLE_PCK_CA].cert : other[0].cert;

		ck_assert_int_eq(collateral_revoked(c, id[ROLE_PCK].cert, ca, point[i % 2 == 0], &a,
		                                    NOW, VERDICT_PCK_REVOKED, NULL, &e),
		                 i % 2 ? 0 : -EBADMSG);
	}
	for (int i = 0; i < 2; i++) /* as if they had come alone */
		chain_done(&c->item[i]->chain);
	ck_assert_int_eq(c->item[1]->kind, SIGNED_QE_IDENTITY);
	for (int i = 0; i < 6; i++) {
		if (i == 0)
			c->pool[c->pooled++] = X509_dup(other[1].cert);
		if (i == 2)
			c->pool[c->pooled++] = X509_dup(id[ROLE_SIGNING].cert);
		ck_assert_int_eq(collateral_qe_identity(c, &a, NOW, &item, &e),
		                 i < 2 ? -EBADMSG : 0);
	}
	for (int i = 0; i < 2; i++)
		identity_done(&other[i]);
	collateral_done(c);
	free(c);
}

TESTS("tcb", .timeout = 60, .before = authority_make, .after = authority_drop)
