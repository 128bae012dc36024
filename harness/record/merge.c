/* SPDX-License-Identifier: Apache-2.0 */
#include "record/merge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "record/bundle.h"
#include "record/store.h"

/* The run that is being made, and the shard that is added to it. */
struct merging {
	const char *out;
	char dir[PATH_MAX];           /* what becomes `out` */
	struct run_record all;        /* of the shards so far */
	const char *from[SHARDS_MAX]; /* each shard's folder or bundle, as it was named */
	struct bundle_member cases;   /* the first one's case file */
	const char *operand;
};

/* ---- files ---- */

static int put(void *fd, const void *data, size_t size, struct err *e)
{
	int r = file_write_fd(*(int *)fd, data, size);

	return r < 0 ? err_sys(e, r, "a copy") : 0;
}

static int copy(const struct merging *m, const char *from, const char *name, const char *as,
                struct err *e)
{
	_cleanup_(closep) int fd = -1;
	char path[PATH_MAX], *slash;
	uint64_t size;
	int r = path_join(path, m->dir, as, e);

	if (r < 0)
		return r;
	slash = strrchr(path, '/');
	*slash = '\0';
	r = file_make_dirs(path, 0777, e);
	*slash = '/';
	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_sys(e, -errno, "%s", path);
	return file_each_part(from, name, put, &fd, &size, e);
}

static bool is_there(const struct merging *m, const char *name)
{
	char path[PATH_MAX];

	return path_join(path, m->dir, name, NULL) == 0 && access(path, F_OK) == 0;
}

/*
 * The emulated platform's collateral is made when a run begins, and the earliest one's holds for all:
 * one root signed them. Of other files with one name, each is kept.
 */
static int copy_collateral(const struct merging *m, const struct run_record *r, const char *name,
                           struct err *e)
{
	char as[PATH_MAX];
	int rc;

	if (!is_there(m, name))
		return copy(m, r->dir, name, name, e);
	if (strcmp(name, "collateral/emulated.json") == 0) {
		if (r->started >= m->all.started)
			return 0;
		rc = path_join(as, m->dir, name, e);
		if (rc == 0 && unlink(as) < 0)
			rc = err_sys(e, -errno, "%s", as);
		return rc < 0 ? rc : copy(m, r->dir, name, name, e);
	}
	rc = path_format(as, e, "collateral/%u-%s", r->shard.number, strchr(name, '/') + 1);
	return rc < 0 ? rc : copy(m, r->dir, name, as, e);
}

/* What each shard has of its own host. */
static int copy_of_shard(const struct merging *m, const struct run_record *r, const char *name,
                         struct err *e)
{
	char as[PATH_MAX];
	int rc = path_format(as, e, "shards/%u-%s", r->shard.number, name);

	return rc < 0 ? rc : copy(m, r->dir, name, as, e);
}

static int copy_files(const struct merging *m, const struct run_record *r, const struct bundle *b,
                      struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < b->members && rc == 0; i++) {
		const char *name = b->member[i].name;

		if (strncmp(name, "collateral/", 11) == 0)
			rc = copy_collateral(m, r, name, e);
		else if (strcmp(name, "host.json") == 0 || strcmp(name, STORE_PARTS) == 0)
			rc = copy_of_shard(m, r, name, e);
		else if (strchr(name, '/') || (strcmp(name, "run.json") != 0 && !is_there(m, name)))
			rc = copy(m, r->dir, name, name, e);
	}
	return rc;
}

/* ---- what belongs together ---- */

static int check(const struct merging *m, const struct run_record *r,
                 const struct bundle_member *cases, struct err *e)
{
	const char *first = m->from[m->all.shard.number - 1], *twice = m->from[r->shard.number - 1];

	if (!shard_same_parts(&m->all.shard, &r->shard) ||
	    memcmp(m->cases.sha256, cases->sha256, SHA256_SIZE) != 0)
		return err_set(e, -EINVAL,
		               "%.150s and %.150s are no parts of one run: another case file, "
		               "choice of cells or number of shards",
		               first, m->operand);
	if (twice)
		return err_set(e, -EINVAL,
		               "%.150s and %.150s are both shard %u/%u: which one counts?", twice,
		               m->operand, r->shard.number, r->shard.of);
	if (m->all.root_pem && r->root_pem && strcmp(m->all.root_pem, r->root_pem) != 0)
		return err_set(e, -EINVAL,
		               "%.150s and %.150s have other test roots: give all hosts one "
		               "--state-dir",
		               first, m->operand);
	return 0;
}

/* ---- the record ---- */

static void differ(char *text, size_t size, const char *other)
{
	if (strcmp(text, other) != 0)
		snprintf(text, size, "several");
}

static void join_host(struct host_facts *h, const struct host_facts *other)
{
	differ(h->qemu, sizeof(h->qemu), other->qemu);
	differ(h->qemu_version, sizeof(h->qemu_version), other->qemu_version);
	differ(h->kernel, sizeof(h->kernel), other->kernel);
	differ(h->cpu, sizeof(h->cpu), other->cpu);
	differ(h->kvm_reason, sizeof(h->kvm_reason), other->kvm_reason);
	differ(h->tdx_reason, sizeof(h->tdx_reason), other->tdx_reason);
	h->kvm_usable = h->kvm_usable && other->kvm_usable;
	h->tdx_usable = h->tdx_usable && other->tdx_usable;
}

