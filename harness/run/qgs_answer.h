/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <time.h>

#include "trust/trust.h"

/*
 * The quoting service's answers that need no report (format/qgs.h): to GET_COLLATERAL with the test
 * authority's collateral, issued at `at`, for its own FMSPC (six bytes, and the name of either PCK
 * CA); to GET_PLATFORM_INFO with what the quoting enclave says. Any other request of these types
 * gets an error in an answer of its own type. *ret is a message without its length; the caller
 * frees it. `broken` answers both with QGS_ERROR_UNEXPECTED. -ENOMEM.
 */
int qgs_answer_collateral(const struct authority *a, time_t at, bool broken, const uint8_t *request,
                          size_t size, uint8_t **ret, size_t *ret_size);
int qgs_answer_platform(const struct authority *a, bool broken, const uint8_t *request, size_t size,
                        uint8_t **ret, size_t *ret_size);
