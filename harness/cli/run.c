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
#include "cli/live.h"
#include "cli/repeat.h"
#include "cli/run_end.h"
#include "cli/run_keep.h"
#include "cli/run_options.h"
#include "cli/since.h"
#include "core/cleanup.h"
#include "core/argv.h"
#include "core/enum.h"
#include "core/file.h"
#include "judge/judge.h"
#include "record/store.h"
#include "report/report.h"
#include "run/host.h"
#include "run/hostrecord.h"
#include "run/madeof.h"
#include "run/parts.h"
#include "run/predict.h"
#include "run/runner.h"
#include "run/quoteservice.h"

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
	struct report_progress progress;
	struct repeat repeat; /* of all runs */
	struct run_keep keep;
};

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

static struct live live_of(const struct context *c)
{
	return (struct live){
	        .cases = &c->cases, .record = c->record, .dumper = c->o->parts.dumper};
}

static void on_progress(void *userdata, enum session_event what, const struct boot_record *boot,
                        const struct visit_record *visit)
{
	struct context *c = userdata;
	const struct live l = live_of(c);
	struct cell_verdict v;
	size_t step = 0;
	int index;

	if (what == SESSION_READY)
		report_progress_boot(&c->progress, &boot->boot);
	if (what != SESSION_VISIT_OVER)
		return;
	while ((index = live_case(&l, boot, visit->cell_id, &step)) >= 0) {
		if (live_judge(&l, boot, (size_t)index, &v) <= 0)
			continue;
		report_progress_cell(&c->progress, &v);
		run_keep_note(&c->keep, boot->boot.id, &v);
		cell_verdict_done(&v);
	}
}

static void on_release(void *userdata, const struct boot_record *boot, struct release_verdict *ret)
{
	const struct live l = live_of(userdata);

	live_release(&l, boot, ret);
}

static bool on_keep(void *userdata, const struct boot_record *boot)
{
	struct context *c = userdata;

	return run_keep_wants(&c->keep, boot->boot.id);
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

/* Nobody's verdict hangs on it: `run --changed-since` and `diff` say where it is not known. */
static void keep_parts(const struct context *c, const struct run_record *record)
{
	_cleanup_(freep) const struct boot **boot = calloc(record->boots + 1, sizeof(*boot));
	struct made_of m = {
	        .parts = &c->o->parts, .qemu = record->host.qemu, .boot = boot, .boots = record->boots};
	struct err e;

	for (size_t i = 0; boot && i < record->boots; i++)
		boot[i] = &record->boot[i].boot;
	if (boot && made_of_save(&m, record->dir, &e) < 0)
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
static int after_hardware(const struct context *c, const struct judged *j, struct err *e)
{
	int r = keep_host(c, j->run.dir, e);

	return r < 0 ? r : confirmed_keep(c->o->state_dir, j, e);
}

/* The exit code, or -errno. */
static int conclude(const struct context *c, const struct run_record *record, struct err *e)
{
	_cleanup_(judged_done) struct judged j = {0};
	struct err later;
	int r;

	keep_parts(c, record);
	predict_boots(c, record);
	r = judged_conclude_in(record->dir, c->o->format, true, &j, e);
	if (r >= 0 && after_hardware(c, &j, &later) < 0)
		fprintf(stderr, "tception: %s\n", later.text);
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
	r = shard_copy(&c->plan.shard, &ret->shard, e);
	if (r < 0)
		return r;
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
	        .release = on_release,
	        .keep = on_keep,
	        .kept = c->o->keep_s ? &c->keep.boot : NULL,
	        .userdata = c,
	};
	size_t cells = count_cells(&c->plan);
	_cleanup_(closep) int lock = TAKE_FD(c->lock);
	int r = record.dir ? 0 : begin_record(c, round, &record, &lock, e);

	if (r < 0)
		goto out;
	run_announce(&c->plan, &c->host, c->o->platform, record.dir, cells);
	c->record = &record;
	c->keep = (struct run_keep){.seconds = c->o->keep_s};
	report_progress_init(&c->progress, stderr, cells);
	r = runner_execute(&spec, &record, ret_signal, e);
	if (r < 0) {
		c->failed = true;
		r = run_failed(record.dir, c->o->format, e);
	} else if (*ret_signal) {
		r = end_early(c, &record, *ret_signal, e);
	} else {
		r = conclude(c, &record, e);
	}
	if (r >= 0)
		run_announce_platform(&c->plan, &c->host, c->o->platform);
	fflush(stdout);
	if (r >= 0 && !*ret_signal)
		run_keep_wait(&c->keep, c->authority);
	kept_boot_done(&c->keep.boot);
	if (r >= 0 && c->o->repeat > 1 && repeat_add(&c->repeat, record.dir, e) < 0)
		r = e->code;
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
	if (c->repeat.runs) /* a table stands well behind tables, and nothing behind JSON */
		repeat_print(&c->repeat, c->o->format == REPORT_TABLE ? stdout : stderr);
	return worst;
}

/* Of a plan of all what has changed. */
static int plan_since(struct context *c, struct plan_options *how, struct err *e)
{
	_cleanup_(freep) bool *chosen = NULL;
	struct plan all = c->plan;
	int r = since_choose(c->o->since, &c->cases, &c->host, &all, &c->o->parts, &chosen, e);

	how->chosen = chosen;
	c->plan = (struct plan){0};
	if (r == 0)
		r = plan_make(&c->cases, &c->host, how, &c->plan, e);
	plan_done(&all);
	return r;
}

/* What to boot: of the case file as the host can, or what an earlier run left. */
static int make_plan(struct context *c, struct err *e)
{
	const struct options *o = c->o;
	int r;
	struct plan_options how = {
	        .platform = o->platform,
	        .only = o->cells.count ? o->cells.pattern : NULL,
	        .tag = o->tag,
	        .shard = o->shard.number,
	        .shards = o->shard.of,
	        .boot_deadline_s = (int)o->boot_deadline_s};

	how.no_kernel[KERNEL_BACKPORTS] = o->parts.no_backports;
	for (int i = 0; i < IMAGE_COUNT; i++)
		how.no_image[i] = o->parts.no_image[i];
	if (o->resume)
		return run_record_left(&c->earlier, &c->cases, &c->plan, e);
	r = plan_make(&c->cases, &c->host, &how, &c->plan, e);
	return r == 0 && o->since ? plan_since(c, &how, e) : r;
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
	if (o->since && c->plan.boots == 0 && c->plan.skips == 0) {
		fprintf(stderr, "tception: nothing has changed since %s\n", o->since);
		return EXIT_OK;
	}
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

int cmd_run(int argc, char **argv)
{
	struct options o;
	struct earlier earlier;
	struct context c = {.o = &o, .words = argv + 1, .lock = -1};
	struct err e = {0};
	int r = run_options(argc, argv, &o, &earlier, &e);

	if (r == 0) {
		c.lock = TAKE_FD(earlier.lock);
		c.earlier = TAKE(earlier.record, (struct run_record){0});
		if (earlier.words)
			c.words = earlier.words;
		r = run_with(&c, &o);
	} else {
		r = cmd_failed(EXIT_BROKEN, &e);
	}
	run_record_done(&c.earlier);
	repeat_done(&c.repeat);
	earlier_done(&earlier);
	plan_done(&c.plan);
	case_file_done(&c.cases);
	authority_free(c.authority);
	guest_parts_done(&o.parts);
	return r;
}
