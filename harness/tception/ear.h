/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <time.h>

#include "tception/answer.h"

/*
 * An answer as the claims of an EAT Attestation Result (draft-ietf-rats-ear-04, an EAT of RFC 9711)
 * with AR4SI's trustworthiness vector; not signed. What is emulated stands in a submodule of
 * another name, is never genuine hardware and so never more than contraindicated.
 */
#define EAR_PROFILE "tag:ietf.org,2026:rats/ear#04"

/*
 * `issued`: now, whatever time the quote was judged for. `policy`: the name of the policy it was
 * judged by, or NULL. A new object; NULL without memory, or where answer.quote is NULL: there is
 * nothing that it could be a result of.
 */
json_t *answer_ear(const struct answer *a, const char *policy, time_t issued);
