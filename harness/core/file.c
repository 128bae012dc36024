/* SPDX-License-Identifier: Apache-2.0 */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
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

#define PART (128u << 10) /* bytes read at once */

int file_each_part(const char *dir, const char *name,
                   int (*take)(void *userdata, const void *data, size_t size, struct err *e),
                   void *userdata, uint64_t *ret_size, struct err *e)
{
	_cleanup_(freep) uint8_t *part = malloc(PART);
	_cleanup_(closep) int fd = -1;
	char path[PATH_MAX];
	struct stat st;
	ssize_t n;
	int r = part ? path_join(path, dir, name, e) : err_nomem(e);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, -errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "%s: no regular file", path);
	*ret_size = 0;
	while ((n = read(fd, part, PART)) > 0) {
		*ret_size += (uint64_t)n;
		r = take(userdata, part, (size_t)n, e);
		if (r < 0)
			return r;
	}
	return n < 0 ? err_sys(e, -errno, "%s", path) : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

void file_remove_dir(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void file_state(const struct stat *st, char ret[static FILE_STATE_SIZE])
{
	snprintf(ret, FILE_STATE_SIZE, "%llu %llu %lld %lld.%ld %lld.%ld",
	         (unsigned long long)st->st_dev, (unsigned long long)st->st_ino,
	         (long long)st->st_size, (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
	         (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

int file_make_dirs(const char *dir, mode_t mode, struct err *e)
{
	char path[PATH_MAX];
	int r = path_format(path, e, "%s", dir);

	if (r < 0)
		return r;
	for (char *p = path; (p = strchr(p + 1, '/'));) {
		*p = 0;
		if (mkdir(path, 0777) < 0 && errno != EEXIST)
			return err_sys(e, -errno, "%s", path);
		*p = '/';
	}
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return err_sys(e, -errno, "%s", path);
	return 0;
}

/* ---- reading ---- */

void *bytes_room(size_t size)
{
	size_t large = (size_t)2 << 20, whole = (size + large - 1) / large * large;
	void *room;

	if (size < large || whole < size)
		return malloc(size);
	room = aligned_alloc(large, whole);
	if (room)
		madvise(room, whole, MADV_HUGEPAGE);
	return room;
}

/* To the end, wherever that turns out to be. `room`: bytes to begin with, more than none. */
static int read_all(int fd, const char *path, size_t room, size_t max, struct bytes *ret,
                    struct err *e)
{
	_cleanup_(freep) uint8_t *data = bytes_room(room + 1);
	size_t used = 0;
	ssize_t n;

	do {
		uint8_t *more = used < room ? data : realloc(data, (room *= 2) + 1);

		if (!more)
			return err_sys(e, -ENOMEM, "%s", path);
		data = more;
		n = read(fd, data + used, room - used);
		if (n < 0 && errno != EINTR)
			return err_sys(e, -errno, "%s", path);
		used += n > 0 ? (size_t)n : 0;
		if (used > max)
			return err_set(e, -EFBIG, "%s: more than %zu bytes", path, max);
	} while (n != 0);
	data[used] = 0;
	ret->data = TAKE_PTR(data);
	ret->size = used;
	return 0;
}

int file_read(const char *path, size_t max, struct bytes *ret, struct err *e)
{
	/* Not blocking: a FIFO without a writer must not hold us up. */
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, -errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "%s: not a regular file", path);
	if ((uint64_t)st.st_size > max)
		return err_set(e, -EFBIG, "%s: more than %zu bytes", path, max);
	return read_all(fd, path, (size_t)st.st_size + 1, max, ret, e);
}

int file_read_input(const char *path, size_t max, struct bytes *ret, struct err *e)
{
	_cleanup_(closep) int own = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (own < 0 && strcmp(path, "-") != 0)
		return err_sys(e, -errno, "%s", path);
	return read_all(own < 0 ? STDIN_FILENO : own, path, 16384, max, ret, e);
}

/* ---- writing ---- */

int file_write_fd(int fd, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, (const char *)data + done, size - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int file_append_fd(int fd, const void *data, size_t size)
{
	off_t end = lseek(fd, 0, SEEK_END);
	int r = end < 0 ? -errno : file_write_fd(fd, data, size);

	if (r < 0 && end >= 0 && ftruncate(fd, end) < 0)
		return -errno;
	return r;
}

/* Keeps the errno of the first write that failed, which stdio forgets. */
static ssize_t write_some(void *cookie, const char *data, size_t size)
{
	struct file_new *f = cookie;

	if (f->code == 0)
		f->code = file_write_fd(f->fd, data, size);
	return f->code == 0 ? (ssize_t)size : 0;
}

/* A device or a pipe is written as it is: nothing may take its place. */
static bool is_stream(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static void remove_temporary(const struct file_new *f)
{
	if (!f->in_place)
		unlink(f->temporary);
}

static int open_stream(struct file_new *f, struct err *e)
{
	f->code = 0;
	f->stream = fopencookie(f, "w", (cookie_io_functions_t){.write = write_some});
	if (f->stream)
		return 0;
	close(f->fd);
	remove_temporary(f);
	return err_sys(e, -ENOMEM, "%s", f->path);
}

int file_begin(struct file_new *f, const char *path, struct err *e)
{
	int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
	int r = path_format(f->path, e, "%s", path);

	f->in_place = is_stream(path);
	if (r == 0)
		r = path_format(f->temporary, e, f->in_place ? "%s" : "%s.new", path);
	if (r < 0)
		return r;
	f->fd = open(f->temporary, f->in_place ? flags : flags | O_NOFOLLOW, 0666);
	if (f->fd < 0)
		return err_sys(e, -errno, "%s", path);
	return open_stream(f, e);
}

int file_begin_output(struct file_new *f, struct err *e)
{
	int r;

	*f = (struct file_new){.fd = STDOUT_FILENO, .in_place = true, .path = "standard output"};
	r = open_stream(f, e);
	if (r == 0 && isatty(f->fd))
		setvbuf(f->stream, NULL, _IOLBF, BUFSIZ);
	return r;
}

int file_commit(struct file_new *f, struct err *e)
{
	int failed = fclose(TAKE_PTR(f->stream));
	int code = f->code < 0 ? f->code : failed ? -EIO : 0;

	if (close(f->fd) < 0 && code == 0)
		code = -errno;
	if (code == 0 && !f->in_place && rename(f->temporary, f->path) < 0)
		code = -errno;
	if (code == 0)
		return 0;
	remove_temporary(f);
	return err_sys(e, code, "%s", f->path);
}

void file_abandon(struct file_new *f)
{
	if (!f->stream)
		return;
	fclose(TAKE_PTR(f->stream));
	close(f->fd);
	remove_temporary(f);
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
