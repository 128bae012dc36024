/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/bytes.h"
#include "run/engines.h"
#include "test/scratch.h"
#include "test/tests.h"

/* SHA-256 of "abc", FIPS 180-4's own example. */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static char image[60], manifest[60];

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

static void set_up(void)
{
	scratch_make();
	snprintf(image, sizeof(image), "%s/root.squashfs", scratch);
	snprintf(manifest, sizeof(manifest), "%s/engines.manifest", scratch);
	put(image, "abc");
}

static struct engines check_them(const char *text)
{
	struct engines seen;
	struct err e = {0};

	put(manifest, text);
	ck_assert_msg(engines_check(image, &seen, &e) == 0, "%s", e.text);
	return seen;
}

TEST(as_packaged)
{
	struct engines seen = check_them("root " ABC
	                                 "\n"
	                                 "program " ABC
	                                 " /usr/bin/podman\n"
	                                 "package podman 5.4.2 same\npackage crun 1.21 same\n");

	ck_assert(seen.same);
	ck_assert_ptr_nonnull(strstr(seen.text, "2 packages"));
}

TEST(a_changed_program)
{
	struct engines seen = check_them("root " ABC
	                                 "\npackage crun 1.21 same\n"
	                                 "package podman 5.4.2 changed /usr/bin/podman\n");

	ck_assert(!seen.same);
	ck_assert_str_eq(seen.text, "/usr/bin/podman is not as in Debian's podman 5.4.2");
}

TEST(a_changed_image)
{
	const char *good = "root " ABC "\npackage podman 5.4.2 same\n";
	struct engines seen;

	ck_assert(check_them(good).same);
	put(image, "abd");
	seen = check_them(good);
	ck_assert(!seen.same);
	ck_assert_ptr_nonnull(strstr(seen.text, "ba7816bf8f01cfea..."));
}

static const char *const no_manifests[] = {
        "",
        "root " ABC "\n",
        "package podman 5.4.2 same\n",
        "root abc\npackage podman 5.4.2 same\n",
        "root " ABC "\npackage podman 5.4.2 good\n",
        "root " ABC "\npackage podman 5.4.2 changed\n",
        "root " ABC "\npackage podman\n",
        "<html>\n",
};

TEST_EACH(no_manifest, no_manifests)
{
	struct engines seen = {.text = "untouched"};
	struct err e = {0};

	put(manifest, no_manifests[_i]);
	ck_assert_int_eq(engines_check(image, &seen, &e), -EINVAL);
	ck_assert_str_eq(seen.text, "untouched");
	unlink(manifest);
	ck_assert_int_eq(engines_check(image, &seen, &e), -ENOENT);
}

TESTS("engines", .setup = set_up, .teardown = scratch_remove)
