// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "trust/collateral_add.h"
#include "trust/form.h"

/* JSON with collateral in it: as Intel's PCS serves it, bundles, what Intel's tools write. */

/* NULL unless it is a text without NUL; those at its end are cut: PEM out of quotes has them. */
static const char *text_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	const char *text = json_string_value(v);

	for (size_t i = text ? strlen(text) : 0; i < json_string_length(v); i++) {
		if (text[i])
			return NULL;
	}
	return text;
}

/* In hexadecimal or base64, or as numbers. */
static int signature_of(const json_t *o, const char *key, uint8_t out[ECDSA_RAW_SIZE],
                        struct err *e)
{
	_cleanup_(form_done) struct form_bytes bytes = {0};
	int r = form_json(json_object_get(o, key), &bytes);

	if (r == -ENOMEM)
		return err_nomem(e);
	if (r < 0 || bytes.size != ECDSA_RAW_SIZE)
		return err_set(e, -EBADMSG, "%s is not 64 bytes in hexadecimal", key);
	memcpy(out, bytes.data, ECDSA_RAW_SIZE);
	return 0;
}

/* `key`: of the JSON, its signature, its issuer chain. */
static int add_bundle_json(struct collateral *c, const json_t *o, const char *const key[3],
                           enum signed_kind kind, struct err *e)
{
	const char *raw = text_of(o, key[0]), *chain = text_of(o, key[2]);
	struct bytes pem = {(const uint8_t *)chain, chain ? strlen(chain) : 0};
	uint8_t signature[ECDSA_RAW_SIZE];
	int r;

	if (!raw || !chain)
		return err_set(e, -EBADMSG, "bundle: %s or its issuer chain is missing", key[0]);
	if ((r = signature_of(o, key[1], signature, e)) < 0)
		return err_prefix(e, "bundle");
	r = collateral_add_signed(c, kind, raw, strlen(raw), signature, &pem, e);
	return r < 0 ? err_prefix(e, "bundle: %s", key[0]) : 0;
}

/* PEM, or the DER in hexadecimal, in base64, as numbers; absent, null or "" when left to others. */
static int add_json_crl(struct collateral *c, const json_t *o, const char *key,
                        const struct bytes *issuer, struct err *e)
{
	_cleanup_(form_done) struct form_bytes der = {0};
	const json_t *value = json_object_get(o, key);
	const char *text = text_of(o, key);
	int r;

	if (!value || json_is_null(value) || (text && !*text))
		return 0;
	if (text && strstr(text, "-----BEGIN"))
		r = collateral_add_pem(c, text, strlen(text), e);
	else if ((r = form_json(value, &der)) == 0)
		r = collateral_add_crl(c, der.data, der.size, issuer, e);
	else
		r = err_set(e, r, "no CRL in PEM, hexadecimal or base64");
	return r < 0 ? err_prefix(e, "%s", key) : 0;
}

/* The quote's own certificates, for those who fetched them with the rest. */
static int add_bundle_pck(struct collateral *c, const json_t *o, struct err *e)
{
	static const char key[] = "pck_certificate_chain";
	const json_t *value = json_object_get(o, key);
	const char *text = text_of(o, key);
	int r;

	if (!value || json_is_null(value))
		return 0;
	r = text ? collateral_add_pem(c, text, strlen(text), e) : err_set(e, -EBADMSG, "no text");
	return r < 0 ? err_prefix(e, "bundle: %s", key) : 0;
}

static int add_bundle(struct collateral *c, const json_t *o, struct err *e)
{
	static const char *const tcb[] = {"tcb_info", "tcb_info_signature",
	                                  "tcb_info_issuer_chain"};
	static const char *const qe[] = {"qe_identity", "qe_identity_signature",
	                                 "qe_identity_issuer_chain"};
	const char *issuer = text_of(o, "pck_crl_issuer_chain");
	struct bytes pem = {(const uint8_t *)issuer, issuer ? strlen(issuer) : 0};
	int r;

	if ((r = add_bundle_json(c, o, tcb, SIGNED_TCB_INFO, e)) < 0 ||
	    (r = add_bundle_json(c, o, qe, SIGNED_QE_IDENTITY, e)) < 0 ||
	    (r = add_bundle_pck(c, o, e)) < 0)
		return r;
	if ((r = add_json_crl(c, o, "root_ca_crl", NULL, e)) < 0 ||
	    (r = add_json_crl(c, o, "pck_crl", issuer ? &pem : NULL, e)) < 0)
		return err_prefix(e, "bundle");
	return 0;
}

/* What Intel's PCS serves: {"tcbInfo": {...}, "signature": "..."}, or with "enclaveIdentity". */
static int add_pcs(struct collateral *c, const json_t *o, const char *text, size_t size,
                   const struct bytes *chain, struct err *e)
{
	bool tcb = json_object_get(o, "tcbInfo") != NULL;
	uint8_t signature[ECDSA_RAW_SIZE];
	size_t raw_size;
	const char *raw = jsonx_raw(text, size, tcb ? "tcbInfo" : "enclaveIdentity", &raw_size);
	int r;

	if (!raw)
		return err_set(e, -EBADMSG, "JSON that is no collateral");
	if ((r = signature_of(o, "signature", signature, e)) < 0)
		return r;
	return collateral_add_signed(c, tcb ? SIGNED_TCB_INFO : SIGNED_QE_IDENTITY, raw, raw_size,
	                             signature, chain, e);
}

