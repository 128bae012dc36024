/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/device.h"
#include "agent/pid1.h"
#include "agent/util.h"

#define JOB_NAME "tception-job" /* the disk's serial number, and the port's name */
#define JOB_DIR  "/run/job"

bool job_present(void)
{
	char disk[300];

	return disk_find(JOB_NAME, disk, sizeof(disk)) == 0;
}

/* What the job may want to know of the machine. */
static int describe(void)
{
	char path[300];
	int r = disk_find(ROOT_SERIAL, path, sizeof(path));

	if (r == 0)
		setenv("TCEPTION_ROOT", path, 1);
	if (r == 0)
		r = port_find(JOB_NAME, path, sizeof(path));
	if (r == 0)
		setenv("TCEPTION_PORT", path, 1);
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	return r;
}

int job_run(void)
{
	char disk[300];
	int r = disk_find(JOB_NAME, disk, sizeof(disk));

	if (r == 0)
		r = util_mkdirs(JOB_DIR, 0755);
	if (r == 0 && mount(disk, JOB_DIR, "squashfs", MS_RDONLY, NULL) < 0)
		r = -errno;
	if (r == 0)
		r = describe();
	if (r < 0) {
		util_log("job: %s", strerror(-r));
		return 1;
	}
	execl(JOB_DIR "/run", "run", (char *)NULL);
	util_log("job: cannot run " JOB_DIR "/run: %s", strerror(errno));
	return 1;
}
