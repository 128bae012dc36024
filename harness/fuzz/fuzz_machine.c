/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A QEMU command line, a word a line. Whatever it says, a place that is told is on the root bus, and
 * what is asked for twice is answered alike; a machine whose tables are known gets them.
 * Seeds: cases/golden/machine
 */
#include <errno.h>

#include "fuzz/fuzz.h"
#include "measure/machine.h"
#include "measure/tables/tables.h"

#define WORDS_MAX 200

static char *next_line(char **rest)
{
	return *rest ? strsep(rest, "\n") : NULL;
}

static void make_tables(char *const *argv)
{
	struct acpi_blobs blobs = {0};
	struct tables_spec spec;
	int r = tables_spec_from_argv(argv, "11.1.3", &spec, NULL);

	FUZZ_CHECK(r == 0 || r == -EINVAL || r == -ENOTSUP);
	if (r < 0)
		return;
	FUZZ_CHECK(tables_make(&spec, &blobs, NULL) == 0);
	acpi_blobs_free(&blobs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), *rest = text;
	char *argv[WORDS_MAX + 1] = {NULL};
	struct machine m = {0}, again = {0};
	size_t count = 0;
	int r;

	while (count < WORDS_MAX && (argv[count] = next_line(&rest)))
		count++;
	argv[count] = NULL;
	r = machine_from_argv(argv, &m, NULL);
	FUZZ_CHECK(r == 0 || r == -EINVAL);
	FUZZ_CHECK(m.place.device < 32 || !m.placed);
	FUZZ_CHECK(m.place.function < 8 || !m.placed);
	FUZZ_CHECK(machine_from_argv(argv, &again, NULL) == r);
	FUZZ_CHECK(again.memory == m.memory && again.placed == m.placed);
	machine_done(&m);
	machine_done(&again);
	make_tables(argv);
	free(text);
	return 0;
}
