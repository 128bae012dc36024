/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AF_ALG hashing. Containers are commonly refused it by seccomp, and newer kernels restrict it, so
 * it is a thing to probe: nothing depends on it. A bare socket and bind come first, because
 * libkcapi hides which of the two was refused.
 */
#include <errno.h>
#include <kcapi.h>
#include <linux/if_alg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/probe.h"
#include "agent/util.h"

static int try_socket(const char **step)
{
	struct sockaddr_alg sa = {
	        .salg_family = AF_ALG, .salg_type = "hash", .salg_name = "sha384"};
	_cleanup_(util_closep) int fd = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	*step = "socket";
	if (fd < 0)
		return -errno;
	*step = "bind";
	return bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : 0;
}

static int try_digest(const char **step, uint8_t digest[SHA384_SIZE], const void *text, size_t size)
{
	struct kcapi_handle *handle = NULL;

	*step = "init";
	int r = kcapi_md_init(&handle, "sha384", 0);
	if (r < 0)
		return r;
	*step = "digest";
	ssize_t n = kcapi_md_digest(handle, text, size, digest, SHA384_SIZE);
	kcapi_md_destroy(handle);
	if (n < 0)
		return (int)n;
	return n == SHA384_SIZE ? 0 : -EIO;
}

json_t *probe_af_alg(void *unused)
{
	static const char text[] = "tception: the same text hashed by the kernel and by us";
	_cleanup_(util_freep) char *restricted = util_read_line("/proc/sys/crypto/af_alg_restrict");
	uint8_t theirs[SHA384_SIZE] = {0}, ours[SHA384_SIZE];
	const char *step;
	bool equal = false;

	(void)unused;
	kcapi_set_verbosity(KCAPI_LOG_NONE);
	int r = try_socket(&step);
	if (r == 0)
		r = try_digest(&step, theirs, text, sizeof(text));
	if (r == 0) {
		sha384(text, sizeof(text), ours);
		equal = memcmp(ours, theirs, SHA384_SIZE) == 0;
		step = "compare";
	}
	json_t *fact = json_pack("{s:b,s:s,s:b,s:o}", "ok", r == 0 && equal, "step", step,
	                         "digest_ok", equal, "restrict",
	                         restricted ? json_integer(atoi(restricted)) : json_null());
	util_json_set_errno(fact, r);
	return fact;
}
