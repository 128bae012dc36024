/* SPDX-License-Identifier: Apache-2.0 */
#include "run/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "format/bytes.h"
#include "record/store.h"
#include "run/journal.h"
#include "run/jobs.h"
#include "run/kept.h"
#include "run/keyids.h"

/* A boot whose first visit fails this often in a row takes its cells with it. */
#define FRUITLESS_MAX 2
#define JOBS_MAX      64
#define SIGNALS       3

struct slot {
	bool ready; /* its agent answered: it has its KeyID */
	struct runner *runner;
	struct session *session;
	struct job *job;
	struct task_ports ports; /* where a boot may stay up */
};

struct runner {
	sd_event *event;
	const struct run_spec *spec;
	struct run_record *record;
	struct jobs queue;
	struct slot slot[JOBS_MAX];
	unsigned jobs, running;
	bool over; /* nothing is left to be done */
	struct qgs *qgs;
	int dir_fd;
	char *boots_dir;
	char qgs_socket[64];
	sd_event_source *waiting; /* for a KeyID; NULL: not */
	unsigned waited;          /* so many times */
	int signal;
	sigset_t signals; /* those that end the run */
	sd_event_source *signal_source[SIGNALS];
	struct err failure; /* of our own, not a boot's */
};

/* What can't go on at all: no memory, no disk. Ends the run. */
static void fail(struct runner *r, const struct err *e)
{
	if (r->failure.code == 0)
		r->failure = *e;
	r->over = true;
}

/* ---- records ---- */

static const struct cell *step_cell(const struct runner *r, const struct step *s)
{
	return &r->spec->cases->item[s->case_index].cell;
}

/* Puts a boot into the record and at the end of what is to be done. */
static int plan_boot(struct runner *r, const struct boot *b, size_t first_step, const char *base_id,
                     int attempt, int fruitless, struct err *e)
{
	struct job *j = job_new(b, first_step);
	int code;

	if (!j)
		return err_nomem(e);
	snprintf(j->base_id, sizeof(j->base_id), "%s", base_id);
	j->attempt = attempt;
	j->fruitless = fruitless;
	if (attempt > 1)
		snprintf(j->boot.id, sizeof(j->boot.id), "%.50s.%d", j->base_id, attempt);
	code = journal_plan(r->record, r->spec->cases, &j->boot, attempt, &j->index, e);
	if (code < 0)
		job_free(j);
	else
		jobs_add(&r->queue, j);
	return code;
}

static int save(const struct runner *r, struct err *e)
{
	struct live_boot live[JOBS_MAX];
	size_t count = 0;

	for (unsigned i = 0; i < r->jobs; i++) {
		if (r->slot[i].session)
			live[count++] = (struct live_boot){r->slot[i].job->index,
			                                   session_record(r->slot[i].session)};
	}
	return journal_save(r->record, live, count, e);
}

/* ---- what follows a boot ---- */

/* The first step not visited, given what this boot did; steps when all were. */
static size_t steps_visited(const struct runner *r, const struct boot_record *b)
{
	size_t visits = 1, i; /* the first is layer 0's own */

	for (i = 0; i < b->boot.steps; i++) {
		if (step_cell(r, &b->boot.step[i])->layers == 1)
			continue;
		if (visits == b->visits)
			break;
		visits++;
	}
	return i;
}

/* An image of the user's own that nobody answered in would not answer another time. */
static bool gives_up_at_once(const struct runner *r, const struct boot_record *b)
{
	return guest_parts_disk(r->spec->parts, &b->boot) && b->ready_seconds < 0 &&
	       b->visit[0].state == VISIT_TIMEOUT;
}

