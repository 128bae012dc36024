/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/authority.h"
#include "cli/cmd.h"
#include "core/argv.h"
#include "core/cleanup.h"
#include "core/enum.h"
#include "core/file.h"
#include "record/store.h"

#define REPEAT_MAX   1000
#define JOBS_MAX     64
#define DEADLINE_MAX 86400

static const char *const accel_names[] = {"auto", "tcg", "kvm"};

static int take_part(void *member, const char *value, struct err *e)
{
	char **part = member;

	free(*part);
	*part = strdup(value);
	return *part ? 0 : err_nomem(e);
}

static int take_quotes(void *member, const char *value, struct err *e)
{
	return quote_service_parse(value, member, e);
}

/* "2/3" */
static int take_shard(void *member, const char *value, struct err *e)
{
	struct shard *s = member;
	int end = 0;

	if (value[strspn(value, "0123456789/")] ||
	    sscanf(value, "%4u/%4u%n", &s->number, &s->of, &end) != 2 || value[end] ||
	    s->number < 1 || s->number > s->of || s->of > SHARDS_MAX)
		return err_set(e, -EINVAL,
		               "--shard '%.40s': expected M/N, the Mth of N parts (N up to %d)",
		               value, SHARDS_MAX);
	return 0;
}

static int take_keep(void *member, const char *value, struct err *e)
{
	if (value)
		return options_number("keep-on-failure", value, DEADLINE_MAX, member, e);
	*(unsigned *)member = 3600;
	return 0;
}

static int take_cell(void *member, const char *value, struct err *e)
{
	struct cell_patterns *cells = member;

	if (cells->count + 1 == COUNT_OF(cells->pattern))
		return err_set(e, -E2BIG, "--cell: more than %u times", cells->count);
	cells->pattern[cells->count++] = value;
	return 0;
}

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	if (o->resume &&
	    (o->cases != o->default_cases || o->out || o->cells.count || o->tag || o->since ||
	     o->repeat > 1 || o->shard.of))
		return err_set(
		        e, -EINVAL,
		        "--resume goes on with the cells and into the folder of the run that "
		        "it names: without CASES, --cell, --tag, --changed-since, --shard, --output "
		        "and --repeat");
	if (o->like && (o->resume || o->cases != o->default_cases))
		return err_set(e, -EINVAL,
		               "--like takes the cases of the run that it names: without CASES "
		               "and --resume");
	return 0;
}

