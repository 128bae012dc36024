/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that describes a machine: YAML, or XML through the confined process that has libxml2 read it.
 * What was read is written and read again.
 * Seeds: cases/golden/machine-file
 * Runs: 500000
 */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "measure/machine_file.h"

static int read_text(const void *data, size_t size, struct machine_file *ret)
{
	int fd = memfd_create("machine", MFD_CLOEXEC), r;
	char path[40];

	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = machine_file_read(path, ret, NULL);
	close(fd);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine_file m, again;
	char *text;

	if (read_text(data, size, &m) < 0)
		return 0;
	if (machine_file_write(m.argv.item, m.version, &text, NULL) == 0) {
		if (read_text(text, strlen(text), &again) == 0)
			machine_file_done(&again);
		free(text);
	}
	machine_file_done(&m);
	return 0;
}