/* Keeps what a boot did. The cells left get another boot, or the record says why not. */
static int follow_up(struct runner *r, const struct job *j, struct boot_record *b, struct err *e)
{
	bool first_done = b->visit[0].state == VISIT_DONE;
	size_t next = first_done ? steps_visited(r, b) : 0;
	int fruitless = first_done ? 0 : gives_up_at_once(r, b) ? FRUITLESS_MAX : j->fruitless + 1;
	char reason[200];

	if (r->signal)
		return journal_close(r->record, j->index, b, b->reason, e);
	if (first_done && next == b->boot.steps)
		return journal_close(r->record, j->index, b, NULL, e);
	snprintf(reason, sizeof(reason), "layer 0 failed in %d boots in a row: %.150s",
	         FRUITLESS_MAX, b->reason);
	if (fruitless == FRUITLESS_MAX)
		return journal_close(r->record, j->index, b,
		                     gives_up_at_once(r, b) ? b->reason : reason, e);
	if (journal_close(r->record, j->index, b, NULL, e) < 0)
		return e->code;
	return plan_boot(r, &j->boot, next, j->base_id, j->attempt + 1, fruitless, e);
}

static void on_session(struct session *s, enum session_event what, const struct visit_record *visit,
                       void *userdata);
static void start_more(struct runner *r);

/* ---- KeyIDs ---- */

#define KEYID_LOOK_US 1000000 /* how often it is looked whether one is free */

static int look_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct runner *r = userdata;

	(void)source;
	(void)usec;
	r->waiting = sd_event_source_unref(r->waiting);
	start_more(r);
	return 0;
}

/* Those that are in use, and those of ours that QEMU has yet to take. */
static bool keyid_is_free(const struct runner *r, unsigned long *ret_all)
{
	unsigned long used;

	if (!keyids_read(r->spec->sysroot ? r->spec->sysroot : "", ret_all, &used))
		return true; /* nobody counts them: QEMU will say */
	for (unsigned i = 0; i < r->jobs; i++) {
		const struct slot *slot = &r->slot[i];

		used += slot->job && slot->job->boot.platform == PLATFORM_HARDWARE && !slot->ready;
	}
	return used < *ret_all;
}

/* True: start_more() is called again later. */
static bool must_wait(struct runner *r, const struct job *j)
{
	unsigned long all = 0;

	if (j->boot.platform != PLATFORM_HARDWARE || keyid_is_free(r, &all) ||
	    r->waited >= RUNNER_KEYID_WAIT_S) {
		r->waited = 0;
		return false;
	}
	if (r->waited++ == 0 && r->spec->waiting)
		r->spec->waiting(r->spec->userdata, all);
	return r->waiting || sd_event_add_time_relative(r->event, &r->waiting, CLOCK_MONOTONIC,
	                                                KEYID_LOOK_US, 0, look_again, r) >= 0;
}

static void start_more(struct runner *r)
{
	struct err e = {0};

	for (unsigned i = 0; i < r->jobs && r->queue.first && !r->signal; i++) {
		struct slot *slot = &r->slot[i];
		struct session_spec s = {
		        .machine = {.parts = r->spec->parts,
		                    .qemu = r->record->host.qemu,
		                    .qemu_version = r->record->host.qemu_version,
		                    .tsc_khz = r->record->host.tsc_khz},
		        .boots_dir = r->boots_dir,
		        .cases = r->spec->cases,
		        .release = r->spec->release,
		        .release_data = r->spec->userdata,
		        .keep = r->spec->kept && !r->spec->kept->machine ? r->spec->keep : NULL,
		        .keep_data = r->spec->userdata,
		};

		if (slot->job)
			continue;
		if (must_wait(r, r->queue.first))
			return;
		slot->job = jobs_take(&r->queue);
		slot->ready = false;
		slot->runner = r;
		r->running++;
		s.attempt = slot->job->attempt;
		s.planned = r->record->boot[slot->job->index].visit;
		s.machine.boot = &slot->job->boot;
		s.machine.port = slot->ports.far;
		s.machine.ports = s.keep ? TASK_PORTS : 0;
		s.machine.qgs = r->qgs;
		s.machine.quotes = &r->spec->quotes;
		s.machine.here = r->spec->here;
		s.machine.qgs_socket = r->qgs_socket;
		if ((s.keep && task_ports_make(&slot->ports, &e) < 0) ||
		    session_start(r->event, &s, on_session, slot, &slot->session, &e) < 0) {
			fail(r, &e);
			return;
		}
	}
	if (r->running == 0)
		r->over = true;
}

