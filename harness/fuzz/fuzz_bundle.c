/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/mman.h>
#include <unistd.h>

#include "format/sha2.h"
#include "fuzz/fuzz.h"
#include "record/bundle.h"

/* A run's bundle, the whole way through the confined process that has libarchive read it: each input
 * starts one. Whatever gets through is what the statement says, by a count and a hash of our own.
 * Seeds: cases/golden/bundle
 * Runs: 500000 */
struct seen {
	size_t members;
	struct bundle_member now;
	struct sha256 hash;
	uint64_t size;
};

static void check_last(const struct seen *s)
{
	struct sha256 h = s->hash;
	uint8_t digest[SHA256_SIZE];

	sha256_final(&h, digest);
	FUZZ_CHECK(s->members == 0 ||
	           (s->size == s->now.size && memcmp(digest, s->now.sha256, SHA256_SIZE) == 0));
}

static int begin(void *userdata, const struct bundle_member *m, struct err *e)
{
	struct seen *s = userdata;

	(void)e;
	check_last(s);
	FUZZ_CHECK(bundle_name_is_good(m->name) && !strstr(m->name, "..") && m->name[0] != '/');
	FUZZ_CHECK(s->members == 0 || strcmp(s->now.name, m->name) < 0);
	s->now = *m;
	s->members++;
	s->size = 0;
	sha256_init(&s->hash);
	return 0;
}

static int take(void *userdata, const void *data, size_t size, struct err *e)
{
	struct seen *s = userdata;

	(void)e;
	sha256_update(&s->hash, data, size);
	s->size += size;
	FUZZ_CHECK(s->size <= s->now.size);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = {0};
	const struct bundle_sink sink = {begin, take, &seen};
	int fd = memfd_create("bundle", MFD_CLOEXEC);
	struct err e = {0};

	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	if (bundle_read(fd, &sink, &e) == 0)
		check_last(&seen);
	else
		fuzz_printable(e.text, sizeof(e.text));
	close(fd);
	return 0;
}
