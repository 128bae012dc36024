/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

/*
 * Columns of the terminal that standard output is: by COLUMNS, else by what the terminal says. 0 where it is none:
 * then lines are as long as they are, for whoever reads them next. Nothing here is ever coloured, with or without
 * NO_COLOR.
 */
unsigned terminal_columns(void);

/*
 * Prints text from column `at` on, and a line's end. Of a terminal's lines the last word that still fits is the
 * last; further lines begin at `at`. `columns` 0: one line.
 */
void terminal_wrap(FILE *out, const char *text, unsigned at, unsigned columns);
