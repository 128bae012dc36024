/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/enum.h"
#include "core/file.h"
#include "format/bytes.h"
#include "record/store.h"
#include "test/scratch.h"
#include "test/tests.h"

static char dir[PATH_MAX - 64], case_path[PATH_MAX];

static void set_up(void)
{
	FILE *f;

	scratch_make();
	snprintf(dir, sizeof(dir), "%s/a/b/run", scratch);
	snprintf(case_path, sizeof(case_path), "%s/cases.yaml", scratch);
	f = fopen(case_path, "w");
	fputs("version: 1\n", f);
	fclose(f);
}

static char *args[] = {(char *)"/usr/bin/qemu", (char *)"-m", (char *)"2048", NULL};
static struct step steps[] = {{3, 180}, {5, 60}};

static struct visit_record visits[] = {
        {.cell_id = "td@mem=1024",
         .layers = 1,
         .nonce = {{1, 2, 0xff}},
         .probe0 = true,
         .begin = 0,
         .end = 4096,
         .evidence = {true, 4096, {9, 8, 7}},
         .seconds = 1.25,
         .state = VISIT_DONE},
        {.cell_id = "td@mem=1024/docker+dev",
         .layers = 2,
         .nonce = {{3}, {4}},
         .begin = 4096,
         .end = 5000,
         .seconds = 60.5,
         .state = VISIT_FLOOD,
         .reason = "sent more than \"it\" may",
         .secret = {true, true, true, "", {5, 6, 7, [31] = 0xfe}}},
};

static struct boot_record boots[] = {
        {.boot = {.id = "td-1.2",
                  .layer0 = {.kind = &kind_rows[KIND_TD],
                             .axes = 1,
                             .axis = {{AXIS_MEM, WORD_NUMBER, 1024}}},
                  .layer0_id = "td@mem=1024",
                  .platform = PLATFORM_EMULATED,
                  .memory_mib = 1024,
                  .vcpus = 2,
                  .kernel = KERNEL_BACKPORTS,
                  .image = IMAGE_MINIMAL,
                  .boot_deadline_s = 90,
                  .step = steps,
                  .steps = 2},
         .attempt = 2,
         .argv = args,
         .ready_seconds = 5.5,
         .seconds = 70,
         .reason = "why",
         .console_tail = (char *)"two\nlines",
         .visit = visits,
         .visits = 2,
         .tail = {true, 77, {1}}},
        {.boot = {.id = "vm-1",
                  .layer0 = {.kind = &kind_rows[KIND_VM]},
                  .layer0_id = "vm",
                  .kvm = true,
                  .memory_mib = 512,
                  .vcpus = 1},
         .attempt = 1,
         .ready_seconds = -1,
         .console_tail = (char *)""},
};
static struct skip skips[] = {{7, true, "no TDX on this host"}};

static unsigned shard_of[] = {1, 0, 3, 2};

static struct run_record a_record(void)
{
	return (struct run_record){.id = (char *)"20260131T120000Z-1a2b3c4d",
	                           .dir = dir,
	                           .command = args,
	                           .directory = (char *)"/home/user",
	                           .host = {.qemu = "/usr/bin/qemu",
	                                    .qemu_version = "7.2.22",
	                                    .kvm_reason = "no /dev/kvm",
	                                    .tdx_usable = true,
	                                    .tdx_reason = "yes",
	                                    .kernel = "6.12",
	                                    .cpu = "Xeon",
	                                    .cpus = 2,
	                                    .memory_mib = 24105,
	                                    .tsc_khz = 2300123},
	                           .started = 1795521600,
	                           .seconds = 71.5,
	                           .root_pem = (char *)"-----BEGIN CERTIFICATE-----\n",
	                           .boot = boots,
	                           .boots = 2,
	                           .skip = skips,
	                           .skips = 1,
	                           .shard = {2, 3, shard_of, 4}};
}

