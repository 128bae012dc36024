/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/cutoff.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/escape.h"
#include "format/bytes.h"
#include "judge/frames.h"

#define TRIAL_CUT (-2) /* of a system call, see guests/agent/README.md */

static bool by_deadline(const json_t *o)
{
	const char *step = member_text(o, "step");

	return (step && strcmp(step, "deadline") == 0) ||
	       member_integer(o, "errno", 0) == ETIMEDOUT;
}

static const char *name_of(const json_t *o, const char *member, char name[40])
{
	return text_escape(name, 40, member_text(o, member));
}

/* The first system call whose trial did not end. */
static bool trial_cut(const json_t *fact, char *out, size_t size)
{
	const json_t *calls = json_object_get(fact, "calls"), *call;
	char name[40];
	size_t i;

	json_array_foreach(calls, i, call)
	{
		if (member_integer(call, "reach", 0) != TRIAL_CUT &&
		    member_integer(call, "use", 0) != TRIAL_CUT)
			continue;
		snprintf(out, size, "the trial of system call '%s'", name_of(call, "call", name));
		return true;
	}
	return false;
}

/* The first row of a conformance report that did not end. */
static bool row_cut(const json_t *fact, char *out, size_t size)
{
	const json_t *rows = json_object_get(json_object_get(fact, "report"), "rows"), *row;
	char name[40];
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *state = member_text(row, "state");

		if (!state || strcmp(state, "timeout") != 0)
			continue;
		snprintf(out, size, "the conformance row '%s'", name_of(row, "name", name));
		return true;
	}
	return false;
}

bool cutoff_fact(const json_t *fact, char *out, size_t size)
{
	json_int_t signal = member_integer(fact, "signal", 0);
	const char *probe = member_text(fact, "probe");
	char name[40];

	if (by_deadline(fact)) {
		snprintf(out, size, "the probe '%s'", name_of(fact, "probe", name));
		return true;
	}
	if (probe && strcmp(probe, "modules") == 0 && signal) {
		snprintf(out, size, "the loading of the kernel's modules (by signal %lld)",
		         (long long)signal);
		return true;
	}
	if (probe && strcmp(probe, "syscalls") == 0)
		return trial_cut(fact, out, size);
	return row_cut(fact, out, size);
}

bool cutoff_attempt(const json_t *attempt, char *out, size_t size)
{
	char name[40], step[40];

	if (!by_deadline(attempt))
		return false;
	snprintf(out, size, "interface '%s' at step '%s'", name_of(attempt, "interface", name),
	         name_of(attempt, "step", step));
	return true;
}

bool cutoff_words(const char *words)
{
	/* Go's contexts and net package; strerror(ETIMEDOUT) and many a tool; systemd, lxc */
	static const char *const known[] = {"deadline exceeded", "timed out", "timeout",
	                                    "time out"};

	for (size_t i = 0; i < COUNT_OF(known); i++) {
		if (strcasestr(words, known[i]))
			return true;
	}
	return false;
}
