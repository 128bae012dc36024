/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/td.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"

int cmd_td(int argc, char **argv)
{
	static const struct verb verbs[] = {
	        {"run", cmd_td_run, "run a program in a trust domain of its own"},
	        {"shell", cmd_td_shell, "a terminal in a trust domain"},
	        {"up", cmd_td_up, "start a trust domain that stays"},
	        {"boot", cmd_td_boot, "boot a disk by its own boot chain, on this terminal"},
	        {"exec", cmd_td_exec, "run a program in one that runs"},
	        {"down", cmd_td_down, "end one, or all"},
	        {"list", cmd_td_list, "those that run"},
	        {"trust", cmd_td_trust, "what a verifier needs for its quotes"},
	};

	return cmd_dispatch(
	        verbs, COUNT_OF(verbs),
	        "Trust domains for one's own work, EMULATED where the machine has no TDX: "
	        "the interface without the protection.\vEach has its own --help. run, exec and "
	        "shell end as the program in there does; where tception itself fails, they, up "
	        "and boot with 125, down, list and trust with 3. 2 is usage.",
	        argc, argv);
}

/* ---- options ---- */

static int take_word(const char *option, const char *value, const char *const names[], size_t count,
                     const char **ret, struct err *e)
{
	int n = options_choice(option, value, names, count, e);

	if (n < 0)
		return n;
	*ret = names[n];
	return 0;
}

int td_take_exits(void *text, const char *value, struct err *e)
{
	static const char *const names[] = {"passthrough", "ve"};

	return take_word("exits", value, names, COUNT_OF(names), text, e);
}

int td_take_quote(void *text, const char *value, struct err *e)
{
	static const char *const names[] = {"v4", "v5"};

	return take_word("quote", value, names, COUNT_OF(names), text, e);
}

int td_take_network(void *no_network, const char *value, struct err *e)
{
	static const char *const names[] = {"user", "none"};
	int n = options_choice("network", value, names, COUNT_OF(names), e);

	if (n < 0)
		return n;
	*(bool *)no_network = n == 1;
	return 0;
}

int td_take_share(void *td_wish, const char *value, struct err *e)
{
	struct td_wish *w = td_wish;

	if (w->shares == TASK_SHARES)
		return err_set(e, -EINVAL, "--share: at most %d times", TASK_SHARES);
	w->share[w->shares++] = value;
	return 0;
}

int td_take_copy(void *td_files, const char *value, struct err *e)
{
	struct td_files *f = td_files;

	if (f->copies == TD_COPIES_MAX)
		return err_set(e, -EINVAL, "--copy: at most %d times; copy a folder",
		               TD_COPIES_MAX);
	f->copy[f->copies++] = (char *)value;
	return 0;
}

/* ---- what they do ---- */

int td_check_files(const struct td_files *files, struct err *e)
{
	for (size_t i = 0; i < files->copies; i++) {
		if (access(files->copy[i], F_OK) < 0)
			return err_sys(e, -errno, "--copy %s", files->copy[i]);
	}
	return 0;
}

int td_start(const struct td_wish *w, struct td_spec *ret, int *ret_owner, struct err *e)
{
	double seconds = 0;
	int r = td_make(w, ret, e);

	if (r < 0)
		return r;
	r = td_launch(ret, ret_owner, &seconds, e);
	if (r < 0) {
		td_unmake(ret);
		return r;
	}
	fprintf(stderr, "tception: %s: %s%s (ready in %.1f s)\n", ret->place.name, td_title(ret),
	        ret->authority ? ", TDX's interface without its protection" : "", seconds);
	return 0;
}

static int work(const struct place *p, const struct td_files *files, char *const *program,
                bool terminal, struct err *e)
{
	struct task t = {.argv = program,
	                 .terminal = terminal,
	                 .input = STDIN_FILENO,
	                 .output = files->json ? STDERR_FILENO : STDOUT_FILENO,
	                 .error = STDERR_FILENO};
	int r = files->copies ? copy_in(p, files->copy, files->copies, e) : 0, r2;

	if (r < 0)
		return r;
	e->text[0] = '\0';
	r = task_run(p, &t, e);
	if (r >= 0 && e->text[0])
		fprintf(stderr, "tception: %s\n", e->text);
	if (r >= 0 && files->output && (r2 = copy_out(p, files->output, e)) < 0)
		r = r2;
	return r;
}

int td_work(const struct place *p, const struct td_files *files, char *const *program,
            bool terminal, struct err *e)
{
	json_t *td = NULL;
	int r = files->json ? client_describe(p, &td, e) : 0, r2;

	if (r == 0)
		r = work(p, files, program, terminal, e);
	if (td && (r2 = td_print_work(td, files, program, r, e)) < 0)
		r = r2;
	json_decref(td);
	return r;
}

int td_exit(int status, const struct err *e)
{
	return status < 0 ? cmd_failed(status == -EINVAL ? EXIT_USAGE : TASK_OWN_FAILURE, e)
	                  : status;
}
