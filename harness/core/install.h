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

/*
 * The path of a file that may be lost, in $XDG_CACHE_HOME/tception or ~/.cache/tception, which is made.
 * -ENXIO where neither is to be had; a HOME that is not there is not made.
 */
int install_cache_path(char ret[static PATH_MAX], const char *name, struct err *e);
