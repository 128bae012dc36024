/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cmd.h"
#include "cli/measure.h"
#include "core/cleanup.h"
#include "run/acpi.h"
#include "run/parts.h"

static void usage(FILE *out)
{
	fprintf(out,
	        "usage: tception measure acpi -o DIR -- QEMU ARGUMENT...\n\n"
	        "Starts a control VM with the firmware and devices of this QEMU command line, but\n"
	        "without its kernel and without TDX, and writes the ACPI blobs that its firmware\n"
	        "fetched to DIR: acpi-loader, acpi-rsdp and acpi-tables. `tception measure rtmr\n"
	        "--acpi DIR` predicts RTMR0 with them. QEMU is the program's path.\n\n"
	        "  -o, --output DIR   made when absent\n");
}

static int capture(char *const *command, const char *dumper, const char *dir, struct err *e)
{
	_cleanup_(closep) int dir_fd = -1;
	struct acpi_blobs blobs;
	int r;

	r = acpi_capture(command, dumper, &blobs, e);
	if (r < 0)
		return r;
	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		r = err_sys(e, -errno, "%s", dir);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && dir_fd < 0)
		r = err_sys(e, -errno, "%s", dir);
	if (r == 0)
		r = acpi_save(&blobs, dir_fd, e);
	acpi_blobs_free(&blobs);
	return r;
}

int cmd_measure_acpi(int argc, char **argv)
{
	static const struct option options[] = {
	        {"output", required_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct guest_parts parts = {0};
	const char *dir = NULL;
	int r;
	struct err e;
	int c;

	while ((c = getopt_long(argc, argv, "+o:h", options, NULL)) != -1) {
		switch (c) {
		case 'o':
			dir = optarg;
			break;
		case 'h':
			usage(stdout);
			return EXIT_OK;
		default:
			return EXIT_USAGE;
		}
	}
	if (!dir || optind == argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	r = guest_parts_find(&parts, &e);
	if (r == 0)
		r = capture(argv + optind, parts.dumper, dir, &e);
	guest_parts_done(&parts);
	if (r < 0)
		fprintf(stderr, "tception: %s\n", e.text);
	return r < 0 ? EXIT_BROKEN : EXIT_OK;
}
