/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Libraries loaded where they are first used. libcurl, libxml2 and libarchive bring some fifty
 * others along, which every verb would wait for at its start although few need them.
 *
 *	#define ZIP(X, api) X(api, zip_open) X(api, zip_close)
 *	struct zip_api { ZIP(LIBRARY_MEMBER, struct zip_api) };
 *	static const struct library_symbol symbols[] = {ZIP(LIBRARY_SYMBOL, struct zip_api)};
 */
#pragma once

#include <stddef.h>

#include "core/err.h"

struct library_symbol {
	const char *name;
	size_t at; /* of the pointer to it, bytes into the caller's struct */
};

/* A member named as the function it points to. */
#define LIBRARY_MEMBER(api, function) __typeof__(&function) function;
#define LIBRARY_SYMBOL(api, function) {#function, offsetof(api, function)},

struct library {
	const char *package;  /* what to install if it is missing */
	const char *names[3]; /* sonames, the first that is found counts; the last is NULL */
	const struct library_symbol *symbols;
	size_t symbols_count;
};

/* Fills in `api` with the functions of `symbols`. The library stays loaded. Returns 0, or -ENOPKG
 * with what is missing. */
int library_load(const struct library *want, void *api, struct err *e);
