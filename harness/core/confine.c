/* SPDX-License-Identifier: Apache-2.0 */
#include "core/confine.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/escape.h"
#include "core/file.h"
#include "format/bytes.h"

#define ROOM_MAX (64u << 20) /* bytes set aside for an answer at first */
#define SILENCE \
	(10 * 60 * 1000) /* ms until a child that says nothing counts as dead: beyond any
	                            * wait for a disk, since its own time is limited anyway */

struct confined {
	int fd;         /* to the other side */
	uint8_t *space; /* CONFINED_PART bytes that both sides see: a part on its way */
	pid_t pid;
	char *what;
	unsigned seconds;
	struct err dead; /* .code 0 while it lives */
};

/* Announces a part of an answer in `space`, which the caller then gives back by one byte; or the end
 * of the answer. */
struct part {
	uint32_t size; /* bytes in `space`; of text, if it is the last one */
	int32_t code;  /* of the last one: 0 or a negative errno */
	uint32_t last; /* bool */
};

/* ---- what the child may call: Linux' Documentation/userspace-api/seccomp_filter.rst ---- */

#ifdef __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "no AUDIT_ARCH for this processor"
#endif

/* BPF: a statement, and a comparison with how many statements to skip when equal and when not. */
#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define IF(value, equal, other) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), (equal), (other))
#define IF_BIT(value, set, clear) \
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(value), (set), (clear))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define DENY  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define DIE   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

/* A call whatever its arguments; on one descriptor only; without PROT_EXEC. The lower half of an
 * argument comes first here, and descriptors and protections are 32 bits wide. */
#define CALL(name)        IF(SYS_##name, 0, 1), ALLOW
#define CALL_ON(name, fd) IF(SYS_##name, 0, 4), LOAD(args[0]), IF(fd, 0, 1), ALLOW, DENY
#define CALL_NOEXEC(name) IF(SYS_##name, 0, 4), LOAD(args[2]), IF_BIT(PROT_EXEC, 1, 0), ALLOW, DENY

/*
 * From here on this process can have and give back memory, read and write `fd`, pread() from `file`
 * (-1: none) and end; every other system call fails with EPERM, and so does executable memory.
 */
static int confine_filter(int fd, int file)
{
	struct sock_filter filter[] = {
	        LOAD(arch),
	        IF(ARCHITECTURE, 1, 0),
	        DIE,
	        LOAD(nr), /* those of x32 have a bit more and are none of these */
	        CALL_ON(read, fd),
	        CALL_ON(write, fd),
	        CALL_ON(pread64, file),
	        CALL_NOEXEC(mmap),
	        CALL_NOEXEC(mprotect),
	        CALL(munmap),
	        CALL(mremap),
	        CALL(brk),
	        CALL(madvise),
	        CALL(futex),
	        CALL(getrandom),
	        CALL(clock_gettime),
	        CALL(sched_yield),
	        CALL(rt_sigreturn),
	        CALL(exit),
	        CALL(exit_group),
	        DENY,
	};
	struct sock_fprog program = {.len = COUNT_OF(filter), .filter = filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return -errno;
	return 0;
}

bool confine_is_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return true;
#elif defined(__has_feature)
	return __has_feature(address_sanitizer);
#else
	return false;
#endif
}

/* ---- in the child ---- */

static void put(struct confined *c, const void *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(c->fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(1);
		data = (const char *)data + n;
		size -= (size_t)n;
	}
}

uint8_t *confined_buffer(struct confined *c)
{
	return c->space;
}

void confined_write(struct confined *c, const void *data, size_t size)
{
	while (size > 0) {
		struct part part = {.size = size < CONFINED_PART ? (uint32_t)size : CONFINED_PART};
		char taken;

		if (data != c->space)
			memcpy(c->space, data, part.size);
		put(c, &part, sizeof(part));
		while (read(c->fd, &taken, 1) != 1) {
			if (errno != EINTR)
				_exit(1);
		}
		data = (const char *)data + part.size;
		size -= part.size;
	}
}

