/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Of program and library; the Makefile reads it here. */
#define TCEPTION_VERSION "0.1"
