/* SPDX-License-Identifier: Apache-2.0 */
/* Boots, faults and signals, with a stand-in for QEMU (cases/standin-qemu): no guest is booted. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "format/bytes.h"
#include "judge/broken.h"
#include "record/store.h"
#include "run/process.h"
#include "run/runner.h"
#include "test/patience.h"
#include "test/scratch.h"
#include "test/tests.h"

#define CELLS 3
static const char *const cell_ids[CELLS] = {"vm", "vm/docker", "vm/podman.rootful"};

static struct test_case cases_item[CELLS];
static struct case_file cases = {.item = cases_item, .count = CELLS};
static struct run_record record;
static char case_path[PATH_MAX];

/* Deadlines: one that nothing here reaches on any machine, and one that is waited for. */
#define LONG  patience(60)
#define SHORT patience(2)

static struct step steps[CELLS];
static int boot_deadline_s;

static void set_up(void)
{
	struct err e;
	FILE *f;

	scratch_make();
	snprintf(case_path, sizeof(case_path), "%s/cases.yaml", scratch);
	f = fopen(case_path, "w");
	fputs("version: 1\n", f);
	fclose(f);
	for (size_t i = 0; i < CELLS; i++) {
		ck_assert_int_eq(cell_parse(cell_ids[i], &cases_item[i].cell, &e), 0);
		strcpy(cases_item[i].id, cell_ids[i]);
	}
	ck_assert_int_eq(store_run_id(&record.id, &e), 0);
	ck_assert_int_gt(asprintf(&record.dir, "%s/run", scratch), 0);
	ck_assert_int_eq(store_create(record.dir, case_path, &e), 0);
	ck_assert_ptr_nonnull(realpath("cases/standin-qemu", record.host.qemu));
	record.host.cpus = 1;
	unsetenv("TCEPTION_STANDIN");
	unsetenv("TCEPTION_STANDIN_ONCE");
	boot_deadline_s = LONG;
	for (size_t i = 0; i < CELLS; i++)
		steps[i] = (struct step){i, LONG};
}

static void tear_down(void)
{
	run_record_done(&record);
	scratch_remove();
	/* Nothing was left running: not even a zombie. */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

static struct guest_parts parts = {.kernel = {{(char *)"kernel", (char *)"initrd"}},
                                   .root = {{.path = (char *)"root"}},
                                   .firmware = (char *)"firmware",
                                   .module = (char *)"module"};

static enum platform platform;

static struct boot a_boot(const char *id)
{
	struct boot b = {.layer0 = {.kind = &kind_rows[KIND_VM]},
	                 .platform = platform,
	                 .layer0_id = "vm",
	                 .memory_mib = 128,
	                 .vcpus = 1,
	                 .boot_deadline_s = boot_deadline_s,
	                 .step = steps,
	                 .steps = CELLS};

	snprintf(b.id, sizeof(b.id), "%s", id);
	return b;
}

static const char *sysroot;
static void (*on_waiting)(void *userdata, unsigned long keyids);
static void (*on_progress)(void *userdata, enum session_event what, const struct boot_record *boot,
                           const struct visit_record *visit);

/* What was recorded of it is what is on the disk. */
static void check_evidence(const struct boot_record *b)
{
	_cleanup_(bytes_free) struct bytes channel = {0};
	char why[JUDGE_TEXT_MAX];
	struct err e;

	ck_assert_int_eq(store_channel(record.dir, b->boot.id, &channel, &e), 0);
	unchanged_check(b, &channel, why);
	ck_assert_str_eq(why, "");
	for (size_t i = 0; i < b->visits; i++)
		ck_assert(b->visit[i].evidence.known || b->visit[i].state == VISIT_NOT_RUN);
	if (channel.size > 0) { /* and not another byte */
		((uint8_t *)channel.data)[channel.size - 1] ^= 1;
		unchanged_check(b, &channel, why);
		ck_assert_str_ne(why, "");
	}
}

static int execute(size_t boots, unsigned jobs)
{
	struct boot boot[4] = {a_boot("vm-1"), a_boot("vm-2"), a_boot("vm-3"), a_boot("vm-4")};
	struct plan plan = {.boot = boot, .boots = boots};
	struct run_spec spec = {.cases = &cases,
	                        .plan = &plan,
	                        .parts = &parts,
	                        .jobs = jobs,
	                        .quotes = {.path = "/run/qgs"},
	                        .sysroot = sysroot,
	                        .waiting = on_waiting,
	                        .progress = on_progress};
	struct run_record loaded;
	struct err e = {0};
	int signal_number = -1, r;

	r = runner_execute(&spec, &record, &signal_number, &e);
	ck_assert_msg(r == 0, "%s", e.text);
	/* Whatever happened, the folder can be read again. */
	r = store_load(record.dir, &loaded, &e);
	ck_assert_msg(r == 0, "%s", e.text);
	ck_assert_uint_eq(loaded.boots, record.boots);
	ck_assert(loaded.ended);
	for (size_t i = 0; i < loaded.boots; i++)
		check_evidence(&loaded.boot[i]);
	run_record_done(&loaded);
	return signal_number;
}

static void check_visit(size_t boot, size_t visit, const char *cell, enum visit_state state)
{
	const struct visit_record *v;

	ck_assert_uint_lt(boot, record.boots);
	ck_assert_uint_lt(visit, record.boot[boot].visits);
	v = &record.boot[boot].visit[visit];
	ck_assert_str_eq(v->cell_id, cell);
	ck_assert_msg(v->state == state, "%s is %s (%s), expected %s", cell,
	              visit_state_names[v->state], v->reason, visit_state_names[state]);
	ck_assert_int_eq(v->reason[0] != 0, state != VISIT_DONE);
	ck_assert_uint_le(v->begin, v->end);
}

static uint64_t file_size(const char *boot, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/boots/%s/%s", record.dir, boot, name);
	ck_assert_msg(stat(path, &st) == 0, "%s", path);
	return (uint64_t)st.st_size;
}

/* ---- KeyIDs of a host that are in use ---- */

static unsigned waits, at_once, most_at_once;

static void put_keyids(const char *name, unsigned keyids)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/sys/fs/cgroup", scratch);
	ck_assert_int_eq(file_make_dirs(path, 0700, &(struct err){0}), 0);
	snprintf(path, sizeof(path), "%s/sys/fs/cgroup/%s", scratch, name);
	f = fopen(path, "w");
	fprintf(f, "sev 0\ntdx %u\n", keyids);
	fclose(f);
}