/* Its machine, if that stays up. */
static void stay_up(struct runner *r, struct slot *slot)
{
	uint32_t sequence = 0;
	struct machine *m = session_take_machine(slot->session, &sequence);

	if (!m)
		return;
	*r->spec->kept = (struct kept_boot){.machine = m, .boot = slot->job->boot,
	                                      .sequence = sequence,
	                                      .dir_fd = -1};
	r->spec->kept->boot.step = NULL;
	r->spec->kept->boot.steps = 0;
	memcpy(r->spec->kept->task, slot->ports.near, sizeof(slot->ports.near));
	slot->ports.open = false;
}

static void boot_over(struct runner *r, struct slot *slot)
{
	struct boot_record b;
	struct err e = {0};
	int code;

	stay_up(r, slot);
	session_free(TAKE_PTR(slot->session), &b);
	task_ports_done(&slot->ports);
	code = follow_up(r, slot->job, &b, &e);
	boot_record_done(&b);
	if (code == 0)
		code = save(r, &e);
	job_free(TAKE_PTR(slot->job));
	r->running--;
	if (code < 0)
		fail(r, &e);
	else
		start_more(r);
}

static void on_session(struct session *s, enum session_event what, const struct visit_record *visit,
                       void *userdata)
{
	struct slot *slot = userdata;
	struct runner *r = slot->runner;
	struct err e = {0};

	slot->ready |= what == SESSION_READY;
	if (what == SESSION_VISIT_OVER && save(r, &e) < 0)
		fail(r, &e);
	if (r->spec->progress)
		r->spec->progress(r->spec->userdata, what, session_record(s), visit);
	if (what == SESSION_OVER)
		boot_over(r, slot);
}

/* ---- signals ---- */

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct runner *r = userdata;
	char reason[64];

	(void)source;
	r->signal = (int)si->ssi_signo;
	if (r->spec->stopping)
		r->spec->stopping(r->spec->userdata, r->signal);
	snprintf(reason, sizeof(reason), "the run was interrupted by SIG%s",
	         sigabbrev_np(r->signal));
	for (unsigned i = 0; i < r->jobs; i++) {
		if (r->slot[i].session)
			session_stop(r->slot[i].session, reason);
	}
	if (r->running == 0)
		r->over = true;
	/* Another one ends us at once: the record is on the disk, and guests end with us. */
	sigprocmask(SIG_UNBLOCK, &r->signals, NULL);
	return 0;
}