/* ---- platform_collaterals.json, as Intel's PCCS administration tool fetches it ---- */

/* An issuer chain of the object `certificates`, where it stands as the header had it; or NULL. */
static char *tool_chain(const json_t *all, const char *name)
{
	const char *text = text_of(json_object_get(all, "certificates"), name);
	char *chain = text && *text ? strdup(text) : NULL;

	if (chain && !collateral_url_decode(chain))
		free(TAKE_PTR(chain));
	return chain;
}

/*
 * Signed JSON that was put into the file as a text, or as JSON: then spaces were put between its
 * parts, which the signature does not cover. Absent or "": nothing.
 */
static int tool_signed(struct collateral *c, const json_t *value, const char *chain, struct err *e)
{
	struct bytes pem = {(const uint8_t *)chain, chain ? strlen(chain) : 0};
	_cleanup_(freep) char *text = NULL;
	json_auto_t *served = NULL;

	if (!value || (json_is_string(value) && !json_string_length(value)))
		return 0;
	text = json_is_string(value) ? strdup(json_string_value(value))
	                             : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!text)
		return err_nomem(e);
	served = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	if (!json_is_object(served))
		return err_set(e, -EBADMSG, "malformed JSON");
	return add_pcs(c, served, text, strlen(text), chain ? &pem : NULL, e);
}

static int tool_tcb_infos(struct collateral *c, const json_t *all, struct err *e)
{
	_cleanup_(freep) char *chain = tool_chain(all, "TCB-Info-Issuer-Chain")
	                                       ?: tool_chain(all, "SGX-TCB-Info-Issuer-Chain");
	const json_t *entry, *value;
	const char *key;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(all, "tcbinfos"), i, entry)
	{
		json_object_foreach((json_t *)entry, key, value)
		{
			if (r == 0 && json_is_object(value) &&
			    (r = tool_signed(c, value, chain, e)) < 0)
				err_prefix(e, "tcbinfos[%zu]", i);
		}
	}
	return r;
}

static int tool_identities(struct collateral *c, const json_t *all, struct err *e)
{
	static const char *const keys[] = {"qeidentity", "tdqeidentity", "qeidentity_early",
	                                   "tdqeidentity_early"};
	_cleanup_(freep) char *chain = tool_chain(all, "SGX-Enclave-Identity-Issuer-Chain");
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT_OF(keys); i++) {
		if ((r = tool_signed(c, json_object_get(all, keys[i]), chain, e)) < 0)
			err_prefix(e, "%s", keys[i]);
	}
	return r;
}

/* A certificate or chain as a header has it. */
static int tool_pem(struct collateral *c, const json_t *value, struct err *e)
{
	_cleanup_(freep) char *pem =
	        json_is_string(value) ? strdup(json_string_value(value)) : NULL;

	if (!pem || !collateral_url_decode(pem))
		return err_set(e, -EBADMSG, "a certificate that is no PEM text");
	return collateral_add_pem(c, pem, strlen(pem), e);
}

static int tool_pck(struct collateral *c, const json_t *all, struct err *e)
{
	const json_t *chains = json_object_get(json_object_get(all, "certificates"),
	                                       "SGX-PCK-Certificate-Issuer-Chain");
	const json_t *platform, *entry;
	const char *key;
	size_t i, k;
	int r = 0;

	json_object_foreach((json_t *)chains, key, entry)
	{
		r = r ?: tool_pem(c, entry, e);
	}
	json_array_foreach(json_object_get(all, "pck_certs"), i, platform)
	{
		json_array_foreach(json_object_get(platform, "certs"), k, entry)
		{
			r = r ?: tool_pem(c, json_object_get(entry, "cert"), e);
		}
	}
	return r < 0 ? err_prefix(e, "PCK certificates") : 0;
}

static int add_tool(struct collateral *c, const json_t *all, struct err *e)
{
	const json_t *crls = json_object_get(all, "pckcacrl");
	size_t before = c->items + c->crls + c->pooled;
	int r;

	if ((r = tool_tcb_infos(c, all, e)) < 0 || (r = tool_identities(c, all, e)) < 0 ||
	    (r = tool_pck(c, all, e)) < 0 ||
	    (r = add_json_crl(c, crls, "processorCrl", NULL, e)) < 0 ||
	    (r = add_json_crl(c, crls, "platformCrl", NULL, e)) < 0 ||
	    (r = add_json_crl(c, all, "rootcacrl", NULL, e)) < 0)
		return err_prefix(e, "collaterals");
	if (before == c->items + c->crls + c->pooled)
		return err_set(e, -EBADMSG, "collaterals: nothing that could be used");
	return 0;
}

int collateral_add_json(struct collateral *c, const char *text, size_t size,
                        const struct bytes *chain, struct err *e)
{
	json_auto_t *o = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

	if (!json_is_object(o))
		return err_set(e, -EBADMSG, "malformed JSON");
	if (json_object_get(o, "tcb_info"))
		return add_bundle(c, o, e);
	if (json_is_object(json_object_get(o, "collaterals")))
		return add_tool(c, json_object_get(o, "collaterals"), e);
	return add_pcs(c, o, text, size, chain, e);
}
