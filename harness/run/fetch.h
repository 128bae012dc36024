/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "run/http.h"

/*
 * Collateral for one platform, from Intel's PCS or a PCCS, into a folder that `tception quote
 * verify --collateral` reads. Each answer is kept as served, HTTP headers before body, in a file
 * that names kind, platform, evaluation and day: tcb-00806f050000-early-2026-01-27.http. What is
 * there for the day is not fetched again. An answer that is no collateral, is about something else
 * or lacks its issuer chain is never written. Verification itself never fetches.
 */
#define FETCH_INTEL_URL      "https://api.trustedservices.intel.com"
#define FETCH_INTEL_ROOT_CRL "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"

/* Which of the sets that Intel keeps side by side. */
enum fetch_update {
	FETCH_DEFAULT,  /* what the service gives who does not say */
	FETCH_STANDARD, /* update=standard */
	FETCH_EARLY,    /* update=early */
	FETCH_NUMBER,   /* tcbEvaluationDataNumber=`evaluation` */
	FETCH_ALL,      /* every one of tcbevaluationdatanumbers */
};

struct fetch_request {
	const char *dir; /* made when absent */
	/*
	 * The service, NULL for Intel's; http or https, with or without a slash at the end or the
	 * path below which a PCCS has its answers: https://localhost:8081/sgx/certification/v4/
	 */
	const char *url;
	const char *root_crl_url; /* NULL: Intel's own for Intel's, the PCCS's else */
	struct http_options http;
	bool platform_ca; /* PCK certificates of the platform CA, else of the processor CA */
	bool sgx;         /* collateral of SGX quotes */
	uint8_t fmspc[6];
	enum fetch_update update;
	uint32_t evaluation;
	bool force; /* fetch although there is a file of today */
	void (*said)(const char *line, void *userdata); /* one line a file, or NULL */
	void *userdata;
};

/* -ENOPKG when there is no libcurl; -EINVAL for a URL that can't be; errors of http_get(). */
int fetch_collateral(const struct fetch_request *request, struct err *e);
