// SPDX-License-Identifier: Apache-2.0
/* The only program of a disk that `td boot` boots: says whether it is in a TD, gives a line back, powers off. */
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void)
{
	char line[8192];
	FILE *f;
	int found = 0;

	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	f = fopen("/proc/cpuinfo", "r");
	while (f && fgets(line, sizeof(line), f))
		found |= strstr(line, "tdx_guest") != NULL;
	printf("BOOTED %s\n", found ? "in a TD" : "elsewhere");
	fflush(stdout);
	if (fgets(line, 80, stdin))
		printf("GOT %s\n", line);
	fflush(stdout);
	sleep(1);
	reboot(RB_POWER_OFF);
	return 1;
}