static int watch_signals(struct runner *r, struct err *e)
{
	static const int signals[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
	int code = process_signals_init(e);

	if (code < 0)
		return code;
	sigemptyset(&r->signals);
	for (size_t i = 0; i < COUNT_OF(signals); i++)
		sigaddset(&r->signals, signals[i]);
	if (sigprocmask(SIG_BLOCK, &r->signals, NULL) < 0)
		return err_sys(e, -errno, "sigprocmask");
	for (size_t i = 0; i < COUNT_OF(signals); i++) {
		code = sd_event_add_signal(r->event, &r->signal_source[i], signals[i], on_signal, r);
		if (code < 0)
			return err_sys(e, code, "watching signals");
	}
	return 0;
}

/* ---- beginning and end ---- */

/* Its socket is reached through our descriptor of the run's folder: sun_path is short. */
static int start_quoting(struct runner *r, struct err *e)
{
	struct qgs_config config = {.authority = r->spec->authority};

	if (!r->spec->authority)
		return 0;
	snprintf(r->qgs_socket, sizeof(r->qgs_socket), "/proc/self/fd/%d/" STORE_QGS_SOCKET, r->dir_fd);
	return qgs_new(r->event, r->qgs_socket, &config, &r->qgs, e);
}

static int prepare(struct runner *r, struct err *e)
{
	int code;

	r->dir_fd = open(r->record->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->dir_fd < 0)
		return err_sys(e, -errno, "%s", r->record->dir);
	if (asprintf(&r->boots_dir, "%s/boots", r->record->dir) < 0) {
		r->boots_dir = NULL;
		return err_nomem(e);
	}
	code = sd_event_new(&r->event);
	if (code < 0)
		return err_sys(e, code, "event loop");
	code = watch_signals(r, e);
	if (code == 0)
		code = start_quoting(r, e);
	for (size_t i = 0; i < r->spec->plan->boots && code == 0; i++) {
		const struct boot *b = &r->spec->plan->boot[i];

		code = plan_boot(r, b, 0, b->id, run_record_attempts(r->record, b->id) + 1, 0, e);
	}
	return code;
}

static int copy_skips(struct runner *r, struct err *e)
{
	const struct plan *p = r->spec->plan;

	if (r->record->skip) /* a run that goes on has them */
		return 0;
	r->record->skip = calloc(p->skips ? p->skips : 1, sizeof(*p->skip));
	if (!r->record->skip)
		return err_nomem(e);
	if (p->skips)
		memcpy(r->record->skip, p->skip, p->skips * sizeof(*p->skip));
	r->record->skips = p->skips;
	return 0;
}

/* Boots that were still waiting when the run ended. */
static void record_rest(struct runner *r)
{
	static const char reason[] = "the run was interrupted before this boot";
	struct job *j;

	while ((j = jobs_take(&r->queue))) {
		struct boot_record *b = &r->record->boot[j->index];

		snprintf(b->reason, sizeof(b->reason), "%s", reason);
		journal_give_up(b, 0, reason);
		job_free(j);
	}
}

static void runner_done(struct runner *r)
{
	for (unsigned i = 0; i < JOBS_MAX; i++) {
		session_free(r->slot[i].session, NULL);
		job_free(r->slot[i].job);
	}
	jobs_done(&r->queue);
	sd_event_source_unref(r->waiting);
	for (size_t i = 0; i < SIGNALS; i++)
		sd_event_source_disable_unref(r->signal_source[i]);
	sigprocmask(SIG_UNBLOCK, &r->signals, NULL); /* what follows can be ended at once */
	free(r->boots_dir);
	if (r->spec->kept && r->spec->kept->machine) {
		r->spec->kept->event = TAKE_PTR(r->event);
		r->spec->kept->qgs = TAKE_PTR(r->qgs);
		r->spec->kept->dir_fd = TAKE_FD(r->dir_fd);
	}
	qgs_free(r->qgs);
	sd_event_unref(r->event);
	closep(&r->dir_fd);
}

int runner_execute(const struct run_spec *spec, struct run_record *record, int *ret_signal,
                   struct err *e)
{
	struct runner r = {.spec = spec, .record = record, .dir_fd = -1};
	struct timespec a, b;
	int code;

	jobs_init(&r.queue);
	r.jobs = spec->jobs < 1 ? 1 : spec->jobs > JOBS_MAX ? JOBS_MAX : spec->jobs;
	if (!record->started)
		record->started = time(NULL);
	clock_gettime(CLOCK_MONOTONIC, &a);
	code = prepare(&r, e);
	if (code == 0)
		code = copy_skips(&r, e);
	if (code == 0)
		code = save(&r, e);
	if (code == 0) {
		start_more(&r);
		while (!r.over && code >= 0)
			code = sd_event_run(r.event, UINT64_MAX);
		if (code < 0)
			err_sys(e, code, "event loop");
	}
	if (code > 0)
		code = 0;
	if (code == 0 && r.failure.code) {
		code = r.failure.code;
		*e = r.failure;
	}
	if (code == 0)
		record_rest(&r);
	clock_gettime(CLOCK_MONOTONIC, &b);
	record->seconds += (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	record->ended = code == 0;
	if (code == 0)
		code = store_save(record, e);
	if (code == 0)
		*ret_signal = r.signal;
	runner_done(&r);
	return code;
}
