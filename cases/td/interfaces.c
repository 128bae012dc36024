/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel's attestation interfaces do at their edges, a line each: a name and what came.
 * An errno by its name, or numbers. For a trust domain of `tception td`, as root.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REPORTS   "/sys/kernel/config/tsm/report"
#define REGISTERS "/sys/devices/virtual/misc/tdx_guest/measurements"
#define USER      65534
#define ENTRIES   256 /* at once */
#define ASKERS    3   /* at once */
#define REPORTDATA_AT 568 /* in a quote of version 4 */

static char quote[128 << 10];

static const char *outcome(int error)
{
	return error ? strerrorname_np(error) : "ok";
}

/* 0 or an errno; the whole of it in one write, as the interface wants it. */
static int put(const char *path, const void *data, size_t size, ssize_t *ret_written)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return errno;
	ssize_t n = write(fd, data, size);
	if (n < 0)
		error = errno;
	if (close(fd) < 0 && !error)
		error = errno;
	if (ret_written)
		*ret_written = n;
	return error;
}

static int get(const char *path, ssize_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0, got = 0;

	if (fd < 0)
		return errno;
	while ((n = read(fd, quote + got, sizeof(quote) - (size_t)got)) > 0)
		got += n;
	const int error = n < 0 ? errno : 0;
	close(fd);
	*ret_size = got;
	return error;
}

static const char *in(const char *entry, const char *file)
{
	static char path[4][128];
	static int next;
	char *p = path[next++ % 4];

	snprintf(p, sizeof(path[0]), REPORTS "/%s/%s", entry, file);
	return p;
}

static int make(const char *entry)
{
	return mkdir(in(entry, ""), 0755) < 0 ? errno : 0;
}

static void quote_of(const char *name, const char *entry)
{
	ssize_t size = 0;
	const int error = get(in(entry, "outblob"), &size);

	printf("%s: %s, %s\n", name, outcome(error), size ? "a quote" : "nothing");
}

static void inblob_sizes(void)
{
	static const size_t sizes[] = {0, 1, 63, 64, 65};
	char data[128] = {0}, name[64], entry[32];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(entry, sizeof(entry), "size-%zu", sizes[i]);
		make(entry);
		const int error = put(in(entry, "inblob"), data, sizes[i], NULL);
		printf("inblob of %zu, written: %s\n", sizes[i], outcome(error));
		snprintf(name, sizeof(name), "inblob of %zu, quote", sizes[i]);
		quote_of(name, entry);
		rmdir(in(entry, ""));
	}
}

