/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/argv.h"
#include "td/td.h"

/* QEMU's options beyond those of every boot: a network, somebody's own root. Pure. */
void td_qemu_options(const struct td_spec *s, struct argv *ret);
