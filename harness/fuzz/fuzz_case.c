/* SPDX-License-Identifier: Apache-2.0 */
/* A case file, with matrices: each cell that comes of it can be named again, and says nothing out of range. */
#include <sys/mman.h>
#include <unistd.h>

#include "case/case.h"
#include "fuzz/fuzz.h"

static void check(const struct test_case *c)
{
	char id[CELL_ID_MAX];
	struct cell again;

	fuzz_printable(c->id, sizeof(c->id));
	FUZZ_CHECK(cell_parse(c->id, &again, NULL) == 0);
	cell_print(&again, again.layers, id);
	FUZZ_CHECK(strcmp(id, c->id) == 0);
	FUZZ_CHECK(c->expect.grade >= -1 && c->expect.grade <= GRADE_COVERED);
	FUZZ_CHECK(c->expect.kvm >= -1 && c->expect.kvm <= KVM_WORKS);
	FUZZ_CHECK(c->expect.rung >= -1 && c->expect.rung < RUNG_COUNT);
	FUZZ_CHECK(c->deadline_s >= 0);
	FUZZ_CHECK(!c->xfail == !c->xfail_until);
	case_has_tag(c, "s*");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("cases", MFD_CLOEXEC);
	struct case_file f;
	struct err e;
	char path[40];

	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (case_file_load(path, &f, &e) == 0) {
		for (size_t i = 0; i < f.count; i++)
			check(&f.item[i]);
		case_file_done(&f);
	}
	close(fd);
	return 0;
}