static double end_of(const struct run_record *r)
{
	return (double)r->started + r->seconds;
}

/* Moves the boots and skips of `r` behind those of `all`. */
static int join(struct run_record *all, struct run_record *r, struct err *e)
{
	double end = end_of(r) > end_of(all) ? end_of(r) : end_of(all);
	struct boot_record *boot =
	        reallocarray(all->boot, all->boots + r->boots + 1, sizeof(*boot));
	struct skip *skip;

	if (!boot)
		return err_nomem(e);
	all->boot = boot;
	skip = reallocarray(all->skip, all->skips + r->skips + 1, sizeof(*skip));
	if (!skip)
		return err_nomem(e);
	all->skip = skip;
	if (r->boots)
		memcpy(boot + all->boots, r->boot, r->boots * sizeof(*boot));
	if (r->skips)
		memcpy(skip + all->skips, r->skip, r->skips * sizeof(*skip));
	all->boots += TAKE(r->boots, 0);
	all->skips += TAKE(r->skips, 0);
	all->started = r->started < all->started ? r->started : all->started;
	all->seconds = end - (double)all->started;
	all->ended = all->ended && r->ended;
	if (!all->root_pem)
		all->root_pem = TAKE_PTR(r->root_pem);
	if (!all->confirmed[0])
		memcpy(all->confirmed, r->confirmed, sizeof(all->confirmed));
	join_host(&all->host, &r->host);
	return 0;
}

static int add(struct merging *m, struct run_record *r, struct err *e)
{
	_cleanup_(bundle_done) struct bundle b = {0};
	const struct bundle_member *cases = NULL;
	int rc;

	if (!r->shard.of)
		return err_set(e, -EINVAL, "%.200s is no shard: it was run without --shard",
		               m->operand);
	rc = bundle_collect(r, &b, e);
	for (size_t i = 0; i < b.members && rc == 0; i++) {
		if (strcmp(b.member[i].name, STORE_CASES) == 0)
			cases = &b.member[i];
	}
	if (rc == 0 && !cases)
		rc = err_set(e, -ENOENT, "%.200s has no " STORE_CASES, m->operand);
	if (rc == 0 && m->all.id)
		rc = check(m, r, cases, e);
	if (rc == 0)
		rc = copy_files(m, r, &b, e);
	if (rc < 0)
		return rc;
	m->from[r->shard.number - 1] = m->operand;
	if (m->all.id)
		return join(&m->all, r, e);
	m->cases = *cases;
	m->all = TAKE(*r, (struct run_record){0});
	return 0;
}

static int load(const char *dir, void *merging, struct err *e)
{
	struct run_record r = {0};
	int rc = store_load(dir, &r, e);

	if (rc == 0)
		rc = add(merging, &r, e);
	run_record_done(&r);
	return rc;
}

/* Cells of the shards that nobody brought. */
static int add_missing(struct merging *m, struct err *e)
{
	struct run_record *all = &m->all;

	for (size_t i = 0; i < all->shard.cases; i++) {
		const unsigned number = all->shard.of_case[i];
		struct skip *skip;

		if (!number || m->from[number - 1])
			continue;
		skip = reallocarray(all->skip, all->skips + 1, sizeof(*skip));
		if (!skip)
			return err_nomem(e);
		all->skip = skip;
		skip[all->skips] = (struct skip){.case_index = i, .asked = true};
		snprintf(skip[all->skips++].reason, sizeof(skip->reason),
		         "never run: shard %u/%u is missing", number, all->shard.of);
		all->ended = false;
	}
	return 0;
}

/* It is no shard any more, and was not begun by one command. */
static int save(struct merging *m, struct err *e)
{
	struct run_record *all = &m->all;
	char *id;
	int r = store_run_id(&id, e);

	if (r < 0)
		return r;
	free(all->id);
	all->id = id;
	for (char **word = all->command; word && *word; word++)
		free(*word);
	free(all->command);
	all->command = NULL;
	all->shard.of = 0;
	r = run_record_place(all, m->dir, e);
	return r < 0 ? r : store_save(all, e);
}

static int merge(struct merging *m, const char *const *run, size_t count, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		m->operand = run[i];
		r = bundle_with(run[i], load, m, e);
	}
	if (r == 0)
		r = add_missing(m, e);
	if (r == 0)
		r = save(m, e);
	if (r == 0 && (chmod(m->dir, 0755) < 0 || rename(m->dir, m->out) < 0))
		r = err_sys(e, -errno, "%s", m->out);
	return r;
}

int merge_runs(const char *out, const char *const *run, size_t count, struct err *e)
{
	_cleanup_(freep) struct merging *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return err_nomem(e);
	m->out = out;
	if (access(out, F_OK) == 0)
		return err_set(e, -EEXIST, "%s is there already: name a new folder", out);
	r = path_format(m->dir, e, "%s.XXXXXX", out);
	if (r < 0)
		return r;
	if (!mkdtemp(m->dir))
		return err_sys(e, -errno, "%s", m->dir);
	r = merge(m, run, count, e);
	if (r < 0)
		file_remove_dir(m->dir);
	run_record_done(&m->all);
	return r;
}