/* Somebody else's trust domain ends while we wait for it. */
static void another_ends(void *userdata, unsigned long keyids)
{
	(void)userdata;
	ck_assert_uint_eq(keyids, 1);
	waits++;
	put_keyids("misc.current", at_once);
}

static void count_boots(void *userdata, enum session_event what, const struct boot_record *boot,
                        const struct visit_record *visit)
{
	(void)userdata, (void)boot, (void)visit;
	at_once += what == SESSION_STARTED;
	at_once -= what == SESSION_OVER;
	put_keyids("misc.current", at_once);
	if (at_once > most_at_once)
		most_at_once = at_once;
}

/* Two boots side by side are asked for, and there is one KeyID, which is in use at first. */
TEST(hardware_waits_for_a_keyid)
{
	platform = PLATFORM_HARDWARE;
	put_keyids("misc.capacity", 1);
	put_keyids("misc.current", 1);
	sysroot = scratch;
	on_waiting = another_ends;
	on_progress = count_boots;
	ck_assert_int_eq(execute(2, 2), 0);
	ck_assert_uint_ge(waits, 2); /* for the other one, then for our own */
	ck_assert_uint_eq(most_at_once, 1);
	check_visit(0, CELLS - 1, cell_ids[CELLS - 1], VISIT_DONE);
	check_visit(1, CELLS - 1, cell_ids[CELLS - 1], VISIT_DONE);
}

/* While it runs, run.json has the plan, and each visit before it is told. */
static size_t told;

