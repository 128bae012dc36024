/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/argv.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "td/client.h"

/* Starts tar here with one end of a pipe, whose other end is given back. */
static pid_t start_tar(char *const *argv, bool writes, int *ret, struct err *e)
{
	int fd[2];
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "pipe");
	pid = fork();
	if (pid == 0) {
		if (writes)
			dup2(fd[1], STDOUT_FILENO);
		else
			dup2(fd[0], STDIN_FILENO);
		execvp(argv[0], argv);
		fprintf(stderr, "tception: %s: %s\n", argv[0], strerror(errno));
		_exit(TASK_NO_PROGRAM);
	}
	close(fd[writes ? 1 : 0]);
	if (pid < 0) {
		close(fd[writes ? 0 : 1]);
		return err_sys(e, -errno, "fork");
	}
	*ret = fd[writes ? 0 : 1];
	return pid;
}

static int end_tar(pid_t pid, const char *what, struct err *e)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0 ? 0 : err_set(e, -EIO, "tar %s has failed here", what);
}

/* "." or "FOLDER/.": as cp has it, what is in there. */
static bool means_content(const char *file)
{
	const char *slash = strrchr(file, '/');

	return strcmp(slash ? slash + 1 : file, ".") == 0;
}

/* Each by its own folder, so that the TD sees its last name only. */
static int add_file(struct argv *a, const char *file, struct err *e)
{
	_cleanup_(freep) char *path = realpath(file, NULL);
	char *slash = path ? strrchr(path, '/') : NULL;

	if (!slash)
		return err_sys(e, -errno, "%s", file);
	if (slash[1] && means_content(file)) {
		argv_add(a, "-C");
		argv_add(a, path);
		argv_add(a, ".");
		return 0;
	}
	if (!slash[1])
		return err_set(e, -EINVAL, "%s: the whole file system can't be copied", file);
	*slash = '\0';
	argv_add(a, "-C");
	argv_add(a, *path ? path : "/");
	argv_addf(a, "./%s", slash + 1);
	return 0;
}

int copy_in(const struct place *p, char *const *files, size_t count, struct err *e)
{
	static char *const there[] = {"tar", "-xf", "-", "-C", "/work", "--no-same-owner", NULL};
	struct task t = {
	        .argv = there, .bare = true, .output = STDERR_FILENO, .error = STDERR_FILENO};
	struct argv here = {0};
	int r = 0, r2;
	pid_t pid;

	argv_add(&here, "tar");
	argv_add(&here, "-cf");
	argv_add(&here, "-");
	for (size_t i = 0; i < count && r == 0; i++)
		r = add_file(&here, files[i], e);
	if (r == 0 && here.failed)
		r = err_nomem(e);
	pid = r == 0 ? start_tar(here.item, true, &t.input, e) : r;
	argv_done(&here);
	if (pid < 0)
		return pid;
	r = task_run(p, &t, e);
	close(t.input);
	if (r > 0)
		r = err_set(e, -EIO, "the files could not be copied into the TD (tar: %d)", r);
	r2 = end_tar(pid, "of the files", r == 0 ? e : NULL);
	return r < 0 ? r : r2;
}

int copy_out(const struct place *p, const char *dir, struct err *e)
{
	static char *const there[] = {"tar", "-cf", "-", "-C", "/work", ".", NULL};
	/* tar keeps to its folder: no absolute names, no "..", links last. */
	char *const here[] = {
	        "tar", "-xf", "-", "-C", (char *)dir, "--no-same-owner", "--no-same-permissions",
	        NULL};
	struct task t = {.argv = there, .bare = true, .input = -1, .error = STDERR_FILENO};
	int r = file_make_dirs(dir, 0777, e), r2;
	pid_t pid = r < 0 ? r : start_tar(here, false, &t.output, e);

	if (pid < 0)
		return pid;
	r = task_run(p, &t, e);
	close(t.output);
	if (r > 0)
		r = err_set(e, -EIO, "the files could not be copied out of the TD (tar: %d)", r);
	r2 = end_tar(pid, dir, r == 0 ? e : NULL);
	return r < 0 ? r : r2;
}