static void same_visit(const struct visit_record *a, const struct visit_record *b)
{
	ck_assert_str_eq(a->cell_id, b->cell_id);
	ck_assert_uint_eq(a->layers, b->layers);
	ck_assert_mem_eq(a->nonce, b->nonce, sizeof(a->nonce));
	ck_assert_int_eq(a->probe0, b->probe0);
	ck_assert_uint_eq(a->begin, b->begin);
	ck_assert_uint_eq(a->end, b->end);
	ck_assert_int_eq(a->evidence.known, b->evidence.known);
	ck_assert_uint_eq(a->evidence.size, b->evidence.size);
	ck_assert_mem_eq(a->evidence.sha256, b->evidence.sha256, SHA256_SIZE);
	ck_assert_double_eq(a->seconds, b->seconds);
	ck_assert_int_eq(a->state, b->state);
	ck_assert_str_eq(a->reason, b->reason);
	ck_assert_int_eq(a->secret.wanted, b->secret.wanted);
	ck_assert_int_eq(a->secret.answered, b->secret.answered);
	ck_assert_int_eq(a->secret.released, b->secret.released);
	ck_assert_str_eq(a->secret.reason, b->secret.reason);
	ck_assert_mem_eq(a->secret.proof, b->secret.proof, SECRET_PROOF_SIZE);
}

static void same_boot(const struct boot_record *a, const struct boot_record *b)
{
	ck_assert_str_eq(a->boot.id, b->boot.id);
	ck_assert_str_eq(a->boot.layer0_id, b->boot.layer0_id);
	ck_assert(layer_same(&a->boot.layer0, &b->boot.layer0));
	ck_assert_uint_eq(a->boot.layer0.axes, b->boot.layer0.axes);
	ck_assert_int_eq(a->boot.platform, b->boot.platform);
	ck_assert_int_eq(a->boot.kvm, b->boot.kvm);
	ck_assert_uint_eq(a->boot.memory_mib, b->boot.memory_mib);
	ck_assert_uint_eq(a->boot.vcpus, b->boot.vcpus);
	ck_assert_int_eq(a->boot.kernel, b->boot.kernel);
	ck_assert_int_eq(a->boot.image, b->boot.image);
	ck_assert_int_eq(a->boot.boot_deadline_s, b->boot.boot_deadline_s);
	ck_assert_uint_eq(a->boot.steps, b->boot.steps);
	for (size_t i = 0; i < a->boot.steps; i++) {
		ck_assert_uint_eq(a->boot.step[i].case_index, b->boot.step[i].case_index);
		ck_assert_int_eq(a->boot.step[i].deadline_s, b->boot.step[i].deadline_s);
	}
	ck_assert_int_eq(a->attempt, b->attempt);
	for (size_t i = 0; b->argv && b->argv[i]; i++)
		ck_assert_str_eq(a->argv[i], b->argv[i]);
	ck_assert_double_eq(a->ready_seconds, b->ready_seconds);
	ck_assert_double_eq(a->seconds, b->seconds);
	ck_assert_str_eq(a->reason, b->reason);
	ck_assert_str_eq(a->console_tail, b->console_tail);
	ck_assert_uint_eq(a->visits, b->visits);
	for (size_t i = 0; i < a->visits; i++)
		same_visit(&a->visit[i], &b->visit[i]);
}

TEST(round_trip)
{
	struct run_record r = a_record(), back;
	struct err e = {0};
	struct bytes channel;

	ck_assert_msg(store_create(dir, case_path, &e) == 0, "%s", e.text);
	ck_assert_msg(store_save(&r, &e) == 0, "%s", e.text);
	ck_assert_msg(store_save(&r, &e) == 0, "again: %s", e.text);
	ck_assert_msg(store_load(dir, &back, &e) == 0, "%s", e.text);
	ck_assert_str_eq(back.id, r.id);
	ck_assert_str_eq(back.dir, dir);
	ck_assert_str_eq(back.root_pem, r.root_pem);
	ck_assert_int_eq(back.started, r.started);
	ck_assert_double_eq(back.seconds, r.seconds);
	ck_assert_mem_eq(&back.host, &r.host, sizeof(r.host));
	ck_assert_uint_eq(back.boots, 2);
	same_boot(&back.boot[0], &boots[0]);
	same_boot(&back.boot[1], &boots[1]);
	ck_assert_uint_eq(back.skips, 1);
	ck_assert_uint_eq(back.skip[0].case_index, 7);
	ck_assert_str_eq(back.skip[0].reason, skips[0].reason);
	ck_assert_uint_eq(back.shard.number, 2);
	ck_assert(shard_same_parts(&back.shard, &r.shard));
	run_record_done(&back);
	ck_assert_int_eq(store_channel(dir, "vm-1", &channel, &e), 0);
	ck_assert_uint_eq(channel.size, 0);
	bytes_free(&channel);
}

