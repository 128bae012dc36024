/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_RUN_FETCH_H
#define TCEPTION_RUN_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"

/*
 * Collateral for one platform, from Intel's PCS or a PCCS, into a folder that `tception quote
 * verify
 * --collateral` reads. Each answer is kept as served, HTTP headers before body, in a file that
 * names kind, platform and day: tcb-00806f050000-2026-01-27.http. What is there for the day is not
 * fetched again. An answer that is no collateral is never written. Verification itself never
 * fetches.
 */
#define FETCH_INTEL_URL      "https://api.trustedservices.intel.com"
#define FETCH_INTEL_ROOT_CRL "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"

struct fetch_request {
	const char *dir;          /* made when absent */
	const char *url;          /* base of the service, NULL for Intel's; http or https */
	const char *root_crl_url; /* NULL: Intel's own for Intel's, the PCCS's else */
	const char *ca_file; /* PEM to check the server with (PCCS), or NULL for the system's */
	bool insecure;       /* do not check the server: what is signed is checked later anyway */
	bool platform_ca;    /* PCK certificates of the platform CA, else of the processor CA */
	uint8_t fmspc[6];
	bool force; /* fetch although there is a file of today */
	void (*said)(const char *line, void *userdata); /* one line a file, or NULL */
	void *userdata;
};

/* -ENOPKG when there is no libcurl; it is loaded when needed, so that nothing else waits for it. */
int fetch_collateral(const struct fetch_request *request, struct err *e);

#endif