/* The first one writes, the second one writes, the first one reads. */
static void two_writers(void)
{
	char data[2][64];
	ssize_t size = 0;

	memset(data[0], 'a', 64);
	memset(data[1], 'b', 64);
	make("two");
	put(in("two", "inblob"), data[0], 64, NULL);
	put(in("two", "inblob"), data[1], 64, NULL);
	int error = get(in("two", "outblob"), &size);
	printf("two writers, the first reads: %s, %s\n", outcome(error),
	       size > REPORTDATA_AT && quote[REPORTDATA_AT] == 'b' ? "the second's" : "its own");
	error = get(in("two", "generation"), &size);
	quote[size > 0 ? size - 1 : 0] = '\0';
	printf("two writers, generation: %s\n", error ? outcome(error) : quote);
	rmdir(in("two", ""));
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Each with an entry of its own, at the same moment. */
static void askers(void)
{
	int ok = 0, busy = 0, other = 0, status;
	char data[64] = {0}, entry[16];
	const double begin = now();

	for (int i = 0; i < ASKERS; i++) {
		snprintf(entry, sizeof(entry), "ask-%d", i);
		make(entry);
		put(in(entry, "inblob"), data, 64, NULL);
	}
	fflush(stdout);
	for (int i = 0; i < ASKERS; i++) {
		if (fork() == 0) {
			ssize_t size = 0;
			snprintf(entry, sizeof(entry), "ask-%d", i);
			_exit(get(in(entry, "outblob"), &size));
		}
	}
	while (wait(&status) > 0) {
		ok += WIFEXITED(status) && WEXITSTATUS(status) == 0;
		busy += WIFEXITED(status) && WEXITSTATUS(status) == EBUSY;
		other += !WIFEXITED(status) || (WEXITSTATUS(status) && WEXITSTATUS(status) != EBUSY);
	}
	printf("asked at once: %s, %d others\n",
	       ok == ASKERS ? "all got quotes" : ok && busy ? "some EBUSY" : "none", other);
	printf("# %d asked at once: %d quotes, %d EBUSY, %.2f s\n", ASKERS, ok, busy, now() - begin);
	for (int i = 0; i < ASKERS; i++) {
		snprintf(entry, sizeof(entry), "ask-%d", i);
		rmdir(in(entry, ""));
	}
}

static void entries(void)
{
	char entry[16];
	int made = 0, error = 0;

	while (made < ENTRIES && !error) {
		snprintf(entry, sizeof(entry), "n-%d", made);
		error = make(entry);
		made += !error;
	}
	printf("entries at once: %d, %s\n", made, outcome(error));
	while (made-- > 0) {
		snprintf(entry, sizeof(entry), "n-%d", made);
		rmdir(in(entry, ""));
	}
}

/* Somebody without any right beside an entry of root's. */
static void another_user(void)
{
	char data[64] = {0};
	ssize_t size = 0;

	make("roots");
	put(in("roots", "inblob"), data, 64, NULL);
	fflush(stdout);
	if (fork() == 0) {
		if (setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0)
			_exit(1);
		printf("user, makes an entry: %s\n", outcome(make("users")));
		printf("user, writes root's inblob: %s\n",
		       outcome(put(in("roots", "inblob"), data, 64, NULL)));
		quote_of("user, reads root's outblob", "roots");
		printf("user, reads MRTD: %s\n", outcome(get(REGISTERS "/mrtd:sha384", &size)));
		printf("user, writes RTMR3: %s\n",
		       outcome(put(REGISTERS "/rtmr3:sha384", data, 48, NULL)));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	rmdir(in("roots", ""));
}

/* An inblob that was given to the user. */
static void delegated(void)
{
	char data[64] = {0};

	make("given");
	if (chown(in("given", "inblob"), USER, -1) < 0)
		printf("given, chown: %s\n", outcome(errno));
	fflush(stdout);
	if (fork() == 0) {
		if (setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0)
			_exit(1);
		printf("given, the user writes inblob: %s\n",
		       outcome(put(in("given", "inblob"), data, 64, NULL)));
		quote_of("given, the user's quote", "given");
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	rmdir(in("given", ""));
}

static void registers(void)
{
	static const size_t sizes[] = {47, 48, 49, 96};
	char data[96], before[48];
	ssize_t size = 0, written;

	memset(data, 7, sizeof(data));
	for (int i = 0; i < 4; i++) {
		char path[128];
		snprintf(path, sizeof(path), REGISTERS "/rtmr%d:sha384", i);
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		printf("RTMR%d opened for writing: %s\n", i, outcome(fd < 0 ? errno : 0));
		if (fd >= 0)
			close(fd);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		get(REGISTERS "/rtmr3:sha384", &size);
		memcpy(before, quote, sizeof(before));
		const int error = put(REGISTERS "/rtmr3:sha384", data, sizes[i], &written);
		if (error == ENOENT)
			return;
		get(REGISTERS "/rtmr3:sha384", &size);
		printf("%zu bytes to RTMR3: %s, %s\n", sizes[i], outcome(error),
		       memcmp(before, quote, 48) ? "extended" : "as it was");
	}
}

/* A reader in a process of its own, while the service does not answer. */
static pid_t reader(const char *entry, const char *name)
{
	pid_t pid = fork();

	if (pid == 0) {
		quote_of(name, entry);
		fflush(stdout);
		_exit(0);
	}
	return pid;
}

/* What a reader gets of a service that is `how`, and for how long; and who asks meanwhile. */
static void without_service(const char *how)
{
	char data[64] = {0}, name[64];
	const double begin = now();

	make("first");
	make("second");
	put(in("first", "inblob"), data, 64, NULL);
	put(in("second", "inblob"), data, 64, NULL);
	snprintf(name, sizeof(name), "service %s, quote", how);
	fflush(stdout);
	const pid_t pid = reader("first", name);
	if (strcmp(how, "silent") == 0) {
		usleep(500000);
		quote_of("service silent, another asks meanwhile", "second");
	}
	waitpid(pid, NULL, 0);
	printf("# service %s: %.1f s\n", how, now() - begin);
	rmdir(in("first", ""));
	rmdir(in("second", ""));
}

/* Its reader is killed; the request goes on. */
static void interrupted(void)
{
	char data[64] = {0};

	make("killed");
	make("next");
	put(in("killed", "inblob"), data, 64, NULL);
	put(in("next", "inblob"), data, 64, NULL);
	fflush(stdout);
	const pid_t pid = reader("killed", "");
	usleep(500000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	quote_of("reader killed, another asks", "next");
	rmdir(in("killed", ""));
	rmdir(in("next", ""));
}

/* Until there is a quote, for a minute and a half. */
static void answers_again(void)
{
	char data[64] = {0};
	ssize_t size = 0;

	make("again");
	for (int i = 0; i < 90 && !size; i++) {
		put(in("again", "inblob"), data, 64, NULL);
		if (get(in("again", "outblob"), &size) || !size)
			sleep(1);
	}
	printf("service again, quote: %s\n", size ? "ok, a quote" : "never");
	rmdir(in("again", ""));
}

/* An entry in a folder that this layer has, at the next whole four seconds: all begin then. */
static void ask_in(const char *folder)
{
	char path[128], data[64] = {0};
	struct timespec t;
	ssize_t size = 0;
	unsigned name; /* a PID would be the same in two containers */

	if (getrandom(&name, sizeof(name), 0) != sizeof(name))
		exit(1);
	snprintf(path, sizeof(path), "%s/layer-%u", folder, name);
	int error = mkdir(path, 0755) < 0 ? errno : 0;
	snprintf(path, sizeof(path), "%s/layer-%u/inblob", folder, name);
	if (!error)
		error = put(path, data, 64, NULL);
	snprintf(path, sizeof(path), "%s/layer-%u/outblob", folder, name);
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 4 - t.tv_sec % 4;
	t.tv_nsec = 0;
	clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL);
	const double begin = now();
	if (!error)
		error = get(path, &size);
	printf("%s, %s, %.2f s\n", outcome(error), size ? "a quote" : "nothing", now() - begin);
	*strrchr(path, '/') = '\0';
	rmdir(path);
}

static int edges(void)
{
	inblob_sizes();
	two_writers();
	askers();
	entries();
	another_user();
	delegated();
	registers();
	return 0;
}

/* Without a word all that a TD with its service shows. */
int main(int argc, char **argv)
{
	if (argc == 1)
		return edges();
	if (strcmp(argv[1], "ask") == 0 && argc == 3)
		ask_in(argv[2]);
	else if (strcmp(argv[1], "interrupted") == 0)
		interrupted();
	else if (strcmp(argv[1], "again") == 0)
		answers_again();
	else
		without_service(argv[1]);
	return 0;
}
