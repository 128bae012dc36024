/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "core/json.h"
#include "format/tdx.h"
#include "format/text.h"
#include "trust/authority.h"

/* The collateral of emulated quotes: what Intel's PCS would serve, signed by the test authority. */

#define VALID_SECONDS (30 * 24 * 60 * 60) /* as Intel's */
#define TCB_DATE      "2026-01-01T00:00:00Z"
#define EXPIRED_SINCE (2 * VALID_SECONDS) /* of that profile: when it was issued */

static json_t *hex_padded(const char *label, size_t size)
{
	uint8_t bytes[64] = {0};

	memcpy(bytes, label, strlen(label));
	return json_hex(bytes, size);
}

static json_t *isv_levels(int isvsvn)
{
	return json_pack("[{s{si}, ss, ss}]", "tcb", "isvsvn", isvsvn, "tcbDate", TCB_DATE,
	                 "tcbStatus", "UpToDate");
}

static json_t *components(const uint8_t svn[16], int more)
{
	json_t *list = json_array();

	for (size_t i = 0; i < 16; i++)
		json_array_append_new(list, json_pack("{si}", "svn", svn[i] + more));
	return list;
}

#define ADVISORY "EMULATED-SA-00001" /* like INTEL-SA-..., and no advisory of theirs */

const char *const authority_profile_names[PROFILE_COUNT] = {
        [PROFILE_UP_TO_DATE] = "UpToDate",
        [PROFILE_SW_HARDENING_NEEDED] = "SWHardeningNeeded",
        [PROFILE_CONFIGURATION_NEEDED] = "ConfigurationNeeded",
        [PROFILE_CONFIGURATION_AND_SW_HARDENING_NEEDED] = "ConfigurationAndSWHardeningNeeded",
        [PROFILE_OUT_OF_DATE] = "OutOfDate",
        [PROFILE_OUT_OF_DATE_CONFIGURATION_NEEDED] = "OutOfDateConfigurationNeeded",
        [PROFILE_REVOKED] = "Revoked",
        [PROFILE_PCK_REVOKED] = "PCKRevoked",
        [PROFILE_EXPIRED] = "Expired",
        [PROFILE_TD_RELAUNCH_ADVISED] = "TDRelaunchAdvised",
};

void authority_set_profile(struct authority *a, enum authority_profile profile)
{
	a->profile = profile;
}

enum authority_profile authority_profile(const struct authority *a)
{
	return a->profile;
}

/* What a profile's TCB info lists, highest first. */
#define PROFILE_LEVELS_MAX 2
struct profile_level {
	uint8_t more; /* so much higher than the platform in every component and the PCESVN */
	const char *status;
	const char *advisory; /* or NULL */
};

/* What is out of date or revoked has something newer above it. */
static size_t profile_levels(enum authority_profile p, struct profile_level ret[PROFILE_LEVELS_MAX])
{
	size_t n = 0;

	switch (p) {
	case PROFILE_UP_TO_DATE:
	case PROFILE_PCK_REVOKED:
	case PROFILE_EXPIRED:
	case PROFILE_TD_RELAUNCH_ADVISED: /* the module is what is old */
	case PROFILE_COUNT:
		ret[n++] = (struct profile_level){.status = "UpToDate"};
		return n;
	case PROFILE_OUT_OF_DATE:
	case PROFILE_OUT_OF_DATE_CONFIGURATION_NEEDED:
	case PROFILE_REVOKED:
		ret[n++] = (struct profile_level){.more = 1, .status = "UpToDate"};
		break;
	case PROFILE_SW_HARDENING_NEEDED:
	case PROFILE_CONFIGURATION_NEEDED:
	case PROFILE_CONFIGURATION_AND_SW_HARDENING_NEEDED:
		break;
	}
	ret[n++] =
	        (struct profile_level){.status = authority_profile_names[p], .advisory = ADVISORY};
	return n;
}

/* Of the platform, and of newer ones where the profile has them. */
static json_t *platform_levels(enum authority_profile profile)
{
	static const uint8_t zero[16];
	const struct pck *p = &authority_platform;
	struct profile_level level[PROFILE_LEVELS_MAX];
	size_t levels = profile_levels(profile, level);
	json_t *list = json_array();

	for (size_t i = 0; i < levels; i++) {
		int more = level[i].more;
		json_t *o = json_pack("{s{so, si, so}, ss, ss}", "tcb", "sgxtcbcomponents",
		                      components(p->component, more), "pcesvn", p->pcesvn + more,
		                      "tdxtcbcomponents", components(zero, 0), "tcbDate", TCB_DATE,
		                      "tcbStatus", level[i].status);

		if (level[i].advisory)
			json_object_set_new(o, "advisoryIDs", json_pack("[s]", level[i].advisory));
		json_array_append_new(list, o);
	}
	return list;
}