static void look_at_record(void *userdata, enum session_event what, const struct boot_record *boot,
                           const struct visit_record *visit)
{
	struct run_record now;
	struct err e;

	(void)userdata;
	(void)boot;
	if (what == SESSION_STARTED && told == 0) {
		ck_assert_int_eq(store_load(record.dir, &now, &e), 0);
		ck_assert(!now.ended);
		ck_assert_uint_eq(now.boots, 2);
		ck_assert_uint_eq(now.boot[1].visits, CELLS);
		run_record_done(&now);
	}
	if (what != SESSION_VISIT_OVER)
		return;
	ck_assert_int_eq(store_load(record.dir, &now, &e), 0);
	for (size_t i = 0; i < CELLS; i++) {
		const struct visit_record *v = &now.boot[told / CELLS].visit[i];

		ck_assert_str_eq(v->cell_id, cell_ids[i]);
		ck_assert_int_eq(v->state == VISIT_DONE, i <= told % CELLS);
		if (strcmp(v->cell_id, visit->cell_id) == 0)
			ck_assert_mem_eq(v->nonce, visit->nonce, sizeof(v->nonce));
	}
	told++;
	run_record_done(&now);
}

TEST(nothing_lost)
{
	on_progress = look_at_record;
	ck_assert_int_eq(execute(2, 1), 0);
	ck_assert_uint_eq(told, 2 * CELLS);
}

TEST(all_well)
{
	ck_assert_int_eq(execute(1, 1), 0);
	ck_assert_uint_eq(record.boots, 1);
	ck_assert_uint_eq(record.boot[0].visits, CELLS);
	for (size_t i = 0; i < CELLS; i++)
		check_visit(0, i, cell_ids[i], VISIT_DONE);
	ck_assert_str_eq(record.boot[0].reason, "");
	ck_assert(record.boot[0].ready_seconds >= 0);
	/* Visits lie one after the other, and CLOCK frames between them. */
	ck_assert_uint_eq(record.boot[0].clocks, CELLS + 1);
	for (size_t i = 0; i < CELLS; i++) {
		const struct visit_record *v = &record.boot[0].visit[i];

		ck_assert_uint_lt(record.boot[0].clock[i].at, v->begin);
		ck_assert_uint_lt(v->begin, v->end);
		ck_assert_uint_ge(record.boot[0].clock[i + 1].at, v->end);
	}
	ck_assert_uint_ge(record.boot[0].clock[0].at, 36); /* READY */
	ck_assert_uint_lt(record.boot[0].clock[CELLS].at, file_size("vm-1", "channel.bin"));
	ck_assert_ptr_nonnull(strstr(record.boot[0].console_tail, "standin: bye"));
	ck_assert_str_eq(record.boot[0].argv[0], record.host.qemu);
}

/* A fault while vm/docker is visited: that cell breaks, the others go on in another boot. */
static const struct {
	const char *fault;
	enum visit_state state;
	const char *reason, *console;
} faults[] = {
        {"hang", VISIT_TIMEOUT, "no DONE within the deadline", "about to hang"},
        {"trickle", VISIT_TIMEOUT, "no DONE within the deadline", "about to trickle"},
        {"die", VISIT_DIED, "QEMU ended with exit status 3: standin: internal error", "about to"},
        {"crash", VISIT_DIED, "QEMU was killed by signal 11", "about to crash"},
        {"panic", VISIT_DIED, "the guest ended by itself", "Kernel panic - not syncing"},
        {"garbage", VISIT_GARBAGE, "no frame header at byte", "about to garbage"},
        {"oversize", VISIT_GARBAGE, "no frame header at byte", "about to oversize"},
        {"flood", VISIT_FLOOD, "sent more than 67108864 bytes in one visit", "about to flood"},
        {"eof", VISIT_TIMEOUT, "", "about to eof"},
        {"console-flood", VISIT_TIMEOUT, "no DONE within", "flood ?[31m? "},
        {"grandchild", VISIT_DIED, "QEMU ended with exit status 4", "about to grandchild"},
};

