/* SPDX-License-Identifier: Apache-2.0 */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"

/* ---- paths ---- */

int path_format(char ret[static PATH_MAX], struct err *e, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (n < 0 || n >= (int)sizeof(path))
		return err_sys(e, -ENAMETOOLONG, "%.200s...", path);
	memcpy(ret, path, (size_t)n + 1);
	return 0;
}

int path_join(char ret[static PATH_MAX], const char *dir, const char *name, struct err *e)
{
	return path_format(ret, e, "%s/%s", dir, name);
}

int file_make_dirs(const char *dir, struct err *e)
{
	_cleanup_(freep) char *path = strdup(dir);

	if (!path)
		return err_nomem(e);
	for (char *p = path[0] ? path + 1 : path;; p++) {
		char c = *p;

		if (c != '/' && c != 0)
			continue;
		*p = 0;
		if (mkdir(path, 0777) < 0 && errno != EEXIST)
			return err_sys(e, -errno, "%s", path);
		*p = c;
		if (c == 0)
			return 0;
	}
}

/* ---- reading ---- */

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

int file_read(const char *path, size_t max, struct bytes *ret, struct err *e)
{
	/* Not blocking: a FIFO without a writer must not hold us up. */
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_(freep) uint8_t *data = NULL;
	struct stat st;
	size_t size;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, -errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "%s: not a regular file", path);
	if ((uint64_t)st.st_size > max)
		return err_set(e, -EFBIG, "%s: larger than %zu bytes", path, max);
	size = (size_t)st.st_size;
	data = malloc(size + 1);
	if (!data)
		return err_sys(e, -ENOMEM, "%s", path);
	r = read_all(fd, data, size);
	if (r < 0)
		return err_sys(e, r, "%s", path);
	data[size] = 0;
	ret->data = TAKE_PTR(data);
	ret->size = size;
	return 0;
}

/* ---- writing ---- */

/* Keeps the errno of the first write that failed, which stdio forgets. */
static ssize_t write_some(void *cookie, const char *data, size_t size)
{
	struct file_new *f = cookie;
	size_t done = 0;

	while (f->code == 0 && done < size) {
		ssize_t n = write(f->fd, data + done, size - done);

		if (n < 0 && errno != EINTR)
			f->code = -errno;
		else if (n > 0)
			done += (size_t)n;
	}
	return f->code == 0 ? (ssize_t)size : 0;
}

int file_begin(struct file_new *f, const char *path, struct err *e)
{
	int r = path_format(f->path, e, "%s", path);

	if (r == 0)
		r = path_format(f->temporary, e, "%s.new", path);
	if (r < 0)
		return r;
	f->code = 0;
	f->fd = open(f->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (f->fd < 0)
		return err_sys(e, -errno, "%s", path);
	f->stream = fopencookie(f, "w", (cookie_io_functions_t){.write = write_some});
	if (f->stream)
		return 0;
	close(f->fd);
	unlink(f->temporary);
	return err_sys(e, -ENOMEM, "%s", path);
}

int file_commit(struct file_new *f, struct err *e)
{
	int failed = fclose(TAKE_PTR(f->stream));
	int code = f->code < 0 ? f->code : failed ? -EIO : 0;

	if (close(f->fd) < 0 && code == 0)
		code = -errno;
	if (code == 0 && rename(f->temporary, f->path) < 0)
		code = -errno;
	if (code == 0)
		return 0;
	unlink(f->temporary);
	return err_sys(e, code, "%s", f->path);
}

void file_abandon(struct file_new *f)
{
	if (!f->stream)
		return;
	fclose(TAKE_PTR(f->stream));
	close(f->fd);
	unlink(f->temporary);
}

int file_write(const char *path, const void *data, size_t size, struct err *e)
{
	_cleanup_(file_abandon) struct file_new f = {0};
	int r = file_begin(&f, path, e);

	if (r < 0)
		return r;
	fwrite(data, 1, size, f.stream);
	return file_commit(&f, e);
}
