/* SPDX-License-Identifier: Apache-2.0 */
#include "td/share.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "format/reader.h"
#include "td/sharefs.h"

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE /* headers of Linux 6.1 */
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

/* Descriptors of the process that serves. */
enum { ROOT = 3, PORT = 4 };

int share_parse(const char *text, struct share *ret, struct err *e)
{
	_cleanup_(freep) char *host = strdup(text), *guest = NULL;
	struct share s = {0};
	size_t n = strlen(text);
	struct stat st;
	char *split;

	if (!host)
		return err_nomem(e);
	if (n > 3 && strcmp(host + n - 3, ":ro") == 0) {
		s.read_only = true;
		host[n - 3] = 0;
	}
	split = strrchr(host, ':');
	if (split && split != host && split[1] == '/') {
		*split = 0;
		guest = strdup(split + 1);
	} else {
		guest = strdup(SHARE_GUEST);
	}
	if (!guest)
		return err_nomem(e);
	if (!guest[1] || strstr(guest, "/."))
		return err_set(e, -EINVAL, "--share %s: %s is no place for a folder in a TD", text,
		               guest);
	s.host = realpath(host, NULL);
	if (!s.host)
		return err_sys(e, -errno, "--share %s", host);
	if (stat(s.host, &st) < 0 || !S_ISDIR(st.st_mode)) {
		free(s.host);
		return err_set(e, -ENOTDIR, "--share %s: no folder", host);
	}
	s.guest = TAKE_PTR(guest);
	*ret = s;
	return 0;
}

void share_done(struct share *s)
{
	free(s->host);
	free(s->guest);
	*s = (struct share){0};
}

/* ---- the process that serves ---- */

/* Whatever might be wrong in our own code: the kernel holds it to the folder, too. */
static void stay_in_folder(bool read_only)
{
	uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	uint64_t changing = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
	                    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
	                    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SYM;
	uint64_t never = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
	                 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
	                 LANDLOCK_ACCESS_FS_MAKE_BLOCK;
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_path_beneath_attr beneath = {.parent_fd = ROOT};
	struct landlock_ruleset_attr all = {0};
	int rules;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (abi < 1)
		return;
	if (abi >= 2) /* without it nothing is moved from one folder to another */
		changing |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		changing |= LANDLOCK_ACCESS_FS_TRUNCATE;
	all.handled_access_fs = reading | changing | never;
	beneath.allowed_access = reading | (read_only ? 0 : changing);
	rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	if (rules < 0 ||
	    syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		_exit(1);
	close(rules);
}

/* Each file that the guest knows is a descriptor: as many as there may be. */
static void raise_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static bool read_whole(uint8_t *to, size_t size)
{
	while (size) {
		ssize_t n = read(PORT, to, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		to += n;
		size -= (size_t)n;
	}
	return true;
}

/* A guest that sends what is no message is not answered any more. */
static void serve(struct sharefs *s)
{
	static uint8_t request[SHAREFS_MESSAGE_MAX], answer[SHAREFS_MESSAGE_MAX];
	uint32_t size;
	size_t n;

	while (read_whole(request, sizeof(size))) {
		struct reader r = reader_of(request, sizeof(size));

		size = reader_u32(&r);
		if (size < sizeof(struct fuse_in_header) || size > sizeof(request) ||
		    !read_whole(request + sizeof(size), size - sizeof(size)))
			return;
		n = sharefs_answer(s, request, size, answer);
		if (file_write_fd(PORT, answer, n) < 0)
			return;
	}
}

static void child(const struct share *s, int root, int port, pid_t parent)
{
	struct sharefs *fs;
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	sigemptyset(&none);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* By way of others, as either may be where the other goes. */
	root = fcntl(root, F_DUPFD, 10);
	port = fcntl(port, F_DUPFD, 10);
	if (root < 0 || port < 0 || dup2(root, ROOT) < 0 || dup2(port, PORT) < 0 ||
	    close_range(PORT + 1, ~0u, 0) < 0)
		_exit(1);
	umask(0); /* the guest's kernel has applied the guest's */
	raise_limit();
	stay_in_folder(s->read_only);
	if (sharefs_new(ROOT, s->read_only, &fs, NULL) < 0)
		_exit(1);
	serve(fs);
	_exit(0);
}

int share_start(const struct share *s, int port, pid_t *ret, struct err *e)
{
	_cleanup_(closep) int theirs = port,
	                      root = open(s->host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t parent = getpid(), pid;
	int r;

	if (root < 0)
		return err_sys(e, -errno, "--share %s", s->host);
	r = sharefs_possible(root);
	if (r < 0)
		return err_sys(e, r, "--share %s: openat2, which is in Linux 5.6", s->host);
	pid = fork();
	if (pid < 0)
		return err_sys(e, -errno, "fork");
	if (pid == 0)
		child(s, root, port, parent);
	*ret = pid;
	return 0;
}