TEST_EACH(fault_in_a_visit, faults)
{
	char setting[64];

	snprintf(setting, sizeof(setting), "vm/docker=%s", faults[_i].fault);
	if (faults[_i].state == VISIT_TIMEOUT)
		steps[1].deadline_s = SHORT;
	setenv("TCEPTION_STANDIN", setting, 1);
	ck_assert_int_eq(execute(1, 1), 0);
	ck_assert_uint_eq(record.boots, 2);
	ck_assert_uint_eq(record.boot[0].visits, 2);
	check_visit(0, 0, "vm", VISIT_DONE);
	check_visit(0, 1, "vm/docker", faults[_i].state);
	ck_assert_msg(strstr(record.boot[0].reason, faults[_i].reason), "%s",
	              record.boot[0].reason);
	ck_assert_msg(strstr(record.boot[0].console_tail, faults[_i].console), "%s",
	              record.boot[0].console_tail);
	ck_assert_uint_eq(record.boot[1].visits, 2);
	ck_assert_str_eq(record.boot[1].boot.id, "vm-1.2");
	ck_assert_int_eq(record.boot[1].attempt, 2);
	check_visit(1, 0, "vm", VISIT_DONE);
	check_visit(1, 1, "vm/podman.rootful", VISIT_DONE);
	/* A hostile guest can't fill the disk. */
	ck_assert_uint_lt(file_size("vm-1", "channel.bin"), (64u << 20) + (1u << 20));
	ck_assert_uint_lt(file_size("vm-1", "console.log"), SINK_LIMIT + 100);
	ck_assert_uint_le(record.boot[0].visit[1].end, file_size("vm-1", "channel.bin"));
}

/* The last cell's fault needs no further boot. */
TEST(fault_in_the_last_visit)
{
	setenv("TCEPTION_STANDIN", "vm/podman.rootful=die", 1);
	ck_assert_int_eq(execute(1, 1), 0);
	ck_assert_uint_eq(record.boots, 1);
	check_visit(0, 2, "vm/podman.rootful", VISIT_DIED);
}

static const char *const start_faults[] = {"start-fail", "start-hang", "die",
                                           "garbage",    "clock-hang", "clock-flood"};

/* Layer 0 fails twice in a row: its cells are given up, each with the reason. */
TEST_EACH(layer0_fails_twice, start_faults)
{
	char setting[64];

	snprintf(setting, sizeof(setting), "vm=%s", start_faults[_i]);
	if (strstr(start_faults[_i], "hang"))
		boot_deadline_s = SHORT;
	setenv("TCEPTION_STANDIN", setting, 1);
	ck_assert_int_eq(execute(1, 1), 0);
	ck_assert_uint_eq(record.boots, 2);
	ck_assert_uint_eq(record.boot[0].visits, 1);
	ck_assert_int_ne(record.boot[0].visit[0].state, VISIT_DONE);
	ck_assert_uint_eq(record.boot[1].visits, CELLS);
	ck_assert_int_ne(record.boot[1].visit[0].state, VISIT_DONE);
	check_visit(1, 1, "vm/docker", VISIT_NOT_RUN);
	check_visit(1, 2, "vm/podman.rootful", VISIT_NOT_RUN);
	ck_assert_ptr_nonnull(strstr(record.boot[1].visit[1].reason, "2 boots in a row"));
}

/* ... but once is not enough. */
TEST(layer0_fails_once)
{
	setenv("TCEPTION_STANDIN", "vm=die", 1);
	setenv("TCEPTION_STANDIN_ONCE", scratch, 1);
	ck_assert_int_eq(execute(1, 1), 0);
	ck_assert_uint_eq(record.boots, 2);
	for (size_t i = 0; i < CELLS; i++)
		check_visit(1, i, cell_ids[i], VISIT_DONE);
}

TEST(no_qemu)
{
	strcpy(record.host.qemu, "/nonexistent/qemu");
	ck_assert_int_eq(execute(1, 1), 0);
	ck_assert_uint_eq(record.boots, 2);
	check_visit(0, 0, "vm", VISIT_DIED);
	ck_assert_ptr_nonnull(strstr(record.boot[0].reason, "cannot start /nonexistent/qemu"));
	check_visit(1, 2, "vm/podman.rootful", VISIT_NOT_RUN);
}

static int running, most;

static void count_running(void *userdata, enum session_event what, const struct boot_record *boot,
                          const struct visit_record *visit)
{
	(void)userdata;
	(void)boot;
	(void)visit;
	running += (what == SESSION_STARTED) - (what == SESSION_OVER);
	most = running > most ? running : most;
}

TEST(several_boots)
{
	setenv("TCEPTION_STANDIN", "vm/docker=hang", 1);
	steps[1].deadline_s = SHORT;
	on_progress = count_running;
	ck_assert_int_eq(execute(4, 4), 0);
	ck_assert_uint_eq(record.boots, 8);
	ck_assert_int_eq(most, 4); /* side by side */
}

/* ---- signals: the run ends at once, leaves nothing behind, and says what it did not do ---- */

static int number_to_send;

