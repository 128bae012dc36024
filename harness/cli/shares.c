// SPDX-License-Identifier: Apache-2.0
#include "cli/shares.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cleanup.h"

/* What a share sends of each item; `size` bytes follow: what is to be printed, or an error's text.
 */
struct sent {
	int32_t code; /* 0, or the error's */
	int32_t exit;
	uint32_t size;
};

struct share {
	pid_t pid; /* 0: none */
	FILE *from;
};

/* ---- a share ---- */

static int do_item(share_fn f, void *context, size_t item, FILE *to)
{
	_cleanup_(freep) char *text = NULL;
	struct sent sent = {0};
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct err e = {0};
	int exit_code = 0;

	sent.code = out ? f(context, item, out, &exit_code, &e) : err_nomem(&e);
	if (out && fclose(out) != 0 && sent.code == 0)
		sent.code = err_nomem(&e);
	sent.exit = exit_code;
	sent.size = (uint32_t)(sent.code < 0 ? strlen(e.text) : size);
	fwrite(&sent, sizeof(sent), 1, to);
	fwrite(sent.code < 0 ? e.text : text, 1, sent.size, to);
	return ferror(to) ? -EPIPE : sent.code;
}

static void do_share(size_t first, size_t items, unsigned jobs, share_fn f, void *context, int fd)
{
	FILE *to = fdopen(fd, "w");
	int r = to ? 0 : -ENOMEM;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = first; r == 0 && i < items; i += jobs)
		r = do_item(f, context, i, to);
	if (to && fclose(to) != 0)
		r = -EPIPE;
	_exit(r < 0);
}

/* ---- the whole ---- */

static int start(struct share *s, size_t first, size_t items, unsigned jobs, share_fn f,
                 void *context, struct err *e)
{
	int fd[2];

	if (pipe(fd) < 0)
		return err_sys(e, -errno, "pipe");
	if (!(s->from = fdopen(fd[0], "r"))) {
		close(fd[0]);
		close(fd[1]);
		return err_nomem(e);
	}
	s->pid = fork();
	if (s->pid == 0) {
		fclose(s->from);
		do_share(first, items, jobs, f, context, fd[1]);
	}
	close(fd[1]);
	if (s->pid < 0) {
		s->pid = 0;
		return err_sys(e, -errno, "fork");
	}
	return 0;
}

static int dead(struct err *e)
{
	return err_set(e, -EPIPE, "a process of the batch has died");
}

/* Prints one item of a share. */
static int take(struct share *s, int *exit_code, struct err *e)
{
	struct sent sent;
	char buffer[8192];
	size_t n;

	if (fread(&sent, sizeof(sent), 1, s->from) != 1)
		return dead(e);
	if (sent.code < 0) {
		n = fread(buffer, 1, sent.size < sizeof(buffer) ? sent.size : sizeof(buffer) - 1,
		          s->from);
		return err_set(e, sent.code, "%.*s", (int)n, buffer);
	}
	for (; sent.size; sent.size -= (uint32_t)n) {
		n = sent.size < sizeof(buffer) ? sent.size : sizeof(buffer);
		if (fread(buffer, 1, n, s->from) != n)
			return dead(e);
		if (fwrite(buffer, 1, n, stdout) != n)
			return err_sys(e, errno ? -errno : -EIO, "cannot write");
	}
	if (sent.exit > *exit_code)
		*exit_code = sent.exit;
	return 0;
}

static void stop(struct share *s, bool failed)
{
	if (s->from)
		fclose(s->from);
	if (!s->pid)
		return;
	if (failed)
		kill(s->pid, SIGKILL);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int run_shared(size_t items, unsigned jobs, share_fn f, void *context, int *exit_code,
                      struct err *e)
{
	_cleanup_(freep) struct share *share = calloc(jobs, sizeof(*share));
	int r = share ? 0 : err_nomem(e);

	fflush(stdout); /* or every share would have it to print */
	for (unsigned k = 0; r == 0 && k < jobs; k++)
		r = start(&share[k], k, items, jobs, f, context, e);
	for (size_t i = 0; r == 0 && i < items; i++)
		r = take(&share[i % jobs], exit_code, e);
	for (unsigned k = 0; share && k < jobs; k++)
		stop(&share[k], r < 0);
	return r;
}

int shares_run(size_t items, unsigned jobs, share_fn f, void *context, int *exit_code,
               struct err *e)
{
	int r = 0;

	if (jobs > items)
		jobs = (unsigned)items;
	if (jobs > 1)
		return run_shared(items, jobs, f, context, exit_code, e);
	for (size_t i = 0; r == 0 && i < items; i++)
		r = f(context, i, stdout, exit_code, e);
	return r;
}