static void put_end(struct confined *c, int code, const struct err *e)
{
	const char *text = code < 0 ? e->text : "";
	struct part part = {.size = (uint32_t)strlen(text), .code = code, .last = 1};

	memcpy(c->space, text, part.size);
	put(c, &part, sizeof(part));
}

/* All but these two. */
static void close_others(int a, int b)
{
	unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);

	if (a < 0 || b < 0)
		low = high;
	if (low > 0)
		syscall(SYS_close_range, 0u, low - 1, 0u);
	if (high > low + 1)
		syscall(SYS_close_range, low + 1, high - 1, 0u);
	syscall(SYS_close_range, high + 1, ~0u, 0u);
}

static void limit(int what, rlim_t value)
{
	setrlimit(what, &(struct rlimit){value, value});
}

static void set_limits(const struct confined_spec *spec, size_t mapped)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGXCPU, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	setrlimit(RLIMIT_CPU, &(struct rlimit){spec->seconds, spec->seconds + 1});
	if (!confine_is_sanitized()) /* those map terabytes */
		limit(RLIMIT_AS, mapped + spec->memory);
}

static _Noreturn void serve(const struct confined_spec *spec, int fd, uint8_t *space, size_t mapped)
{
	struct confined c = {.fd = fd, .space = space};
	uint8_t request[CONFINED_REQUEST_MAX];
	struct err e = {0};
	int r;

	close_others(fd, spec->fd);
	set_limits(spec, mapped);
	r = confine_filter(fd, spec->fd);
	if (r < 0)
		err_sys(&e, -ENOTSUP, "this system does not let a reader be confined (seccomp, %s)",
		        strerror(-r));
	put_end(&c, r < 0 ? -ENOTSUP : 0, &e);
	while (r == 0) {
		ssize_t n = read(fd, request, sizeof(request));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		e = (struct err){0};
		put_end(&c, spec->serve(spec->userdata, &c, (struct bytes){request, (size_t)n}, &e),
		        &e);
	}
	_exit(0);
}

/* ---- the caller's side ---- */

/* Ends the child, if it has not, and says why. */
static int bury(struct confined *c, const char *reason, struct err *e)
{
	int status = 0, number;

	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	if (reason)
		err_set(&c->dead, -EBADMSG, "damaged %s: its reader %s", c->what, reason);
	else if (number == SIGXCPU)
		err_set(&c->dead, -EBADMSG,
		        "damaged %s: its reader took more than %u seconds of processor time",
		        c->what, c->seconds);
	else if (number)
		err_set(&c->dead, -EBADMSG, "damaged %s: its reader died of signal %d (%s)",
		        c->what, number, strsignal(number));
	else
		err_set(&c->dead, -EBADMSG, "damaged %s: its reader ended", c->what);
	return err_set(e, c->dead.code, "%s", c->dead.text);
}

/* 0, or -EBADMSG when the child is gone. */
static int get(struct confined *c, void *out, size_t size, struct err *e)
{
	while (size > 0) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN};
		int ready = poll(&p, 1, SILENCE);
		ssize_t n;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0)
			return bury(c, "says nothing", e);
		n = recv(c->fd, out, size, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return bury(c, NULL, e);
		out = (char *)out + n;
		size -= (size_t)n;
	}
	return 0;
}

/* What the child left in `space` is copied before anybody looks at it: it may change. */
static int get_end(struct confined *c, const struct part *part, struct err *e)
{
	char text[sizeof(e->text)] = "", shown[sizeof(e->text)];

	if (part->size >= sizeof(text) || part->code > 0 || part->code < -4095)
		return bury(c, "answers nonsense", e);
	if (part->code == 0)
		return 0;
	memcpy(text, c->space, part->size);
	return err_set(e, part->code, "%s", text_escape(shown, sizeof(shown), text));
}

static int get_answer(struct confined *c, size_t max, confined_take take, void *userdata,
                      struct err *e)
{
	struct part part = {0};
	struct err why;
	int r, taken = 0;