static void interrupt_me(void *userdata, enum session_event what, const struct boot_record *boot,
                         const struct visit_record *visit)
{
	(void)userdata;
	(void)boot;
	if (what == SESSION_VISIT_BEGUN && strcmp(visit->cell_id, "vm/docker") == 0)
		kill(getpid(), number_to_send);
}

static const int end_signals[] = {SIGINT, SIGTERM, SIGHUP};

TEST_EACH(interrupted, end_signals)
{
	sigset_t set;

	/* As runner_execute does, but before the signal can come. */
	sigemptyset(&set);
	sigaddset(&set, end_signals[_i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setenv("TCEPTION_STANDIN", "vm/docker=hang", 1);
	number_to_send = end_signals[_i];
	on_progress = interrupt_me;
	ck_assert_int_eq(execute(2, 1), end_signals[_i]);
	ck_assert_msg(record.seconds < LONG, "%f s", record.seconds);
	ck_assert_uint_eq(record.boots, 2);
	check_visit(0, 0, "vm", VISIT_DONE);
	check_visit(0, 1, "vm/docker", VISIT_NOT_RUN);
	check_visit(0, 2, "vm/podman.rootful", VISIT_NOT_RUN);
	ck_assert_ptr_nonnull(strstr(record.boot[0].reason, "interrupted by SIG"));
	for (size_t i = 0; i < CELLS; i++)
		check_visit(1, i, cell_ids[i], VISIT_NOT_RUN);
}

TEST(power_off_is_bounded)
{
	setenv("TCEPTION_STANDIN", "none=no-poweroff", 1);
	ck_assert_int_eq(execute(1, 1), 0);
	ck_assert_uint_eq(record.boots, 1);
	check_visit(0, 2, "vm/podman.rootful", VISIT_DONE);
	ck_assert_ptr_nonnull(strstr(record.boot[0].reason, "did not power off"));
}

/*
 * An emulated TD gets its RAM, and the module with a configuration behind it, both without a name
 * in the file system. 0x31464346444c4b54: TDXEMU_CONFIG_MAGIC.
 */
TEST_RANGE(emulated_td, 0, 2)
{
	static const char *const want[] = {
	        "module of 5 bytes, magic 31464346444c4b54, version 2, flags 2, memory 536870912, "
	        "low 536870912, attributes 10000000, vcpus 1, 2300123 kHz, key set, RAM file "
	        "1342177280",
	        "version 2, flags 3, memory 536870912"}; /* TDXEMU_FLAG_PAGES, then _VE too */
	struct boot boot = a_boot("td-1");
	struct plan plan = {.boot = &boot, .boots = 1};
	struct run_spec spec = {.cases = &cases, .plan = &plan, .parts = &parts, .jobs = 1};
	char path[PATH_MAX];
	struct err e = {0};
	int number, r;
	FILE *f;

	snprintf(path, sizeof(path), "%s/module", scratch);
	f = fopen(path, "w");
	fputs("12345", f);
	fclose(f);
	parts.module = path;
	boot.platform = PLATFORM_EMULATED;
	boot.memory_mib = 512;
	boot.layer0.kind = &kind_rows[KIND_TD];
	snprintf(boot.layer0_id, sizeof(boot.layer0_id), _i ? "td@exits=ve" : "td");
	if (_i)
		boot.layer0.axis[boot.layer0.axes++] =
		        (struct axis_value){.axis = AXIS_EXITS, .word = WORD_EXITS_VE};
	boot.steps = 0;
	record.host.tsc_khz = 2300123;
	r = authority_open(scratch, &spec.authority, &e);
	ck_assert_msg(r == 0, "%s", e.text);
	r = runner_execute(&spec, &record, &number, &e);
	ck_assert_msg(r == 0, "%s", e.text);
	check_visit(0, 0, boot.layer0_id, VISIT_DONE);
	ck_assert_msg(strstr(record.boot[0].console_tail, want[_i]), "%s",
	              record.boot[0].console_tail);
	ck_assert_uint_eq(file_size("td-1", "module.log"), 0);
	snprintf(path, sizeof(path), "%s/qgs.socket", record.dir);
	ck_assert_int_eq(access(path, F_OK), -1);
	authority_free(spec.authority);
}

TESTS("runner", .apart = true, .timeout = 120, .setup = set_up, .teardown = tear_down)
