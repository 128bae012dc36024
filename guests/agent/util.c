/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "format/text.h"

void util_freep(void *p)
{
	free(*(void **)p);
}

void util_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

void util_json_decrefp(json_t **object)
{
	json_decref(*object);
}

double util_now_fine_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int64_t util_now_ms(void)
{
	return (int64_t)util_now_fine_ms();
}

int64_t util_now_us(void)
{
	return (int64_t)(util_now_fine_ms() * 1e3);
}

int64_t util_uptime_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void util_sleep_ms(int ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&t, NULL);
}

/* Size is not asked of the file: sysfs, procfs and configfs say 0 or 4096 whatever they hold. */
int util_read_file(const char *path, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_(util_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(util_freep) char *data = NULL;
	size_t size = 0, room = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		if (size == room) {
			room = room ? room * 2 : 4096;
			char *grown = realloc(data, room + 1);
			if (!grown)
				return -ENOMEM;
			data = grown;
		}
		ssize_t n = read(fd, data + size, room - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
		if (size > max)
			return -EFBIG;
	}
	data[size] = 0;
	*ret = data;
	data = NULL;
	if (ret_size)
		*ret_size = size;
	return 0;
}

char *util_read_line(const char *path)
{
	char *text = NULL;
	size_t size = 0;

	if (util_read_file(path, 64 << 10, &text, &size) < 0)
		return NULL;
	while (size && strchr(" \t\r\n", text[size - 1])) /* also ends at an embedded NUL */
		text[--size] = 0;
	return text;
}

int util_open_raw(const char *path)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios t;

	if (fd < 0)
		return -errno;
	if (tcgetattr(fd, &t) == 0) {
		cfmakeraw(&t);
		tcsetattr(fd, TCSAFLUSH, &t);
	}
	return fd;
}

int util_kernel_option(const char *name, char *ret, size_t size)
{
	_cleanup_(util_freep) char *line = util_read_line("/proc/cmdline");
	char *rest = line;

	for (char *word; rest && (word = strsep(&rest, " "));) {
		size_t n = strlen(name);
		if (strncmp(word, name, n) != 0 || strlen(word + n) >= size)
			continue;
		memcpy(ret, word + n, strlen(word + n) + 1);
		return 0;
	}
	return -ENOENT;
}

static int write_once(int fd, const void *data, size_t size)
{
	ssize_t n;

	do
		n = write(fd, data, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

int util_write_file(const char *path, const void *data, size_t size)
{
	_cleanup_(util_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : write_once(fd, data, size);
}

int util_create_file(const char *path, const void *data, size_t size, unsigned mode)
{
	_cleanup_(util_closep) int fd =
	        open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);

	return fd < 0 ? -errno : util_write_all(fd, data, size);
}

int util_copy_file(const char *from, const char *to, unsigned mode)
{
	_cleanup_(util_closep) int in = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_(util_closep) int out = -1;
	ssize_t n;

	if (in < 0)
		return -errno;
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
	if (out < 0)
		return -errno;
	while ((n = sendfile(out, in, NULL, 1 << 20)) > 0)
		;
	return n < 0 ? -errno : 0;
}

int util_mkdirs(const char *path, unsigned mode)
{
	_cleanup_(util_freep) char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	for (char *p = copy + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(copy, (mode_t)mode) < 0 && errno != EEXIST ? -errno : 0;
}

int util_write_all(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t n = write(fd, p, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

void util_json_set_errno(json_t *object, int error)
{
	int number = error < 0 ? -error : error;
	const char *name = number ? strerrorname_np(number) : NULL;

	json_object_set_new(object, "errno", number ? json_integer(number) : json_null());
	json_object_set_new(object, "errname", name ? json_string(name) : json_null());
}

/* Bytes of the UTF-8 sequence at p (RFC 3629), 0 when it is none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if (n == 0 || n > left || p[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

json_t *util_json_text(const char *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	_cleanup_(util_freep) char *out = malloc(size * 4 + 1);
	const unsigned char *p = (const unsigned char *)data;
	size_t used = 0;

	if (!out)
		return NULL;
	for (size_t i = 0; i < size;) {
		size_t n = utf8_length(p + i, size - i);
		if (n == 0 || (p[i] < 0x20 && p[i] != '\n' && p[i] != '\t') || p[i] == 0x7f) {
			out[used++] = '\\';
			out[used++] = 'x';
			out[used++] = digits[p[i] >> 4];
			out[used++] = digits[p[i] & 15];
			i++;
			continue;
		}
		memcpy(out + used, p + i, n);
		used += n;
		i += n;
	}
	return json_stringn(out, used);
}

json_t *util_json_base64(const void *data, size_t size)
{
	_cleanup_(util_freep) char *text = malloc(BASE64_ENCODED_SIZE(size));

	if (!text)
		return NULL;
	base64_encode(data, size, text);
	return json_string(text);
}

const char *util_json_string(const json_t *object, const char *name, const char *fallback)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : fallback;
}

void util_log(const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	dprintf(STDERR_FILENO, "tception: %s\n", line);
}

int util_find_device(const char *dir, const char *attribute, const char *wanted, char *ret,
                     size_t size)
{
	DIR *devices = opendir(dir);
	struct dirent *d;
	int r = -ENODEV;

	while (devices && r < 0 && (d = readdir(devices))) {
		char path[300];
		snprintf(path, sizeof(path), "%s/%s/%s", dir, d->d_name, attribute);
		_cleanup_(util_freep) char *value = util_read_line(path);
		if (value && strcmp(value, wanted) == 0) {
			snprintf(ret, size, "/dev/%s", d->d_name);
			r = 0;
		}
	}
	if (devices)
		closedir(devices);
	return r;
}
