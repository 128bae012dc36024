/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "core/err.h"

/*
 * Where the files are that the program needs beside itself, absolute: PREFIX/lib/tception of a
 * program that `make install` put into PREFIX/bin (*ret_installed), else the program's own folder,
 * where `make` leaves them.
 */
int install_dir(char ret[static PATH_MAX], bool *ret_installed, struct err *e);