static const struct option_row rows[] = {
        OPTION_HEADING("What to run:"),
        OPTION_CALL(cells, take_cell, "cell", "ID",
                    "only this cell, or those of a pattern: 'td/docker*'; several times: those of "
                    "any"),
        OPTION_TEXT(tag, "tag", "TAG", "only cells with this tag of the case file, or pattern"),
        OPTION_TEXT(since, "changed-since", "RUN",
                    "only cells that RUN did not do, or whose case, image, kernel, firmware, "
                    "QEMU, host or tool is another since"),
        OPTION_CALL(shard, take_shard, "shard", "M/N",
                    "only the Mth of N parts, for N hosts: boots stay whole, and "
                    "'tception merge' makes one run of the parts"),
        OPTION_PLATFORM,
        OPTION_CHOICE(accel, "accel", "WHICH", accel_names,
                      "accelerator of plain VMs: tcg, kvm, or auto (kvm where it works)"),
        OPTION_TEXT(
                here.ssh, "ssh", "HOST",
                "the machine of cells that begin with `local`: by ssh(1); without it, this one"),
        OPTION_TEXT(here.agent, "agent", "FILE",
                    "the agent's path on the machine of `local` (there: tception-agent)"),
        OPTION_JOBS(jobs, JOBS_MAX,
                    "boots side by side (default: 2, or fewer CPUs or little memory)"),
        OPTION_NUMBER(boot_deadline_s, "boot-deadline", DEADLINE_MAX,
                      "seconds from QEMU's start to the agent's first word (180)"),
        OPTION_NUMBER(repeat, "repeat", REPEAT_MAX, "N whole runs, each with a folder of its own"),
        OPTION_CALL(keep_s, take_keep, "keep-on-failure", "SECONDS",
                    "the first boot with a cell that is not as expected stays up at the end, "
                    "for you to go in, so long at most (an hour)", .optional = true),
        OPTION_TEXT(resume, "resume", "DIR",
                    "go on with a run that was killed or interrupted, with the options that it "
                    "was begun with"),
        OPTION_TEXT(like, "like", "DIR",
                    "a new run with the cases and the options of that one, and over them those "
                    "given here"),
        OPTION_HEADING("What comes out:"),
        OPTION_OUTPUT(out,
                      "the run's folder (default: results/<run>); with --repeat DIR/1, "
                      "DIR/2 ..."),
        OPTION_FORMAT,
        OPTION_KEPT_COLLATERAL,
        OPTION_HEADING("What guests are made of (and the environment variables that say "
                       "the same):"),
        OPTION_TEXT(qemu, "qemu", "PROGRAM", "QEMU (default: qemu-system-x86_64)"),
        OPTION_CALL(parts.kernel[KERNEL_TRIXIE].image, take_part, "kernel", "FILE",
                    "TCEPTION_KERNEL (of cells without @kernel=backports)"),
        OPTION_CALL(parts.kernel[KERNEL_TRIXIE].initrd, take_part, "initrd", "FILE",
                    "TCEPTION_INITRD"),
        OPTION_CALL(parts.disk.path, take_part, "disk", "IMAGE",
                    "guests boot from this disk (raw or qcow2, read only) in place of kernel, "
                    "initrd and append"),
        OPTION_FLAG(parts.disk.scratch, "disk-writable",
                    "what guests write to the disk is lost with them, not refused"),
        OPTION_CALL(parts.root[IMAGE_FULL].path, take_part, "root-image", "FILE",
                    "TCEPTION_ROOT (of cells without @image=minimal)"),
        OPTION_CALL(parts.firmware, take_part, "firmware", "FILE", "TCEPTION_FIRMWARE: a TDVF"),
        OPTION_CALL(parts.module, take_part, "module", "FILE",
                    "TCEPTION_MODULE: the software TDX module"),
        OPTION_CALL(parts.append, take_part, "append", "TEXT",
                    "TCEPTION_APPEND: added to the kernel's command line"),
        OPTION_CALL(quotes, take_quotes, "qgs-socket", "ADDRESS",
                    "where a hardware TD's quotes come from: unix:PATH or vsock:CID:PORT "
                    "(" TDX_QGS_SOCKET " where there is one, else vsock:2:4050)"),
        OPTION_STATE_DIR,
        {0},
};

static const struct options_of verb = {
        .about = "Boots plain VMs and trust domains, enters the inner layers of each cell "
                 "of CASES (cases/default.yaml), collects their evidence and judges "
                 "it.\vExit codes: 0 all as expected, 1 a verdict differs, 2 usage or a "
                 "bad case file, 3 something was broken or interrupted.",
        .usage = "[CASES]",
        .operand = OPTION_MEMBER(const char *, cases),
        .operands = 1,
        .check = check,
        .rows = rows,
};

/* Its words as they were, in the folder that they were said in. */
static int take_words(const struct run_record *r, const char *dir, char *name, struct argv *words,
                      struct err *e)
{
	if (!r->command)
		return err_set(e, -EINVAL,
		               "%s: an earlier tception made it and did not keep how it was begun: "
		               "run its cells anew",
		               dir);
	if (chdir(r->directory) < 0)
		return err_sys(e, -errno, "%s, where the run was begun", r->directory);
	argv_add(words, name);
	for (char **word = r->command; *word; word++)
		argv_add(words, *word);
	return words->failed ? err_nomem(e) : 0;
}

