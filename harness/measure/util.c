/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"

int measure_bad(struct err *e, const struct reader *r, const char *what)
{
	return err_set(e, -EBADMSG, "%s: %s at byte %" PRIu64, what, format_code_name(r->code),
	               r->fail_at);
}

static int read_all(int fd, uint8_t *data, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = read(fd, data + used, size - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO; /* it shrank under our hands */
		used += (size_t)n;
	}
	return 0;
}

int measure_read_file(const char *path, size_t max, struct bytes *ret, struct err *e)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_(freep) uint8_t *data = NULL;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, -errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "%s: not a regular file", path);
	if ((uint64_t)st.st_size > max)
		return err_set(e, -EFBIG, "%s: larger than %zu bytes", path, max);
	data = malloc((size_t)st.st_size + 1); /* never 0 bytes: data must not be NULL */
	if (!data)
		return err_sys(e, -ENOMEM, "%s", path);
	r = read_all(fd, data, (size_t)st.st_size);
	if (r < 0)
		return err_sys(e, r, "%s", path);
	ret->data = TAKE_PTR(data);
	ret->size = (size_t)st.st_size;
	return 0;
}
