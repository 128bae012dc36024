/* SPDX-License-Identifier: Apache-2.0 */
#include "td/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"

#define SOCKET    "socket"
#define NAMES_MAX 1000 /* td1 ... */
#define BACKLOG   16
/* A place is there a little before its keeper listens. */
#define CONNECT_TRIES 500
#define CONNECT_WAIT  20000 /* microseconds */

int place_check_name(const char *name, struct err *e)
{
	size_t n = strlen(name);

	if (n == 0 || n >= PLACE_NAME_MAX || name[0] == '-' || name[n - 1] == '-' ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		return err_set(e, -EINVAL,
		               "'%.40s' is no name for a TD: small letters, digits and '-', at "
		               "most %d",
		               name, PLACE_NAME_MAX - 1);
	return 0;
}

/* Everybody may write to /tmp: the folder there has to be ours. */
static int base_dir(char ret[static PATH_MAX], struct err *e)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char top[PATH_MAX];
	struct stat st;
	int r;

	if (runtime && runtime[0] == '/')
		r = path_format(top, e, "%s/tception", runtime);
	else
		r = path_format(top, e, "/tmp/tception-%u", (unsigned)getuid());
	if (r < 0)
		return r;
	if (mkdir(top, 0700) < 0 && errno != EEXIST)
		return err_sys(e, -errno, "%s", top);
	if (lstat(top, &st) < 0)
		return err_sys(e, -errno, "%s", top);
	if (!S_ISDIR(st.st_mode) || st.st_uid != getuid() || (st.st_mode & 022))
		return err_set(e, -EPERM, "%s: others may write there; set XDG_RUNTIME_DIR", top);
	r = path_join(ret, top, "td", e);
	if (r == 0 && mkdir(ret, 0700) < 0 && errno != EEXIST)
		r = err_sys(e, -errno, "%s", ret);
	return r;
}

/* ---- one folder ---- */

static void remove_dir(int base_fd, const char *name)
{
	int fd = openat(base_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		if (d->d_name[0] != '.')
			unlinkat(fd, d->d_name, 0);
	}
	if (dir)
		closedir(dir);
	unlinkat(base_fd, name, AT_REMOVEDIR);
}

/* Whether nobody holds its lock; then it is removed. */
static bool sweep(int base_fd, const char *name)
{
	_cleanup_(closep) int dir =
	        openat(base_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(closep) int lock = dir >= 0 ? openat(dir, PLACE_LOCK, O_RDWR | O_CLOEXEC) : -1;

	if (dir < 0)
		return true;
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) < 0)
		return false;
	remove_dir(base_fd, name);
	return true;
}

