/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "record/bundle.h"

/* A bundle that is being written to a folder. */
struct unpacking {
	const char *dir;
	int file; /* of the member, or -1 */
	char name[BUNDLE_NAME_MAX];
};

/* The folder is new and ours, and the name one that a run's folder has. */
static int begin(void *userdata, const struct bundle_member *m, struct err *e)
{
	struct unpacking *u = userdata;
	char path[PATH_MAX], *slash;
	int r = path_join(path, u->dir, m->name, e);

	if (r < 0)
		return r;
	closep(&u->file);
	memcpy(u->name, m->name, sizeof(u->name));
	slash = strrchr(path, '/');
	*slash = '\0';
	r = file_make_dirs(path, 0700, e);
	*slash = '/';
	u->file =
	        r < 0 ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return r < 0 ? r : u->file < 0 ? err_sys(e, -errno, "%s", path) : 0;
}

static int take(void *userdata, const void *data, size_t size, struct err *e)
{
	struct unpacking *u = userdata;
	int r = file_write_fd(u->file, data, size);

	return r < 0 ? err_sys(e, r, "%s/%s", u->dir, u->name) : 0;
}

static int unpack(int fd, const char *dir, struct err *e)
{
	struct unpacking u = {.dir = dir, .file = -1};
	const struct bundle_sink sink = {begin, take, &u};
	int r = bundle_read(fd, &sink, e);

	closep(&u.file);
	return r;
}

/* Messages about the folder's files are about the bundle's. */
static void say_operand(const char *dir, const char *operand, struct err *e)
{
	size_t n = strlen(dir);
	struct err said = *e;

	if (strncmp(said.text, dir, n) == 0)
		err_set(e, said.code, "%.200s%s", operand, said.text + n);
	else
		err_prefix(e, "%.200s", operand);
}

static int with_folder(int fd, const char *operand,
                       int (*load)(const char *dir, void *userdata, struct err *e), void *userdata,
                       struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	char dir[PATH_MAX];
	int r = path_join(dir, tmp && tmp[0] ? tmp : "/tmp", "tception-bundle-XXXXXX", e);

	if (r < 0)
		return r;
	if (!mkdtemp(dir))
		return err_sys(e, -errno, "%s, to unpack %.200s (TMPDIR says where)", dir, operand);
	r = unpack(fd, dir, e);
	if (r == 0)
		r = load(dir, userdata, e);
	if (r < 0)
		say_operand(dir, operand, e);
	file_remove_dir(dir);
	return r;
}

bool bundle_is(const char *operand)
{
	struct stat st;

	return stat(operand, &st) == 0 && S_ISREG(st.st_mode);
}

int bundle_with(const char *operand, int (*load)(const char *dir, void *userdata, struct err *e),
                void *userdata, struct err *e)
{
	_cleanup_(closep) int fd = -1;
	sigset_t ends, before;
	int r;

	if (!bundle_is(operand))
		return load(operand, userdata, e);
	fd = open(operand, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, -errno, "%s", operand);
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, &before);
	r = with_folder(fd, operand, load, userdata, e);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}