/* Of the module: the TD was started by SVN 0; where it is to be started anew, 1 runs by now. */
static json_t *module_levels(enum authority_profile profile)
{
	json_t *list;

	if (profile != PROFILE_TD_RELAUNCH_ADVISED)
		return isv_levels(0);
	list = isv_levels(1);
	json_array_append_new(list, json_pack("{s{si}, ss, ss}", "tcb", "isvsvn", 0, "tcbDate",
	                                      TCB_DATE, "tcbStatus", "OutOfDate"));
	return list;
}

/* The emulated platform and module are all there is. */
static json_t *tcb_info(const struct authority *a, time_t at)
{
	static const uint8_t zero[16];
	const struct pck *p = &authority_platform;

	return json_pack(
	        "{ss, si, so, so, so, so, si, si, s{so, so, so}, s[{ss, so, so, so, so}], so}",   //
	        "id", "TDX", "version", 3, "issueDate", json_date(at),                                 //
	        "nextUpdate", json_date(at + VALID_SECONDS), "fmspc", json_hex(p->fmspc, sizeof(p->fmspc)), //
	        "pceId", json_hex(p->pceid, sizeof(p->pceid)), "tcbType", 0,                           //
	        "tcbEvaluationDataNumber", AUTHORITY_EVALUATION,                                  //
	        "tdxModule", "mrsigner", hex_padded(TDX_EMULATED_MRSIGNERSEAM, 48),               //
	        "attributes", json_hex(zero, 8), "attributesMask", json_string("FFFFFFFFFFFFFFFF"),    //
	        "tdxModuleIdentities", "id", "TDX_01",                                            //
	        "mrsigner", hex_padded(TDX_EMULATED_MRSIGNERSEAM, 48), "attributes",
	        json_hex(zero, 8), //
	        "attributesMask", json_string("FFFFFFFFFFFFFFFF"), "tcbLevels",
	        module_levels(a->profile), "tcbLevels", platform_levels(a->profile));
}

static json_t *qe_identity(time_t at)
{
	static const uint8_t zero[16];

	return json_pack(
	        "{ss, si, so, so, si, so, ss, ss, ss, so, si, so}", "id", "TD_QE", "version", 2, //
	        "issueDate", json_date(at), "nextUpdate", json_date(at + VALID_SECONDS),                   //
	        "tcbEvaluationDataNumber", AUTHORITY_EVALUATION, "miscselect", json_hex(zero, 4),     //
	        "miscselectMask", "FFFFFFFF", "attributes", "11000000000000000000000000000000",  //
	        "attributesMask", "FBFFFFFFFFFFFFFF0000000000000000",                            //
	        "mrsigner", hex_padded(AUTHORITY_QE_MRSIGNER, 32),                               //
	        "isvprodid", AUTHORITY_QE_PRODUCT, "tcbLevels", isv_levels(AUTHORITY_QE_SVN));
}

static bool set_dates(X509_CRL *crl, time_t at)
{
	ASN1_TIME *from = ASN1_TIME_set(NULL, at), *to = ASN1_TIME_set(NULL, at + VALID_SECONDS);
	bool ok = from && to && X509_CRL_set1_lastUpdate(crl, from) == 1 &&
	          X509_CRL_set1_nextUpdate(crl, to) == 1;

	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	return ok;
}

static bool list_revoked(X509_CRL *crl, const X509 *cert)
{
	_cleanup_(X509_REVOKED_freep) X509_REVOKED *entry = X509_REVOKED_new();

	if (!entry ||
	    X509_REVOKED_set_serialNumber(entry, (ASN1_INTEGER *)X509_get0_serialNumber(cert)) !=
	            1 ||
	    X509_REVOKED_set_revocationDate(entry, (ASN1_TIME *)X509_CRL_get0_lastUpdate(crl)) !=
	            1 ||
	    X509_CRL_add0_revoked(crl, entry) != 1)
		return false;
	entry = NULL;
	return true;
}

/* What RFC 5280 (5.2.1, 5.2.3) wants of every CRL, and parsers too; the number grows with time. */
static bool add_crl_extensions(X509_CRL *crl, X509 *issuer, time_t at)
{
	_cleanup_(X509_EXTENSION_freep) X509_EXTENSION *key = NULL;
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	X509V3_CTX ctx;
	bool ok;

	X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
	key = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
	ok = key && X509_CRL_add_ext(crl, key, -1) == 1 && number &&
	     ASN1_INTEGER_set_int64(number, at) == 1 &&
	     X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1;
	ASN1_INTEGER_free(number);
	return ok;
}