	for (;;) {
		r = get(c, &part, sizeof(part), e);
		if (r < 0)
			return r;
		if (part.last)
			break;
		if (part.size > CONFINED_PART || part.size > max)
			return bury(c, "answers too much", e);
		max -= part.size;
		if (take && taken == 0)
			taken = take(userdata, c->space, part.size, &why);
		if (send(c->fd, "", 1, MSG_NOSIGNAL) != 1)
			return bury(c, NULL, e);
	}
	r = get_end(c, &part, e);
	return r < 0 || taken == 0 ? r : err_set(e, taken, "%s", why.text);
}

int confined_ask(struct confined *c, struct bytes request, size_t max, confined_take take,
                 void *userdata, struct err *e)
{
	if (c->dead.code)
		return err_set(e, c->dead.code, "%s", c->dead.text);
	if (request.size == 0 || request.size > CONFINED_REQUEST_MAX)
		return err_set(e, -EINVAL, "%s: the request is too long", c->what);
	if (send(c->fd, request.data, request.size, MSG_NOSIGNAL) != (ssize_t)request.size)
		return bury(c, NULL, e);
	return get_answer(c, max, take, userdata, e);
}

struct growing {
	uint8_t *data;
	size_t size, room;
};

static int grow(void *userdata, const void *data, size_t size, struct err *e)
{
	struct growing *g = userdata;

	if (size > g->room - g->size) {
		size_t room = g->room + g->room / 2 + size;
		uint8_t *grown = realloc(g->data, room);

		if (!grown)
			return err_nomem(e);
		g->data = grown;
		g->room = room;
	}
	memcpy(g->data + g->size, data, size);
	g->size += size;
	return 0;
}

int confined_read(struct confined *c, struct bytes request, size_t max, struct bytes *ret,
                  struct err *e)
{
	/* Memory that is never touched costs nothing, and moving it does. */
	size_t room = max < ROOM_MAX ? max + 1 : ROOM_MAX;
	struct growing g = {.data = bytes_room(room), .room = room};
	uint8_t *fitting;
	int r = g.data ? confined_ask(c, request, max, grow, &g, e) : err_nomem(e);

	if (r < 0) {
		free(g.data);
		return r;
	}
	fitting = realloc(g.data, g.size + 1);
	*ret = (struct bytes){fitting ? fitting : g.data, g.size};
	return 0;
}

/* Bytes that this process has mapped. */
static size_t mapped_now(void)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (!f || fscanf(f, "%lu", &pages) != 1)
		return (size_t)1 << 40; /* as good as no limit */
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void confined_endp(struct confined **c)
{
	confined_end(*c);
}

int confined_start(const struct confined_spec *spec, struct confined **ret, struct err *e)
{
	_cleanup_(confined_endp) struct confined *c = calloc(1, sizeof(*c));
	size_t mapped = mapped_now();
	int fd[2], r;

	if (!c || !(c->what = strdup(spec->what)))
		return err_nomem(e);
	c->fd = -1;
	c->seconds = spec->seconds;
	c->space = mmap(NULL, CONFINED_PART, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	                0);
	if (c->space == MAP_FAILED || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return err_sys(e, -errno, "reader of a %s", spec->what);
	c->fd = fd[0];
	c->pid = fork();
	if (c->pid == 0)
		serve(spec, fd[1], c->space, mapped);
	r = -errno;
	close(fd[1]);
	if (c->pid < 0)
		return err_sys(e, r, "reader of a %s", spec->what);
	r = get_answer(c, 0, NULL, NULL, e); /* it is confined now */
	if (r == 0)
		*ret = TAKE_PTR(c);
	return r;
}

void confined_end(struct confined *c)
{
	if (!c)
		return;
	if (c->pid > 0 && !c->dead.code)
		bury(c, NULL, NULL);
	if (c->fd >= 0)
		close(c->fd);
	if (c->space && c->space != MAP_FAILED)
		munmap(c->space, CONFINED_PART);
	free(c->what);
	free(c);
}