TEST(one_run_a_folder)
{
	struct run_record r = a_record();
	struct err e;
	int lock, other;

	ck_assert_int_eq(store_lock(dir, &lock, &e), 0);
	ck_assert_int_eq(store_lock(dir, &other, &e), -EBUSY);
	ck_assert_int_eq(store_create(dir, case_path, &e), 0);
	ck_assert_int_eq(store_create(dir, case_path, &e), 0); /* killed before there was a plan */
	ck_assert_int_eq(store_save(&r, &e), 0);
	ck_assert_int_eq(store_create(dir, case_path, &e), -EEXIST);
	ck_assert_ptr_nonnull(strstr(e.text, "holds a run already"));
	close(lock);
	ck_assert_int_eq(store_lock(dir, &lock, &e), 0);
	close(lock);
}

/* What a killed run left goes; what only has its name stays. */
TEST(leftovers)
{
	static const char *const gone[] = {"run.json.new", "root.pem.new", "cases.yaml.new",
	                                   "result.json.new"};
	static const char *const kept[] = {"notes.new", "run.json", STORE_QGS_SOCKET};
	char path[PATH_MAX];
	struct err e;
	int lock;

	ck_assert_int_eq(store_lock(dir, &lock, &e), 0);
	close(lock);
	for (size_t i = 0; i < COUNT_OF(gone) + COUNT_OF(kept); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir,
		         i < COUNT_OF(gone) ? gone[i] : kept[i - COUNT_OF(gone)]);
		ck_assert_int_eq(file_write(path, "x", 1, &e), 0);
	}
	ck_assert_int_eq(store_lock(dir, &lock, &e), 0);
	close(lock);
	for (size_t i = 0; i < COUNT_OF(gone) + COUNT_OF(kept); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir,
		         i < COUNT_OF(gone) ? gone[i] : kept[i - COUNT_OF(gone)]);
		ck_assert_int_eq(access(path, F_OK), i < COUNT_OF(gone) ? -1 : 0);
	}
}

/* What is left of a run by the last boot that was to do it. */
TEST(left)
{
	struct test_case item[6] = {{.id = "a"}, {.id = "b"},
	                            {.id = "c"}, {.id = "td@mem=1024"},
	                            {.id = "e"}, {.id = "td@mem=1024/docker+dev"}};
	struct case_file cases = {.item = item, .count = 6};
	struct visit_record done[2], late[2];
	struct boot_record boot[3] = {boots[0], boots[0], boots[0]};
	struct run_record r = {.boot = boot, .boots = 2};
	struct plan p;
	struct err e;

	memcpy(done, visits, sizeof(done));
	memcpy(late, visits, sizeof(late));
	strcpy(boot[0].boot.id, "td-1");
	boot[0].attempt = 1;
	boot[0].visit = done;
	strcpy(boot[1].boot.id, "td-1.2");
	boot[1].visit = late;
	boot[1].boot.step = steps + 1;
	boot[1].boot.steps = 1;
	strcpy(boot[2].boot.id, "td-12");
	ck_assert_int_eq(run_record_attempts(&r, "td-1"), 2);
	ck_assert_int_eq(run_record_attempts(&r, "td-12"), 0);
	ck_assert_int_eq(run_record_left(&r, &cases, &p, &e), 0);
	ck_assert_uint_eq(p.boots, 0);
	plan_done(&p);
	late[1].state = VISIT_NOT_RUN; /* though the first attempt came to it */
	ck_assert_int_eq(run_record_left(&r, &cases, &p, &e), 0);
	ck_assert_uint_eq(p.boots, 1);
	ck_assert_str_eq(p.boot[0].id, "td-1");
	ck_assert_uint_eq(p.boot[0].steps, 1);
	ck_assert_uint_eq(p.boot[0].step[0].case_index, 5);
	plan_done(&p);
	done[0].state = VISIT_NOT_RUN;
	ck_assert_int_eq(run_record_left(&r, &cases, &p, &e), 0);
	ck_assert_uint_eq(p.boot[0].steps, 2);
	plan_done(&p);
	cases.count = 5;
	ck_assert_int_eq(run_record_left(&r, &cases, &p, &e), -EINVAL);
}

