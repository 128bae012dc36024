/* SPDX-License-Identifier: Apache-2.0 */
#include "td/make.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "run/host.h"

#define MEMORY_MIB 2048
#define MEMORY_MIN 512 /* of the axis */
#define BOOT_DEADLINE  600 /* seconds: a busy machine is slow, not broken */
#define VCPU_DEADLINE  20  /* and for each vCPU */
#define SQUASHFS_MAGIC "hsqs"
#define ROOT_NAME      "root.squashfs"

/* ---- the machine ---- */

static int describe(const struct td_wish *w, char *out, size_t size, struct err *e)
{
	bool file = w->kernel && strchr(w->kernel, '/');
	/* Debian's release is what is meant where nothing is said. */
	const char *kernel =
	        !w->kernel || file || strcmp(w->kernel, "trixie") == 0 ? NULL : w->kernel;
	const char *quote = w->quote;
	int n;

	if (w->layer0)
		return snprintf(out, size, "%s", w->layer0) < (int)size
		               ? 0
		               : err_set(e, -EINVAL, "%.60s...: too long", w->layer0);
	if (w->profile == PROFILE_TD_RELAUNCH_ADVISED) {
		if (quote && strcmp(quote, "v5") != 0)
			return err_set(e, -EINVAL,
			               "only quotes of version 5 can advise a relaunch");
		quote = "v5";
	}
	n = snprintf(out, size, "td@mem=%u", w->memory_mib ? w->memory_mib : MEMORY_MIB);
	if (w->vcpus)
		n += snprintf(out + n, size - (size_t)n, "@vcpus=%u", w->vcpus);
	if (kernel)
		n += snprintf(out + n, size - (size_t)n, "@kernel=%.20s", kernel);
	if (w->exits)
		n += snprintf(out + n, size - (size_t)n, "@exits=%.20s", w->exits);
	if (quote)
		snprintf(out + n, size - (size_t)n, "@quote=%.20s",
		         quote + 1); /* the axis has no 'v' */
	return 0;
}

static int make_boot(const struct td_wish *w, struct td_spec *s, struct err *e)
{
	struct test_case item = {0};
	struct case_file cases = {.path = (char *)"td", .item = &item, .count = 1};
	struct plan_options how = {.platform = w->platform};
	struct plan plan = {0};
	int r = describe(w, item.id, sizeof(item.id), e);

	if (r == 0)
		r = cell_parse(item.id, &item.cell, e);
	how.no_kernel[KERNEL_BACKPORTS] = s->parts.no_backports;
	for (int i = 0; i < IMAGE_COUNT; i++)
		how.no_image[i] = s->parts.no_image[i];
	if (r == 0)
		r = plan_make(&cases, &s->host, &how, &plan, e);
	if (r < 0)
		return r;
	if (plan.skips)
		r = err_set(e, -ENODEV, "%s", plan.skip[0].reason);
	else
		r = guest_parts_check(&s->parts, &plan, e);
	if (r == 0) {
		s->boot = plan.boot[0];
		s->boot.step = NULL;
		s->boot.steps = 0;
		s->boot.boot_deadline_s = BOOT_DEADLINE + VCPU_DEADLINE * (int)s->boot.vcpus;
	}
	plan_done(&plan);
	return r;
}

/* Before anything is looked for: what somebody named is told by that name. */
static int check_names(const struct td_wish *w, const struct host_facts *h, struct err *e)
{
	static const char *const kernels[] = {"trixie", "backports"};
	bool file = w->kernel && strchr(w->kernel, '/'), known = !w->kernel || file;

	for (size_t i = 0; i < COUNT_OF(kernels); i++)
		known = known || strcmp(w->kernel, kernels[i]) == 0;
	if (!known)
		return err_set(e, -EINVAL,
		               "--kernel '%.40s': expected trixie, backports or a file with a '/'",
		               w->kernel);
	if (w->memory_mib && w->memory_mib < MEMORY_MIN)
		return err_set(e, -EINVAL, "--memory %u: at least %d MiB", w->memory_mib,
		               MEMORY_MIN);
	if (w->qemu && !h->qemu[0])
		return err_set(e, -ENOENT, "--qemu %s: no program that can be started", w->qemu);
	if (file && access(w->kernel, R_OK) < 0)
		return err_sys(e, -errno, "--kernel %s", w->kernel);
	if (w->initrd && access(w->initrd, R_OK) < 0)
		return err_sys(e, -errno, "--initrd %s", w->initrd);
	return 0;
}

static int find_parts(const struct td_wish *w, struct guest_parts *p, struct err *e)
{
	struct kernel_files *k = &p->kernel[KERNEL_TRIXIE];

	if (w->kernel && strchr(w->kernel, '/') && !(k->image = strdup(w->kernel)))
		return err_nomem(e);
	if (w->boot && !(p->disk.path = strdup(w->boot)))
		return err_nomem(e);
	p->disk.scratch = w->boot != NULL;
	if (w->initrd && !(k->initrd = strdup(w->initrd)))
		return err_nomem(e);
	return guest_parts_find(p, e);
}

