/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_TD_QEMU_H
#define TCEPTION_TD_QEMU_H

#include "core/argv.h"
#include "td/td.h"

/* QEMU's options beyond those of every boot: a network, somebody's own root. Pure. */
void td_qemu_options(const struct td_spec *s, struct argv *ret);

#endif
