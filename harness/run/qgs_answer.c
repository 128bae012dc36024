// SPDX-License-Identifier: Apache-2.0
#include "run/qgs_answer.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "format/qgs.h"

static uint32_t refusal(enum format_code code)
{
	if (code == FORMAT_BAD_VERSION)
		return QGS_ERROR_INVALID_VERSION;
	return code == FORMAT_BAD_VALUE ? QGS_ERROR_INVALID_CODE : QGS_ERROR_INVALID_SIZE;
}

/* ---- collateral ---- */

static bool is_ca(const struct bytes *ca, const char *name)
{
	size_t length = strnlen((const char *)ca->data, ca->size);

	return ca->size - length <= 1 && length == strlen(name) &&
	       strncasecmp((const char *)ca->data, name, length) == 0;
}

/* What is asked for: QGS_OK for what this install has. */
static uint32_t check_collateral(const uint8_t *request, size_t size)
{
	struct qgs_collateral_request q;
	enum format_code code = qgs_collateral_request_parse(request, size, &q, NULL);

	if (code != FORMAT_OK)
		return refusal(code);
	if (q.fmspc.size != 6 || memcmp(q.fmspc.data, authority_fmspc(), 6) != 0 ||
	    (!is_ca(&q.ca, "platform") && !is_ca(&q.ca, "processor")))
		return QGS_ERROR_UNEXPECTED; /* as Intel's, whose provider finds nothing */
	return QGS_OK;
}

static const char *text(const json_t *bundle, const char *key)
{
	return json_string_value(json_object_get(bundle, key));
}

/* The JSON as Intel's PCS serves it; the caller frees. */
static char *served(const json_t *bundle, const char *key, const char *name)
{
	char signature[64], *out;

	snprintf(signature, sizeof(signature), "%s_signature", key);
	if (asprintf(&out, "{\"%s\":%s,\"signature\":\"%s\"}", name, text(bundle, key),
	             text(bundle, signature)) < 0)
		return NULL;
	return out;
}

static int write_collateral(const json_t *bundle, uint8_t **ret, size_t *ret_size)
{
	_cleanup_(freep) char *tcb = served(bundle, "tcb_info", "tcbInfo");
	_cleanup_(freep) char *qe = served(bundle, "qe_identity", "enclaveIdentity");
	const char *const texts[QGS_COLLATERAL_PARTS] = {
	        [QGS_PCK_CRL_CHAIN] = text(bundle, "pck_crl_issuer_chain"),
	        [QGS_ROOT_CRL] = text(bundle, "root_ca_crl"),
	        [QGS_PCK_CRL] = text(bundle, "pck_crl"),
	        [QGS_TCB_INFO_CHAIN] = text(bundle, "tcb_info_issuer_chain"),
	        [QGS_TCB_INFO] = tcb,
	        [QGS_QE_IDENTITY_CHAIN] = text(bundle, "qe_identity_issuer_chain"),
	        [QGS_QE_IDENTITY] = qe,
	};
	struct bytes part[QGS_COLLATERAL_PARTS];

	for (int i = 0; i < QGS_COLLATERAL_PARTS; i++) {
		if (!texts[i])
			return -ENOMEM;
		part[i] = (struct bytes){(const uint8_t *)texts[i], strlen(texts[i]) + 1};
	}
	*ret_size = qgs_collateral_response_write(QGS_OK, part, NULL, 0);
	if (!(*ret = malloc(*ret_size)))
		return -ENOMEM;
	qgs_collateral_response_write(QGS_OK, part, *ret, *ret_size);
	return 0;
}

int qgs_answer_collateral(const struct authority *a, time_t at, bool broken, const uint8_t *request,
                          size_t size, uint8_t **ret, size_t *ret_size)
{
	uint32_t error = broken ? QGS_ERROR_UNEXPECTED : check_collateral(request, size);
	_cleanup_(freep) char *text = NULL;
	json_auto_t *bundle = NULL;
	struct err e;

	if (error == QGS_OK && authority_bundle(a, at, &text, &e) < 0)
		error = QGS_ERROR_UNEXPECTED;
	if (error != QGS_OK) {
		*ret_size = qgs_collateral_response_write(error, NULL, NULL, 0);
		if (!(*ret = malloc(*ret_size)))
			return -ENOMEM;
		qgs_collateral_response_write(error, NULL, *ret, *ret_size);
		return 0;
	}
	bundle = json_loads(text, 0, NULL);
	return bundle ? write_collateral(bundle, ret, ret_size) : -ENOMEM;
}

/* ---- platform ---- */

int qgs_answer_platform(const struct authority *a, bool broken, const uint8_t *request, size_t size,
                        uint8_t **ret, size_t *ret_size)
{
	enum format_code code = qgs_platform_request_parse(request, size, NULL);
	uint32_t error = code != FORMAT_OK ? refusal(code) : broken ? QGS_ERROR_UNEXPECTED : QGS_OK;
	struct authority_platform_info info;
	struct qgs_platform platform;

	authority_platform_info(a, &info);
	platform = (struct qgs_platform){.tdqe_svn = info.qe_svn, .pce_svn = info.pce_svn};
	memcpy(platform.id, info.qe_id, sizeof(platform.id));
	memcpy(platform.cpusvn, info.cpusvn, sizeof(platform.cpusvn));
	*ret_size = qgs_platform_response_write(error, &platform, NULL, 0);
	if (!(*ret = malloc(*ret_size)))
		return -ENOMEM;
	qgs_platform_response_write(error, &platform, *ret, *ret_size);
	return 0;
}
