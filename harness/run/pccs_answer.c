// SPDX-License-Identifier: Apache-2.0
#include "run/pccs_answer.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "format/bytes.h"
#include "format/text.h"

#define JSON_TYPE "application/json"
#define CRL_TYPE  "application/pkix-crl"
#define HEX_TYPE  "application/x-pem-file" /* what the PCCS calls hexadecimal */

void pccs_answer_done(struct pccs_answer *a)
{
	free(a->chain);
	free(a->body);
	*a = (struct pccs_answer){0};
}

/* ---- pieces ---- */

static int set_body(struct pccs_answer *a, unsigned status, const char *type, const char *text,
                    struct err *e)
{
	a->status = status;
	a->type = type;
	if (!text || !(a->body = (uint8_t *)strdup(text)))
		return err_nomem(e);
	a->size = strlen(text);
	return 0;
}

static int refuse(struct pccs_answer *a, unsigned status, struct err *e)
{
	return set_body(a, status, "text/plain",
	                status == 404 ? "No cache data for this platform."
	                              : "Invalid request parameters.",
	                e);
}

/* PEM as a header holds it: everything but letters, digits and "-._~" as %XX. */
static char *url_encode(const char *text)
{
	char *out = malloc(3 * strlen(text) + 1), *p = out;

	for (; out && *text; text++) {
		if (isalnum((unsigned char)*text) || strchr("-._~", *text))
			*p++ = *text;
		else
			p += sprintf(p, "%%%02X", (unsigned char)*text);
	}
	if (out)
		*p = '\0';
	return out;
}

static int set_chain(struct pccs_answer *a, const char *name, const char *pem, struct err *e)
{
	a->chain_name = name;
	return pem && (a->chain = url_encode(pem)) ? 0 : err_nomem(e);
}

/* ---- what there is ---- */

struct asked {
	const struct pccs_query *q;
	json_t *bundle;
	const char *numbers; /* tcbevaluationdatanumbers as served */
};

static const char *text(const struct asked *a, const char *key)
{
	return json_string_value(json_object_get(a->bundle, key));
}

static const char *parameter(const struct asked *a, const char *key)
{
	return a->q->get(a->q->context, key);
}

static unsigned check_update(const struct asked *a)
{
	const char *update = parameter(a, "update");
	const char *number = parameter(a, "tcbEvaluationDataNumber");

	if ((update && number) ||
	    (update && strcasecmp(update, "early") != 0 && strcasecmp(update, "standard") != 0) ||
	    (number && (!*number || number[strspn(number, "0123456789")])))
		return 400;
	return number && strtoul(number, NULL, 10) != AUTHORITY_EVALUATION ? 404 : 0;
}

static unsigned check_tcb(const struct asked *a)
{
	const char *fmspc = parameter(a, "fmspc");
	uint8_t bytes[6];
	size_t n;

	if (!fmspc || strlen(fmspc) != 12 || hex_decode(fmspc, 12, bytes, &n) != FORMAT_OK)
		return 400;
	return memcmp(bytes, authority_fmspc(), sizeof(bytes)) == 0 ? check_update(a) : 404;
}

static unsigned check_ca(const struct asked *a)
{
	const char *ca = parameter(a, "ca");

	return ca && (strcasecmp(ca, "platform") == 0 || strcasecmp(ca, "processor") == 0) ? 0
	                                                                                   : 400;
}

static unsigned check_nothing(const struct asked *a)
{
	(void)a;
	return 0;
}

static int answer_signed(const struct asked *a, const char *key, const char *name,
                         const char *chain_name, struct pccs_answer *ret, struct err *e)
{
	_cleanup_(freep) char *body = NULL;
	char signature[64], chain[64];
	int r;

	snprintf(signature, sizeof(signature), "%s_signature", key);
	snprintf(chain, sizeof(chain), "%s_issuer_chain", key);
	if (asprintf(&body, "{\"%s\":%s,\"signature\":\"%s\"}", name, text(a, key),
	             text(a, signature)) < 0)
		return err_nomem(e);
	r = set_body(ret, 200, JSON_TYPE, body, e);
	return r < 0 ? r : set_chain(ret, chain_name, text(a, chain), e);
}

