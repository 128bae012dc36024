/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case/case.h"
#include "cli/authority.h"
#include "cli/cmd.h"
#include "cli/collateral.h"
#include "cli/confirmed.h"
#include "cli/judged.h"
#include "cli/options_run.h"
#include "cli/run_end.h"
#include "core/cleanup.h"
#include "core/argv.h"
#include "core/enum.h"
#include "core/file.h"
#include "judge/judge.h"
#include "record/store.h"
#include "report/report.h"
#include "run/host.h"
#include "run/hostrecord.h"
#include "run/parts.h"
#include "run/predict.h"
#include "run/runner.h"
#include "run/quoteservice.h"

#define REPEAT_MAX     1000
#define JOBS_MAX       64
#define DEADLINE_MAX   86400

enum accel { ACCEL_AUTO, ACCEL_TCG, ACCEL_KVM };
static const char *const accel_names[] = {"auto", "tcg", "kvm"};

struct options {
	const char *cases, *out, *cell, *qemu, *state_dir, *collateral, *resume;
	struct quote_service quotes;
	struct here here;
	enum platform platform; /* of a `td`; PLATFORM_NONE: what works */
	enum accel accel;
	const char *default_cases;
	unsigned jobs, repeat; /* jobs 0: chosen here */
	unsigned boot_deadline_s; /* 0: the plan's */
	enum report_format format;
	struct guest_parts parts;
};

/* What all runs of one command have in common. */
struct context {
	const struct options *o;
	struct case_file cases;
	struct host_facts host;
	struct plan plan;
	struct authority *authority;
	struct run_record *record; /* of the run that is going on */
	struct run_record earlier; /* of the run that --resume goes on with */
	char *const *words;        /* the command line, after the verb */
	bool failed; /* no further run is tried */
	int lock;    /* on the folder of that run, or -1 */
	char resume_dir[PATH_MAX], resume_cases[PATH_MAX];
	struct report_progress progress;
};

/* ---- options ---- */

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

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	if (o->resume && (o->cases != o->default_cases || o->out || o->cell || o->repeat > 1))
		return err_set(e, -EINVAL,
		               "--resume goes on with the cells and into the folder of the run that "
		               "it names: without CASES, --cell, --output and --repeat");
	return 0;
}

/* ---- before the first boot ---- */

static int gather_host(struct context *c, struct err *e)
{
	struct host_facts *h = &c->host;
	int r = host_facts_gather(c->o->qemu, h, e);

	if (r < 0)
		return r;
	if (c->o->accel == ACCEL_TCG) {
		h->kvm_usable = false;
		snprintf(h->kvm_reason, sizeof(h->kvm_reason), "--accel tcg");
	}
	if (c->o->accel == ACCEL_KVM && !h->kvm_usable)
		return err_set(e, -ENODEV, "--accel kvm, but KVM is not usable here: %s",
		               h->kvm_reason);
	return 0;
}

/* ---- while it runs ---- */

/* The verdict on a cell as far as the record goes; the final one may look at more. */
static void show_cell(struct context *c, const struct boot_record *boot, size_t case_index)
{
	struct run_record so_far = *c->record;
	_cleanup_(bytes_free) struct bytes channel = {0};
	struct judge_input in = {.run = &so_far, .cases = &c->cases, .channel = &channel};
	struct cell_verdict v;
	struct err e;

	so_far.boot = (struct boot_record *)boot;
	so_far.boots = 1;
	if (store_channel(c->record->dir, boot->boot.id, &channel, &e) < 0)
		return;
	if (judge_case(&in, case_index, &v, &e) <= 0)
		return;
	report_progress_cell(&c->progress, &v);
	cell_verdict_done(&v);
}

static void on_progress(void *userdata, enum session_event what, const struct boot_record *boot,
                        const struct visit_record *visit)
{
	struct context *c = userdata;

	if (!c->progress.out)
		return;
	if (what == SESSION_READY)
		report_progress_boot(&c->progress, &boot->boot);
	if (what != SESSION_VISIT_OVER)
		return;
	for (size_t i = 0; i < boot->boot.steps; i++) {
		size_t index = boot->boot.step[i].case_index;

		if (strcmp(c->cases.item[index].id, visit->cell_id) == 0)
			show_cell(c, boot, index);
	}
}

