/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_CORE_VERSION_H
#define TCEPTION_CORE_VERSION_H

/* Of program and library; the Makefile reads it here. */
#define TCEPTION_VERSION "0.1"

#endif