/* Each spoils one value of a good record: path in the JSON, new value, what the error names. */
static const struct {
	const char *object, *member, *value, *named;
} spoilt[] = {
        {"", "schema_version", "2", "schema_version"},
        {"", "surprise", "1", "surprise"},
        {"", "seconds", "-1", "seconds"},
        {"", "boots", "{}", "boots"},
        {"host", "cpus", "0", "host.cpus"},
        {"host", "kvm_usable", "\"yes\"", "host"},
        {"boot", "id", "\"../../etc\"", "boot.id"},
        {"boot", "id", "\".\"", "boot.id"},
        {"boot", "id", "\"\"", "boot.id"},
        {"boot", "id", "\"vm-1\"", "boot.id"}, /* the second's */
        {"boot", "layer0", "\"td/docker\"", "boot.layer0"},
        {"boot", "layer0", "\"moon\"", "boot.layer0"},
        {"boot", "platform", "\"hardwear\"", "boot.platform"},
        {"boot", "memory_mib", "0", "boot.memory_mib"},
        {"boot", "attempt", "0", "boot.attempt"},
        {"boot", "argv", "[1]", "boot.argv"},
        {"boot", "ready_seconds", "\"soon\"", "boot.ready_seconds"},
        {"boot", "steps", "[{\"case\": -1, \"deadline_s\": 1}]", "boot.steps.case"},
        {"boot", "steps", "[7]", "boot.steps"},
        {"visit", "nonces", "[]", "visit.nonces"},
        {"visit", "nonces", "[\"00\"]", "visit.nonces"},
        {"visit", "cell", "\"td@mem=1024/docker\"", "visit.nonces"}, /* one nonce, two layers */
        {"boot", "kernel", "\"sid\"", "boot.kernel"},
        {"boot", "image", "\"tiny\"", "boot.image"},
        {"visit", "begin", "5000", "visit.begin"},
        {"visit", "end", "-1", "visit.end"},
        {"visit", "state", "\"fine\"", "visit.state"},
        {"visit", "evidence", "{\"size\": 1, \"sha256\": \"00\"}", "visit.evidence"},
        {"visit", "secret", "{\"answered\": true}", "visit.secret"},
        {"visit", "secret",
         "{\"answered\": true, \"released\": true, \"reason\": \"\", \"proof\": \"00\"}",
         "visit.secret.proof"},
        {"visit", "evidence", "{\"size\": -1, \"sha256\": \"\"}", "visit.evidence"},
        {"boot", "tail", "{}", "boot.tail"},
        {"", "command", "[]", "command"},
        {"", "command", "{\"directory\": \"/\", \"words\": [1]}", "command.words"},
        {"", "ended", "1", "run"},
        {"", "id", "\"<b>\"", "id"},
        {"visit", "reason", "null", "visit"},
};

static json_t *find(json_t *root, const char *object)
{
	json_t *boot = json_array_get(json_object_get(root, "boots"), 0);

	if (strcmp(object, "host") == 0)
		return json_object_get(root, "host");
	if (strcmp(object, "boot") == 0)
		return boot;
	if (strcmp(object, "visit") == 0)
		return json_array_get(json_object_get(boot, "visits"), 0);
	return root;
}

TEST_EACH(strict, spoilt)
{
	struct run_record r = a_record(), back = {0};
	json_t *root, *value;
	struct err e = {0};
	char *text;

	ck_assert_int_eq(record_to_json(&r, &text, &e), 0);
	root = json_loads(text, 0, NULL);
	free(text);
	value = json_loads(spoilt[_i].value, JSON_DECODE_ANY, NULL);
	ck_assert_ptr_nonnull(value);
	json_object_set_new(find(root, spoilt[_i].object), spoilt[_i].member, value);
	text = json_dumps(root, 0);
	json_decref(root);
	ck_assert_int_eq(record_from_json(text, strlen(text), &back, &e), -EINVAL);
	ck_assert_msg(strstr(e.text, spoilt[_i].named), "\"%s\" does not name %s", e.text,
	              spoilt[_i].named);
	ck_assert_ptr_null(back.id); /* untouched */
	free(text);
}