static int answer_tcb(const struct asked *a, struct pccs_answer *ret, struct err *e)
{
	return answer_signed(a, "tcb_info", "tcbInfo", "TCB-Info-Issuer-Chain", ret, e);
}

static int answer_identity(const struct asked *a, struct pccs_answer *ret, struct err *e)
{
	return answer_signed(a, "qe_identity", "enclaveIdentity",
	                     "SGX-Enclave-Identity-Issuer-Chain", ret, e);
}

static int answer_pck_crl(const struct asked *a, struct pccs_answer *ret, struct err *e)
{
	const char *encoding = parameter(a, "encoding"), *hex = text(a, "pck_crl");
	int r;

	if ((r = set_body(ret, 200, HEX_TYPE, hex, e)) < 0 ||
	    (r = set_chain(ret, "SGX-PCK-CRL-Issuer-Chain", text(a, "pck_crl_issuer_chain"), e)) <
	            0)
		return r;
	if (encoding && strcasecmp(encoding, "der") == 0) {
		hex_decode(hex, strlen(hex), ret->body, &ret->size);
		ret->type = CRL_TYPE;
	}
	return 0;
}

static int answer_root_crl(const struct asked *a, struct pccs_answer *ret, struct err *e)
{
	return set_body(ret, 200, CRL_TYPE, text(a, "root_ca_crl"), e);
}

static int answer_numbers(const struct asked *a, struct pccs_answer *ret, struct err *e)
{
	int r = set_body(ret, 200, JSON_TYPE, a->numbers, e);

	return r < 0 ? r
	             : set_chain(ret, "TCB-Evaluation-Data-Numbers-Issuer-Chain",
	                         text(a, "tcb_info_issuer_chain"), e);
}

/* `check` gives 0, or the status that says why not, before anything is signed. */
static const struct route {
	const char *path;
	unsigned (*check)(const struct asked *a);
	int (*answer)(const struct asked *a, struct pccs_answer *ret, struct err *e);
} routes[] = {
        {"/tdx/certification/v4/tcb", check_tcb, answer_tcb},
        {"/tdx/certification/v4/qe/identity", check_update, answer_identity},
        {"/tdx/certification/v4/tcbevaluationdatanumbers", check_nothing, answer_numbers},
        {"/sgx/certification/v4/pckcrl", check_ca, answer_pck_crl},
        {"/sgx/certification/v4/rootcacrl", check_nothing, answer_root_crl},
};

static const struct route *find_route(const char *path)
{
	size_t length = strlen(path);

	if (length && path[length - 1] == '/')
		length--;
	for (size_t i = 0; i < COUNT_OF(routes); i++) {
		if (strlen(routes[i].path) == length && strncmp(routes[i].path, path, length) == 0)
			return &routes[i];
	}
	return NULL;
}

int pccs_answer(const struct authority *authority, time_t at, const struct pccs_query *q,
                struct pccs_answer *ret, struct err *e)
{
	const struct route *route = find_route(q->path);
	_cleanup_(pccs_answer_done) struct pccs_answer answer = {0};
	_cleanup_(freep) char *bundle = NULL;
	_cleanup_(freep) char *numbers = NULL;
	struct asked asked = {.q = q};
	unsigned refused = route ? route->check(&asked) : 404;
	int r;

	if (refused) {
		r = refuse(&answer, refused, e);
	} else if ((r = authority_bundle(authority, at, &bundle, e)) == 0 &&
	           (r = authority_evaluations(authority, at, &numbers, e)) == 0) {
		asked.numbers = numbers;
		asked.bundle = json_loads(bundle, 0, NULL);
		r = asked.bundle ? route->answer(&asked, &answer, e) : err_nomem(e);
		json_decref(asked.bundle);
	}
	if (r == 0)
		*ret = TAKE(answer, (struct pccs_answer){0});
	return r;
}
