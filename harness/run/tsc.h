/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * The frequency in kHz of the time-stamp counter that QEMU's TCG gives its guests, which is the
 * host's own; measured against the host's clock in about 50 ms, twice, until two agree. 0 where it
 * is not known: on another architecture, or when they do not agree.
 */
uint32_t host_tsc_khz(void);
