/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* Lines on the module's own debug console. %s text, %x a uint64_t in hexadecimal; nothing else. */
void log_line(const char *fmt, ...);

/* Says why, with the CPU's state, and ends QEMU (isa-debug-exit). */
void stop(const char *reason) __attribute__((noreturn));