static void on_stopping(void *userdata, int signal_number)
{
	(void)userdata;
	fprintf(stderr, "tception: SIG%s: stopping the guests; once more ends at once\n",
	        sigabbrev_np(signal_number));
}

static void on_waiting(void *userdata, unsigned long keyids)
{
	(void)userdata;
	fprintf(stderr,
	        "tception: all %lu TDX KeyIDs are in use: waiting for one, up to %u s; end other "
	        "trust domains\n",
	        keyids, RUNNER_KEYID_WAIT_S);
}

/* ---- afterwards ---- */

/* A TD that can't be predicted is still judged: its rung says that nothing was predicted. */
static void predict_boots(const struct context *c, const struct run_record *record)
{
	struct err e;

	if (run_predict(record, c->o->parts.dumper, &e) < 0)
		fprintf(stderr, "tception: %s\n", e.text);
}

/* Before the first boot and after the last, whose lines the kernel's log has then. */
static int keep_host(const struct context *c, const char *dir, struct err *e)
{
	if (!run_plan_needs(&c->plan, PLATFORM_HARDWARE))
		return 0;
	return host_record_save(dir, "", c->o->parts.firmware, e);
}

/* Whose first hardware trust domain was as predicted, if this run's was. */
static int after_hardware(const struct context *c, const char *dir, struct err *e)
{
	int r = keep_host(c, dir, e);

	if (r == 0 && run_plan_needs(&c->plan, PLATFORM_HARDWARE))
		r = confirmed_keep(c->o->state_dir, dir, e);
	return r;
}

/* ---- one run ---- */

/* What the TCB of the run's platforms is judged by. */
static int keep_collateral(const struct context *c, const char *dir, struct err *e)
{
	_cleanup_(freep) char *bundle = NULL;
	int r = 0;

	if (c->authority)
		r = authority_bundle(c->authority, time(NULL), &bundle, e);
	if (r == 0 && bundle)
		r = store_collateral_add(dir, "emulated.json", bundle, strlen(bundle), e);
	if (r == 0 && c->o->collateral)
		r = collateral_keep(c->o->collateral, dir, e);
	return r;
}

static int begin_record(const struct context *c, unsigned round, struct run_record *ret,
                        int *ret_lock, struct err *e)
{
	int r = store_run_id(&ret->id, e);

	if (r < 0)
		return r;
	if (!c->o->out)
		r = asprintf(&ret->dir, "results/%s", ret->id);
	else if (c->o->repeat > 1)
		r = asprintf(&ret->dir, "%s/%u", c->o->out, round);
	else
		r = asprintf(&ret->dir, "%s", c->o->out);
	if (r < 0) {
		ret->dir = NULL;
		return err_nomem(e);
	}
	ret->host = c->host;
	ret->command = argv_copy(c->words);
	ret->directory = getcwd(NULL, 0);
	if (!ret->command || !ret->directory)
		return err_nomem(e);
	if (c->authority) {
		ret->root_pem = strdup(authority_root_pem(c->authority));
		if (!ret->root_pem)
			return err_nomem(e);
	}
	r = store_lock(ret->dir, ret_lock, e);
	if (r == 0)
		r = store_create(ret->dir, c->cases.path, e);
	if (r == 0 && run_plan_needs(&c->plan, PLATFORM_HARDWARE))
		r = confirmed_load(c->o->state_dir, ret->confirmed, sizeof(ret->confirmed), e);
	if (r == 0)
		r = keep_host(c, ret->dir, e);
	return r < 0 ? r : keep_collateral(c, ret->dir, e);
}

static size_t count_cells(const struct plan *p)
{
	size_t n = p->skips;

	for (size_t i = 0; i < p->boots; i++)
		n += p->boot[i].steps;
	return n;
}

/* Of a run that was ended early the verdicts are told before anything else is done. */
static int end_early(const struct context *c, const struct run_record *record, int signal_number,
                     struct err *e)
{
	int r = judged_conclude(record->dir, c->o->format, true, e);

