/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/systemd.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/paths.h"
#include "agent/util.h"

#define STAGE "/mnt" /* until it is /run */
#define UNIT  "tception.target"

#define UNITS STAGE "/systemd/system"

/* The bus, which systemd-run wants, and nothing of what a machine starts. */
#define NO_DEFAULTS "[Unit]\nDefaultDependencies=no\n"
static const struct {
	const char *dir, *name, *text;
} units[] = {
        {UNITS, UNIT, NO_DEFAULTS "Wants=dbus.service\n"},
        {UNITS "/dbus.service.d", "tception.conf", NO_DEFAULTS},
        {UNITS "/dbus.socket.d", "tception.conf", NO_DEFAULTS},
};

static int write_units(void)
{
	char path[96];
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT_OF(units); i++) {
		snprintf(path, sizeof(path), "%s/%s", units[i].dir, units[i].name);
		r = util_mkdirs(units[i].dir, 0755);
		if (r == 0)
			r = util_create_file(path, units[i].text, strlen(units[i].text), 0644);
	}
	return r;
}

static int own_run(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    mount("tmpfs", STAGE, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0)
		return -errno;
	int r = util_mkdirs(STAGE "/tception", 0755);
	if (r == 0 && mount(RUN_DIR, STAGE "/tception", NULL, MS_BIND | MS_REC, NULL) < 0)
		r = -errno;
	if (r == 0)
		r = write_units();
	if (r == 0 && mount(STAGE, "/run", NULL, MS_MOVE, NULL) < 0)
		r = -errno;
	return r;
}

static void become(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		util_log("/proc: %s", strerror(errno));
	setenv("container", "tception", 1);
	execl("/usr/lib/systemd/systemd", "systemd", "--system", "--unit=" UNIT,
	      "--log-target=console", "--show-status=no", NULL);
	util_log("systemd: %s", strerror(errno));
	_exit(127);
}

int systemd_main(void)
{
	char text[16];
	int status = 0;
	int r = unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWCGROUP) < 0 ? -errno : own_run();
	pid_t pid = r == 0 ? fork() : -1;

	if (pid == 0)
		become();
	if (pid < 0) {
		util_log("systemd's namespaces: %s", strerror(r < 0 ? -r : errno));
		return 1;
	}
	snprintf(text, sizeof(text), "%d", (int)pid);
	r = util_create_file(SYSTEMD_PID, text, strlen(text), 0644);
	if (r < 0)
		util_log(SYSTEMD_PID ": %s", strerror(-r));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return 1;
}
