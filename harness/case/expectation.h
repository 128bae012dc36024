/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/reading.h"

/* A case's `expect`: `into` is its struct test_case. */
int expectation_read(const struct reading *r, const yaml_node_t *n, void *into);