/* The options of the earlier run, and over them those given now. */
static int parse_again(int argc, char **argv, struct argv *words, struct options *o)
{
	o->resume = o->like = NULL;
	options_parse(&verb, (int)words->count, words->item, o); /* which points into the words */
	o->cells = (struct cell_patterns){0};
	o->out = o->tag = o->since = o->resume = o->like = NULL;
	o->shard = (struct shard){0};
	o->cases = o->default_cases;
	o->repeat = 1;
	options_parse(&verb, argc, argv, o);
	return 0;
}

static int go_on(int argc, char **argv, struct options *o, struct earlier *ret, struct err *e)
{
	const char *dir = realpath(o->resume, ret->dir);
	struct argv words = {0};
	int r;

	if (!dir)
		return err_sys(e, -errno, "%s", o->resume);
	if (store_lock(dir, &ret->lock, e) < 0 || store_load(dir, &ret->record, e) < 0)
		return e->code;
	r = take_words(&ret->record, o->resume, argv[0], &words, e);
	if (r == 0)
		r = parse_again(argc, argv, &words, o);
	o->resume = dir;
	o->cases = ret->cases;
	return r < 0 ? r : path_join(ret->cases, dir, STORE_CASES, e);
}

/* A relative path of ours, before we go to where the earlier run was begun. */
static int keep_out(struct options *o, struct earlier *ret, struct err *e)
{
	char here[PATH_MAX];
	int r;

	if (!o->out || o->out[0] == '/')
		return 0;
	if (!getcwd(here, sizeof(here)))
		return err_sys(e, -errno, "the current folder");
	r = path_join(ret->out, here, o->out, e);
	if (r == 0)
		o->out = ret->out;
	return r;
}

/* The earlier run's words and ours, for run.json: without --like, which is as good as followed. */
static int keep_words(int argc, char **argv, struct argv *words, struct earlier *ret, struct err *e)
{
	for (int i = 1; i < argc; i++) {
		size_t n = strcspn(argv[i], "=");

		if (n < 3 || strncmp(argv[i], "--like", n) != 0) /* argp takes a beginning, too */
			argv_add(words, argv[i]);
		else if (!argv[i][n])
			i++;
	}
	ret->words = words->failed ? NULL : argv_copy(words->item + 1);
	return ret->words ? 0 : err_nomem(e);
}

static int begin_like(int argc, char **argv, struct options *o, struct earlier *ret, struct err *e)
{
	struct run_record record = {0};
	const char *like = realpath(o->like, ret->dir), *out;
	struct argv words = {0};
	int r = like ? keep_out(o, ret, e) : err_sys(e, -errno, "%s", o->like);

	if (r == 0)
		r = store_load(like, &record, e);
	if (r == 0)
		r = take_words(&record, o->like, argv[0], &words, e);
	out = o->out;
	if (r == 0)
		r = parse_again(argc, argv, &words, o);
	if (r == 0) {
		o->cases = ret->cases;
		o->out = out;
		r = path_join(ret->cases, like, STORE_CASES, e);
	}
	if (r == 0)
		r = keep_words(argc, argv, &words, ret, e);
	run_record_done(&record);
	return r;
}

int run_options(int argc, char **argv, struct options *o, struct earlier *ret, struct err *e)
{
	*o = (struct options){
	        .cases = cmd_default_cases(), .default_cases = cmd_default_cases(), .repeat = 1};
	int r;

	*ret = (struct earlier){.lock = -1};
	if (quote_service_parse(NULL, &o->quotes, e) < 0)
		return e->code;
	options_parse(&verb, argc, argv, o);
	if (o->since && !realpath(o->since, ret->since))
		return err_sys(e, -errno, "--changed-since %s", o->since);
	if (o->resume)
		return go_on(argc, argv, o, ret, e);
	r = o->like ? begin_like(argc, argv, o, ret, e) : 0;
	if (o->since)
		o->since = ret->since;
	return r;
}

void earlier_done(struct earlier *earlier)
{
	run_record_done(&earlier->record);
	argv_free(earlier->words);
	closep(&earlier->lock);
}
