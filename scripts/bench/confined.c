/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to have a library read in a confined process: starting one against a bare fork, and
 * a file's bytes through it against hashing as many, which is what they are read for.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "bench.h"
#include "core/confine.h"
#include "core/file.h"
#include "format/sha2.h"

#define SIZE (16u << 20)

static int file_fd;
static uint8_t *bytes;

static int serve(void *userdata, struct confined *c, struct bytes request, struct err *e)
{
	uint8_t *part = confined_buffer(c);

	(void)userdata;
	for (off_t at = 0; at < SIZE && request.data[0]; at += CONFINED_PART) {
		if (pread(file_fd, part, CONFINED_PART, at) != CONFINED_PART)
			return err_set(e, -EIO, "pread");
		confined_write(c, part, CONFINED_PART);
	}
	return 0;
}

static int take(void *userdata, const void *data, size_t size, struct err *e)
{
	(void)data, (void)e;
	*(size_t *)userdata += size;
	return 0;
}

static void confined(bool read)
{
	const struct confined_spec spec = {
	        .what = "file", .serve = serve, .fd = file_fd, .memory = 64u << 20, .seconds = 10};
	const uint8_t request = read;
	struct confined *c;
	size_t got = 0;
	struct err e;

	MUST(confined_start(&spec, &c, &e) == 0);
	MUST(confined_ask(c, (struct bytes){&request, 1}, SIZE, take, &got, &e) == 0);
	MUST(got == (read ? SIZE : 0));
	confined_end(c);
}

static void confined_start_only(void)
{
	confined(false);
}

static void confined_whole(void)
{
	confined(true);
}

static void bare_fork(void)
{
	pid_t pid = fork();

	MUST(pid >= 0);
	if (pid == 0)
		_exit(0);
	MUST(waitpid(pid, NULL, 0) == pid);
}

static void hash(void)
{
	uint8_t digest[48];

	sha384(bytes, SIZE, digest);
}

int main(void)
{
	enum { START, FORK, WHOLE, HASH, KINDS };
	struct bench kinds[KINDS] = {
	        [START] = {"a confined process, from start to end", confined_start_only, 20},
	        [FORK] = {"a bare fork", bare_fork, 20},
	        [WHOLE] = {"16 MiB read through one", confined_whole, 1},
	        [HASH] = {"SHA-384 of as many bytes", hash, 1},
	};
	char name[] = "/tmp/bench-confined-XXXXXX";
	bool good;

	MUST((bytes = malloc(SIZE)) && (file_fd = mkstemp(name)) >= 0);
	unlink(name);
	memset(bytes, 0xa5, SIZE);
	MUST(file_write_fd(file_fd, bytes, SIZE) == 0);
	bench_run(kinds, KINDS);
	good = bench_ratio("a confined process / a bare fork", kinds[START].us, kinds[FORK].us, 3);
	good &= bench_ratio("16 MiB through a confined process / SHA-384 of as many bytes",
	                    kinds[WHOLE].us, kinds[HASH].us, 0.5);
	close(file_fd);
	free(bytes);
	return good ? 0 : 1;
}
