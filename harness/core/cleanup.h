/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Scope-bound ownership for hosted code: `_cleanup_(freep) char *s = NULL;`.
 * A handler is called with the address of the variable, at the end of its scope.
 */
#define _cleanup_(handler) __attribute__((cleanup(handler)))

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

/* Hands the value over and leaves `none` behind, so that the cleanup handler finds nothing. */
#define TAKE(variable, none)                              \
	({                                                \
		__typeof__(variable) taken_ = (variable); \
		(variable) = (none);                      \
		taken_;                                   \
	})
#define TAKE_PTR(p) TAKE(p, NULL)
#define TAKE_FD(fd) TAKE(fd, -1)
