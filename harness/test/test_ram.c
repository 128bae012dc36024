/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "run/ram.h"
#include "test/tests.h"

#define HUGE_PAGE (2u << 20)
#define SIZE      (8u * HUGE_PAGE)

/* By other means: whether a tmpfs can be mounted so, and has such pages then. */
static bool have_huge_pages(void)
{
	_cleanup_(bytes_free) struct bytes said = {0};

	return file_read("/sys/kernel/mm/transparent_hugepage/shmem_enabled", 4096, &said, NULL) == 0 &&
	       !memmem(said.data, said.size, "[deny]", 6) &&
	       system("unshare --user --map-root-user --mount mount -t tmpfs -o huge=always none /tmp "
	              "2>/dev/null") == 0;
}

TEST(ram)
{
	struct stat st;
	struct err e;
	uint8_t *at;
	int fd = -1;

	ck_assert_msg(ram_file(SIZE, &fd, &e) == 0, "%s", e.text);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_size, SIZE);
	ck_assert_uint_eq(st.st_nlink, 0);
	at = mmap(NULL, 2 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ck_assert_ptr_ne(at, MAP_FAILED);
	at = mmap(at + (-(uintptr_t)at & (HUGE_PAGE - 1)), SIZE, PROT_READ | PROT_WRITE,
	          MAP_SHARED | MAP_FIXED, fd, 0);
	ck_assert_ptr_ne(at, MAP_FAILED);
	madvise(at, SIZE, MADV_HUGEPAGE); /* as QEMU does */
	ck_assert_uint_eq(at[SIZE - 1], 0);
	at[0] = 1;
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_le(st.st_blocks * 512, SIZE); /* nothing but what was touched */
	if (have_huge_pages())
		ck_assert_uint_eq(st.st_blocks * 512 % HUGE_PAGE, 0);
	munmap(at, SIZE);
	close(fd);
}

TESTS("ram")