/* Made under another name, locked, and only then put where others look. */
static int make(int base_fd, const char *base, const char *name, struct place *ret, struct err *e)
{
	char temporary[80];
	int r;

	snprintf(temporary, sizeof(temporary), ".%s.%d", name, (int)getpid());
	if (mkdirat(base_fd, temporary, 0700) < 0)
		return err_sys(e, -errno, "%s/%s", base, temporary);
	ret->dir_fd = openat(base_fd, temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret->lock_fd = openat(ret->dir_fd, PLACE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	r = ret->lock_fd < 0 || flock(ret->lock_fd, LOCK_EX) < 0 ||
	                    renameat(base_fd, temporary, base_fd, name) < 0
	            ? -errno
	            : 0;
	if (r == 0)
		return path_join(ret->dir, base, name, e);
	place_done(ret);
	remove_dir(base_fd, temporary);
	if (r == -ENOTEMPTY || r == -EEXIST)
		return err_set(e, -EEXIST, "there is a TD of the name '%s' already", name);
	return err_sys(e, r, "%s/%s", base, name);
}

int place_make(const char *name, struct place *ret, struct err *e)
{
	struct place p = {.dir_fd = -1, .lock_fd = -1};
	_cleanup_(closep) int base_fd = -1;
	char base[PATH_MAX];
	int r = base_dir(base, e);

	if (r < 0)
		return r;
	base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base_fd < 0)
		return err_sys(e, -errno, "%s", base);
	r = -EEXIST;
	for (int i = 1; r == -EEXIST && i < (name ? 2 : NAMES_MAX); i++) {
		if (name)
			snprintf(p.name, sizeof(p.name), "%s", name);
		else
			snprintf(p.name, sizeof(p.name), "td%d", i);
		sweep(base_fd, p.name);
		r = make(base_fd, base, p.name, &p, e);
	}
	if (r == 0)
		*ret = p;
	return r;
}

struct names {
	char text[200];
};

static void add_name(const char *name, const char *dir, void *userdata)
{
	struct names *all = userdata;
	size_t n = strlen(all->text);

	(void)dir;
	snprintf(all->text + n, sizeof(all->text) - n, "%s%s", n ? ", " : "", name);
}

int place_find(const char *name, struct place *ret, struct err *e)
{
	struct place p = {.dir_fd = -1, .lock_fd = -1};
	_cleanup_(closep) int base_fd = -1;
	struct names all = {""};
	char base[PATH_MAX];
	int r = place_check_name(name, e);

	if (r < 0 || (r = base_dir(base, e)) < 0 || (r = path_join(p.dir, base, name, e)) < 0)
		return r;
	base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base_fd >= 0 && !sweep(base_fd, name))
		p.dir_fd = openat(base_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p.dir_fd < 0) {
		place_each(add_name, &all, NULL);
		return err_set(e, -ENOENT, "no TD of the name '%s' runs; %s%s", name,
		               all.text[0] ? "there are: " : "'tception td up' starts one",
		               all.text);
	}
	snprintf(p.name, sizeof(p.name), "%s", name);
	*ret = p;
	return 0;
}

int place_each(void (*each)(const char *name, const char *dir, void *userdata), void *userdata,
               struct err *e)
{
	char base[PATH_MAX], path[PATH_MAX];
	struct dirent *d;
	DIR *dir;
	int r = base_dir(base, e);

	if (r < 0)
		return r;
	if (!(dir = opendir(base)))
		return err_sys(e, -errno, "%s", base);
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.' || /* also those that are being made */
		    sweep(dirfd(dir), d->d_name) || path_join(path, base, d->d_name, NULL) < 0)
			continue;
		each(d->d_name, path, userdata);
	}
	closedir(dir);
	return 0;
}

void place_remove(const struct place *p)
{
	char base[PATH_MAX];

	if (path_join(base, p->dir, "..", NULL) < 0)
		return;
	_cleanup_(closep) int base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base_fd >= 0)
		remove_dir(base_fd, p->name);
}

void place_done(struct place *p)
{
	closep(&p->dir_fd);
	closep(&p->lock_fd);
	p->dir_fd = p->lock_fd = -1;
}

/* ---- its socket ---- */

static int open_socket(const struct place *p, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/" SOCKET,
	         p->dir_fd);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int place_listen(const struct place *p, struct err *e)
{
	struct sockaddr_un address;
	_cleanup_(closep) int fd = open_socket(p, &address);

	if (fd < 0 || fchmod(fd, 0600) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0)
		return err_sys(e, -errno, "%s/" SOCKET, p->dir);
	return TAKE_FD(fd);
}

int place_connect(const struct place *p, struct err *e)
{
	struct sockaddr_un address;
	_cleanup_(closep) int fd = open_socket(p, &address);
	unsigned tries = 0;

	if (fd < 0)
		return err_sys(e, -errno, "%s/" SOCKET, p->dir);
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno != ENOENT && errno != ECONNREFUSED)
			return err_sys(e, -errno, "%s/" SOCKET, p->dir);
		if (faccessat(p->dir_fd, PLACE_LOCK, F_OK, 0) < 0)
			return err_set(e, -ENOENT, "%s has ended", p->name);
		if (tries++ == CONNECT_TRIES)
			return err_set(e, -EAGAIN, "%s is being made or removed still: try again",
			               p->name);
		usleep(CONNECT_WAIT);
	}
	return TAKE_FD(fd);
}
