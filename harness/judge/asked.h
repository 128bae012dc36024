/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "case/cell.h"
#include "format/identity.h"

/* The name of the first of what the VMM was to set of this `td` that is otherwise, or NULL. */
const char *identity_not_as_asked(const struct identity *of, const struct layer *td);