/* What run.json has gained since its first version, which folders of before do not have. */
static bool may_be_missing(const char *name)
{
	static const char *const newer[] = {"tsc_khz", "clock",    "qemu_said", "ended",
	                                    "command", "evidence", "tail",      "shard"};

	return enum_find(newer, COUNT_OF(newer), name) >= 0;
}

/* Without any one of its other members a record is refused. */
TEST_RANGE(nothing_missing, 0, 4)
{
	struct run_record rec = a_record(), back;
	const char *object = ((const char *[]){"", "host", "boot", "visit"})[_i], *name;
	json_t *root, *copy, *value;
	struct err e;
	char *text;

	ck_assert_int_eq(record_to_json(&rec, &text, &e), 0);
	root = json_loads(text, 0, NULL);
	free(text);
	json_object_foreach(find(root, object), name, value)
	{
		const int r = may_be_missing(name) ? 0 : -EINVAL;

		copy = json_deep_copy(root);
		json_object_del(find(copy, object), name);
		text = json_dumps(copy, 0);
		ck_assert_msg(record_from_json(text, strlen(text), &back, &e) == r,
		              "%s.%s is missing", object, name);
		if (r == 0)
			run_record_done(&back);
		free(text);
		json_decref(copy);
	}
	json_decref(root);
}

TEST(no_json)
{
	struct run_record back;
	struct err e;

	ck_assert_int_eq(record_from_json("", 0, &back, &e), -EINVAL);
	ck_assert_int_eq(record_from_json("[]", 2, &back, &e), -EINVAL);
	ck_assert_int_eq(store_load("/nonexistent", &back, &e), -ENOENT);
}

/* A path of this machine that is no UTF-8 must not cost the record. */
TEST(odd_path)
{
	struct run_record r = a_record(), back;
	char *text;
	struct err e;

	strcpy(r.host.qemu, "/opt/q\xe9mu");
	ck_assert_int_eq(record_to_json(&r, &text, &e), 0);
	ck_assert_int_eq(record_from_json(text, strlen(text), &back, &e), 0);
	ck_assert_str_eq(back.host.qemu, "/opt/q?mu");
	run_record_done(&back);
	free(text);
}

/* Kept under its name, read by name; what could name another place, or is too much,
 * is not taken. */
TEST(collateral)
{
	static const char *const bad[] = {"", ".", "..", ".hidden", "../x", "a/b", "/etc/passwd"};
	struct bytes *file;
	char name[16];
	size_t count;
	struct err e;

	ck_assert_int_eq(store_create(dir, case_path, &e), 0);
	ck_assert_int_eq(store_collateral(dir, &file, &count, &e), 0);
	ck_assert_uint_eq(count, 0);
	store_collateral_free(file, count);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_int_eq(store_collateral_add(dir, bad[i], "x", 1, &e), -EINVAL);
	ck_assert_int_eq(store_collateral_add(dir, "b.der", "old", 3, &e), 0);
	ck_assert_int_eq(store_collateral_add(dir, "b.der", "second", 6, &e), 0);
	ck_assert_int_eq(store_collateral_add(dir, "a.json", "first", 5, &e), 0);
	ck_assert_int_eq(store_collateral(dir, &file, &count, &e), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(file[0].size, 5);
	ck_assert_mem_eq(file[0].data, "first", 5);
	ck_assert_mem_eq(file[1].data, "second", 6);
	store_collateral_free(file, count);
	for (int i = 2; i <= STORE_COLLATERAL_FILES; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		ck_assert_int_eq(store_collateral_add(dir, name, "", 0, &e), 0);
	}
	ck_assert_int_eq(store_collateral(dir, &file, &count, &e), -EFBIG);
	ck_assert_int_eq(store_collateral_add(dir, "big", "", STORE_COLLATERAL_MAX + 1, &e),
	                 -EFBIG);
}

TEST(ids_differ)
{
	char *a, *b;
	struct err e;

	ck_assert_int_eq(store_run_id(&a, &e), 0);
	ck_assert_int_eq(store_run_id(&b, &e), 0);
	ck_assert_str_ne(a, b);
	ck_assert_uint_eq(strlen(a), strlen("20260131T120000Z-1a2b3c4d"));
	free(a);
	free(b);
}

TESTS("store", .setup = set_up, .teardown = scratch_remove)