static json_t *make_crl(const struct identity *issuer, time_t at, const X509 *revoked)
{
	_cleanup_(X509_CRL_freep) X509_CRL *crl = X509_CRL_new();
	_cleanup_(OPENSSL_freep) unsigned char *der = NULL;
	_cleanup_(freep) char *text = NULL;
	int size;

	if (!crl || X509_CRL_set_version(crl, X509_CRL_VERSION_2) != 1 ||
	    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert)) != 1 ||
	    !set_dates(crl, at) || (revoked && !list_revoked(crl, revoked)) ||
	    !add_crl_extensions(crl, issuer->cert, at) || X509_CRL_sort(crl) != 1 ||
	    X509_CRL_sign(crl, issuer->key, EVP_sha256()) <= 0 ||
	    (size = i2d_X509_CRL(crl, &der)) <= 0 ||
	    !(text = malloc(HEX_ENCODED_SIZE((size_t)size))))
		return NULL;
	hex_encode(der, (size_t)size, text);
	return json_string(text);
}

/* Takes `value` over. The caller frees *ret_text. */
static int sign_json(const struct authority *a, json_t *value, char **ret_text,
                     uint8_t signature[ECDSA_RAW_SIZE], struct err *e)
{
	_cleanup_(freep) char *text = json_dumps(value, JSON_COMPACT);
	int r;

	json_decref(value);
	if (!text)
		return err_nomem(e);
	r = ecdsa_sign(a->id[ROLE_SIGNING].key, text, strlen(text), signature, e);
	if (r == 0)
		*ret_text = TAKE_PTR(text);
	return r;
}

static int add_signed(json_t *bundle, const struct authority *a, const char *key, json_t *value,
                      struct err *e)
{
	_cleanup_(freep) char *text = NULL;
	uint8_t signature[ECDSA_RAW_SIZE];
	char name[64];
	int r = sign_json(a, value, &text, signature, e);

	if (r < 0)
		return r;
	json_object_set_new(bundle, key, json_string(text));
	snprintf(name, sizeof(name), "%s_signature", key);
	json_object_set_new(bundle, name, json_hex(signature, sizeof(signature)));
	snprintf(name, sizeof(name), "%s_issuer_chain", key);
	json_object_set_new(bundle, name, json_string(a->signing_pem));
	return 0;
}

int authority_bundle_of(const struct authority *a, const struct bundle_contents *c, char **ret,
                        struct err *e)
{
	json_auto_t *bundle = json_object();
	char *text;
	int r;

	if ((r = add_signed(bundle, a, "tcb_info", c->tcb_info ?: tcb_info(a, c->at), e)) < 0 ||
	    (r = add_signed(bundle, a, "qe_identity", c->qe_identity ?: qe_identity(c->at), e)) < 0)
		return r;
	json_object_set_new(bundle, "root_ca_crl", make_crl(&a->id[ROLE_ROOT], c->at, c->revoked));
	json_object_set_new(bundle, "pck_crl", make_crl(&a->id[ROLE_PCK_CA], c->at, c->revoked));
	json_object_set_new(bundle, "pck_crl_issuer_chain", json_string(a->pck_ca_pem));
	text = json_dumps(bundle, JSON_INDENT(1));
	if (json_object_size(bundle) != 9 || !text) {
		free(text);
		return ssl_err(e, -EIO, "cannot make the test authority's collateral");
	}
	*ret = text;
	return 0;
}

int authority_bundle(const struct authority *a, time_t at, char **ret, struct err *e)
{
	struct bundle_contents c = {.at = at};

	if (a->profile == PROFILE_EXPIRED)
		c.at -= EXPIRED_SINCE;
	if (a->profile == PROFILE_PCK_REVOKED)
		c.revoked = a->id[ROLE_PCK].cert;
	return authority_bundle_of(a, &c, ret, e);
}

int authority_evaluations(const struct authority *a, time_t at, char **ret, struct err *e)
{
	json_t *numbers =
	        json_pack("{ss, si, so, so, s[{si, ss, ss}]}", "id", "TDX", "version", 1,
	                  "issueDate", json_date(at), "nextUpdate", json_date(at + VALID_SECONDS),
	                  "tcbEvalNumbers", "tcbEvaluationDataNumber", AUTHORITY_EVALUATION,
	                  "tcbRecoveryEventDate", TCB_DATE, "tcbDate", TCB_DATE);
	char signature_hex[HEX_ENCODED_SIZE(ECDSA_RAW_SIZE)];
	_cleanup_(freep) char *text = NULL;
	uint8_t signature[ECDSA_RAW_SIZE];
	int r = sign_json(a, numbers, &text, signature, e);

	if (r < 0)
		return r;
	hex_encode(signature, sizeof(signature), signature_hex);
	if (asprintf(ret, "{\"tcbEvaluationDataNumbers\":%s,\"signature\":\"%s\"}", text,
	             signature_hex) < 0)
		return err_nomem(e);
	return 0;
}