	fflush(stdout);
	fprintf(stderr,
	        "tception: interrupted by SIG%s; what was done is in %s; "
	        "'tception run --resume %s' goes on\n",
	        sigabbrev_np(signal_number), record->dir, record->dir);
	if (r >= 0) {
		predict_boots(c, record);
		r = judged_conclude(record->dir, c->o->format, false, e);
	}
	return r < 0 ? r : EXIT_BROKEN;
}

/* The exit code, or -errno. *ret_signal: what ended it early, or 0. */
static int run_once(struct context *c, unsigned round, int *ret_signal, struct err *e)
{
	struct run_record record = TAKE(c->earlier, (struct run_record){0});
	struct run_spec spec = {
	        .cases = &c->cases,
	        .plan = &c->plan,
	        .parts = &c->o->parts,
	        .quotes = c->o->quotes,
	        .here = c->o->here,
	        .authority = c->authority,
	        .jobs = run_jobs(&c->plan, &c->host, c->o->jobs),
	        .progress = on_progress,
	        .stopping = on_stopping,
	        .waiting = on_waiting,
	        .userdata = c,
	};
	size_t cells = count_cells(&c->plan);
	_cleanup_(closep) int lock = TAKE_FD(c->lock);
	int r = record.dir ? 0 : begin_record(c, round, &record, &lock, e);

	if (r < 0)
		goto out;
	run_announce(&c->plan, &c->host, c->o->platform, record.dir, cells);
	c->record = &record;
	report_progress_init(&c->progress, stderr, cells);
	r = runner_execute(&spec, &record, ret_signal, e);
	if (r < 0) {
		c->failed = true;
		r = run_failed(record.dir, c->o->format, e);
	} else if (*ret_signal) {
		r = end_early(c, &record, *ret_signal, e);
	} else {
		predict_boots(c, &record);
		r = judged_conclude(record.dir, c->o->format, true, e);
		if (r >= 0 && after_hardware(c, record.dir, e) < 0)
			fprintf(stderr, "tception: %s\n", e->text);
	}
	if (r >= 0)
		run_announce_platform(&c->plan, &c->host, c->o->platform);
out:
	run_record_done(&record);
	return r;
}

static int run_all(struct context *c, struct err *e)
{
	int worst = EXIT_OK, signal_number = 0;

	for (unsigned i = 1; i <= c->o->repeat && !signal_number && !c->failed; i++) {
		int r;

		if (c->o->repeat > 1)
			fprintf(stderr, "tception: run %u of %u\n", i, c->o->repeat);
		r = run_once(c, i, &signal_number, e);
		if (r < 0)
			return r;
		if (r > worst)
			worst = r;
	}
	return worst;
}

/* What to boot: of the case file as the host can, or what an earlier run left. */
static int make_plan(struct context *c, struct err *e)
{
	const struct options *o = c->o;
	struct plan_options how = {
	        .platform = o->platform, .only = o->cell, .boot_deadline_s = (int)o->boot_deadline_s};

	how.no_kernel[KERNEL_BACKPORTS] = o->parts.no_backports;
	how.no_image[IMAGE_MINIMAL] = o->parts.no_minimal;
	if (o->resume)
		return run_record_left(&c->earlier, &c->cases, &c->plan, e);
	return plan_make(&c->cases, &c->host, &how, &c->plan, e);
}

static int run_with(struct context *c, struct options *o)
{
	struct err e = {0};
	int r;

	if (case_file_load(o->cases, &c->cases, &e) < 0)
		return cmd_failed(EXIT_USAGE, &e);
	if (gather_host(c, &e) < 0 || guest_parts_find(&o->parts, &e) < 0)
		return cmd_failed(EXIT_BROKEN, &e);
	r = make_plan(c, &e);
	if (r < 0)
		return cmd_failed(r == -EINVAL ? EXIT_USAGE : EXIT_BROKEN, &e);
	if (c->plan.boots > 0) {
		if (guest_parts_check(&o->parts, &c->plan, &e) < 0 ||
		    (run_plan_needs(&c->plan, PLATFORM_EMULATED) &&
		     authority_take(o->state_dir, &c->authority, &e) < 0))
			return cmd_failed(EXIT_BROKEN, &e);
	}
	if (o->resume && run_same_host(&c->earlier, &c->host, c->authority ? authority_root_pem(c->authority) : NULL, &e) < 0)
		return cmd_failed(EXIT_BROKEN, &e);
	r = run_all(c, &e);
	return r < 0 ? cmd_failed(EXIT_BROKEN, &e) : r;
}