static int take_authority(const struct td_wish *w, struct td_spec *s, struct err *e)
{
	_cleanup_(freep) char *usual = NULL;
	int r;

	if (s->boot.platform != PLATFORM_EMULATED) {
		if (w->profile != PROFILE_UP_TO_DATE)
			return err_set(e, -EINVAL, "only an emulated platform has a profile");
		return 0;
	}
	r = w->state_dir ? 0 : authority_default_dir(&usual, e);
	if (r == 0)
		r = authority_open(w->state_dir ? w->state_dir : usual, &s->authority, e);
	if (r == 0)
		authority_set_profile(s->authority, w->profile);
	return r;
}

/* ---- somebody's own root ---- */

static bool is_squashfs(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char magic[4];

	return fd >= 0 && read(fd, magic, sizeof(magic)) == sizeof(magic) &&
	       memcmp(magic, SQUASHFS_MAGIC, sizeof(magic)) == 0;
}

static pid_t start(char *const argv[], int in, int out)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (in >= 0)
		dup2(in, STDIN_FILENO);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	execvp(argv[0], argv);
	fprintf(stderr, "tception: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static int wait_well(pid_t pid, const char *what, struct err *e)
{
	int status = 1;

	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && status == 0 ? 0
	                              : err_set(e, -EIO, "%s could not be packed: see above", what);
}

/* A tar archive, compressed or not, or a folder by way of one. */
static int pack(const char *from, bool is_folder, char *to, struct err *e)
{
	char *const tar[] = {"tar", "-cf", "-", "-C", (char *)from, ".", NULL};
	char *const squash[] = {"tar2sqfs", "--quiet", "--compressor", "zstd", to, NULL};
	_cleanup_(closep) int in = -1;
	pid_t packer = 0, squasher;
	int fd[2], r;

	if (is_folder) {
		if (pipe2(fd, O_CLOEXEC) < 0)
			return err_sys(e, -errno, "pipe");
		packer = start(tar, -1, fd[1]);
		close(fd[1]);
		in = fd[0];
	} else if ((in = open(from, O_RDONLY | O_CLOEXEC)) < 0) {
		return err_sys(e, -errno, "%s", from);
	}
	squasher = start(squash, in, STDERR_FILENO);
	close(TAKE_FD(in));
	r = wait_well(squasher, from, e);
	if (is_folder && wait_well(packer, from, r == 0 ? e : NULL) < 0)
		r = -EIO;
	return r;
}

static int take_root(const struct td_wish *w, struct td_spec *s, struct err *e)
{
	char packed[PATH_MAX];
	struct stat st;
	int r;

	if (w->root && w->image)
		return err_set(e, -EINVAL, "--root or --image: programs see one root");
	if (w->image)
		return (s->root.path = strdup(w->image)) ? image_file_look(&s->root, e)
		                                         : err_nomem(e);
	if (!w->root)
		return 0;
	if (stat(w->root, &st) < 0)
		return err_sys(e, -errno, "%s", w->root);
	if (!S_ISREG(st.st_mode) || !is_squashfs(w->root)) { /* a pipe is not looked into */
		r = path_join(packed, s->place.dir, ROOT_NAME, e);
		if (r == 0)
			r = pack(w->root, S_ISDIR(st.st_mode), packed, e);
		if (r < 0)
			return r;
		s->root.path = strdup(packed);
	} else {
		s->root.path = realpath(w->root, NULL);
	}
	return s->root.path ? 0 : err_sys(e, -errno, "%s", w->root);
}

/* ---- shared folders ---- */

static int take_shares(const struct td_wish *w, struct td_spec *s, struct err *e)
{
	for (size_t i = 0; i < w->shares; i++) {
		int r = share_parse(w->share[i], &s->share[i], e);

		if (r < 0)
			return r;
		s->shares++;
		for (size_t j = 0; j < i; j++) {
			if (strcmp(s->share[i].guest, s->share[j].guest) == 0)
				return err_set(e, -EINVAL, "--share: two folders at %s",
				               s->share[i].guest);
		}
	}
	return 0;
}

/* ---- all of it ---- */

int td_make(const struct td_wish *w, struct td_spec *ret, struct err *e)
{
	struct td_spec s = {.network = !w->no_network,
	                    .layers = w->layer0 != NULL,
	                    .alone = w->boot != NULL,
	                    .console = -1,
	                    .place = {.dir_fd = -1, .lock_fd = -1}};
	int r = w->name ? place_check_name(w->name, e) : 0;

	if (r == 0)
		r = host_facts_gather(w->qemu, &s.host, e);
	if (r == 0)
		r = check_names(w, &s.host, e);
	if (r == 0)
		r = find_parts(w, &s.parts, e);
	if (r == 0)
		r = make_boot(w, &s, e);
	if (r == 0)
		r = take_shares(w, &s, e);
	if (r == 0)
		r = take_authority(w, &s, e);
	if (r == 0)
		r = quote_service_parse(w->qgs_socket, &s.quotes, e);
	if (r == 0)
		r = place_make(w->name, &s.place, e);
	if (r == 0 && (r = take_root(w, &s, e)) < 0)
		place_remove(&s.place);
	if (r < 0) {
		td_unmake(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void td_unmake(struct td_spec *s)
{
	guest_parts_done(&s->parts);
	authority_free(s->authority);
	free(s->root.path);
	for (size_t i = 0; i < s->shares; i++)
		share_done(&s->share[i]);
	place_done(&s->place);
	*s = (struct td_spec){.console = -1, .place = {.dir_fd = -1, .lock_fd = -1}};
}
