// SPDX-License-Identifier: Apache-2.0
/*
 * The only program of a disk that `td boot` boots: says whether it is in a TD, starts the agent where it is there, gives a
 * line back, powers off. Run once more, it says so and ends with 5.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

static void start_agent(void)
{
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	if (fork() == 0) {
		execl("/agent", "agent", "port", NULL);
		_exit(1);
	}
}

int main(void)
{
	char line[8192];
	FILE *f;
	int found = 0;

	if (getpid() != 1) {
		puts("once more");
		return 5;
	}
	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	f = fopen("/proc/cpuinfo", "r");
	while (f && fgets(line, sizeof(line), f))
		found |= strstr(line, "tdx_guest") != NULL;
	if (access("/agent", X_OK) == 0)
		start_agent();
	printf("BOOTED %s\n", found ? "in a TD" : "elsewhere");
	fflush(stdout);
	if (fgets(line, 80, stdin))
		printf("GOT %s\n", line);
	fflush(stdout);
	sleep(1);
	reboot(RB_POWER_OFF);
	return 1;
}