static const struct option_row rows[] = {
        OPTION_HEADING("What to run:"),
        OPTION_TEXT(cell, "cell", "ID", "only this cell, or those of a pattern: 'td/docker*'"),
        OPTION_PLATFORM,
        OPTION_CHOICE(accel, "accel", "WHICH", accel_names,
                      "accelerator of plain VMs: tcg, kvm, or auto (kvm where it works)"),
        OPTION_TEXT(here.ssh, "ssh", "HOST",
                    "the machine of cells that begin with `local`: by ssh(1); without it, this one"),
        OPTION_TEXT(here.agent, "agent", "FILE",
                    "the agent's path on the machine of `local` (there: tception-agent)"),
        OPTION_JOBS(jobs, JOBS_MAX,
                    "boots side by side (default: 2, or fewer CPUs or little memory)"),
        OPTION_NUMBER(boot_deadline_s, "boot-deadline", DEADLINE_MAX,
                      "seconds from QEMU's start to the agent's first word (180)"),
        OPTION_NUMBER(repeat, "repeat", REPEAT_MAX, "N whole runs, each with a folder of its own"),
        OPTION_TEXT(resume, "resume", "DIR",
                    "go on with a run that was killed or interrupted, with the options that it "
                    "was begun with"),
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
                    "TDs boot from this disk (raw or qcow2, read only) in place of kernel, "
                    "initrd and append"),
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

/* The options of the run that is gone on with, and over them those given now. */
static int take_earlier(const struct options_of *verb, int argc, char **argv, struct context *c,
                        struct options *o, struct err *e)
{
	const char *dir = realpath(o->resume, c->resume_dir);
	struct argv words = {0};

	if (!dir)
		return err_sys(e, -errno, "%s", o->resume);
	if (store_lock(dir, &c->lock, e) < 0 || store_load(dir, &c->earlier, e) < 0)
		return e->code;
	if (!c->earlier.command)
		return err_set(e, -EINVAL,
		               "%s: an earlier tception made it and did not keep how it was begun: "
		               "run its cells anew",
		               o->resume);
	if (chdir(c->earlier.directory) < 0)
		return err_sys(e, -errno, "%s, where the run was begun", c->earlier.directory);
	argv_add(&words, argv[0]);
	for (char **word = c->earlier.command; *word; word++)
		argv_add(&words, *word);
	if (words.failed)
		return err_nomem(e);
	o->resume = NULL;
	options_parse(verb, (int)words.count, words.item, o); /* which points into the words */
	o->out = o->cell = NULL;
	o->cases = o->default_cases;
	o->repeat = 1;
	options_parse(verb, argc, argv, o);
	o->resume = dir;
	return path_join(c->resume_cases, dir, STORE_CASES, e);
}

int cmd_run(int argc, char **argv)
{
	static const struct options_of options = {
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
	struct options o = {
	        .cases = cmd_default_cases(), .default_cases = cmd_default_cases(), .repeat = 1};
	struct context c = {.o = &o, .words = argv + 1, .lock = -1};
	struct err e;
	int r;

	if (quote_service_parse(NULL, &o.quotes, &e) < 0)
		return cmd_failed(EXIT_BROKEN, &e);
	options_parse(&options, argc, argv, &o);
	if (o.resume) {
		if (take_earlier(&options, argc, argv, &c, &o, &e) < 0)
			return cmd_failed(EXIT_BROKEN, &e);
		o.cases = c.resume_cases;
	}
	r = run_with(&c, &o);
	run_record_done(&c.earlier);
	plan_done(&c.plan);
	case_file_done(&c.cases);
	authority_free(c.authority);
	guest_parts_done(&o.parts);
	return r;
}
