/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/measure.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "run/acpi.h"
#include "run/host.h"
#include "run/parts.h"

struct options {
	const char *dir;
	char **command; /* of QEMU, up to a NULL */
};

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	if (!o->dir)
		return err_set(e, -EINVAL, "no --output given");
	return o->command ? 0 : err_set(e, -EINVAL, "no QEMU command given");
}

static void tell(void *userdata, const char *option, const char *why)
{
	(void)userdata;
	fprintf(stderr, "tception measure acpi: %s: %s\n", option, why);
}

static int capture(char **command, const char *dumper, const char *dir, struct err *e)
{
	struct acpi_blobs blobs;
	char program[PATH_MAX];
	int r;

	if (host_find_program(command[0], program, sizeof(program)) < 0)
		return err_set(e, -ENOENT, "%s: no such program", command[0]);
	command[0] = program;
	r = acpi_capture(command, dumper, tell, &blobs, e);
	if (r < 0)
		return r;
	r = file_make_dirs(dir, 0777, e);
	if (r == 0)
		r = acpi_blobs_save(&blobs, dir, e);
	acpi_blobs_free(&blobs);
	return r;
}

int cmd_measure_acpi(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_OUTPUT(dir, "put the files here; made when absent"),
	        {0},
	};
	static const struct options_of options = {
	        .about = "Starts a control VM with the firmware and devices of this QEMU command "
	                 "line, but without its kernel and without TDX, and keeps the ACPI blobs "
	                 "that its firmware fetched: acpi-loader, acpi-rsdp and acpi-tables. "
	                 "`tception measure rtmr --acpi DIR' predicts RTMR0 with them.  What of "
	                 "the command line is no part of the machine, or only the guest's own host "
	                 "has, is left out or stood in for, and told.",
	        .usage = "-- QEMU ARGUMENT...",
	        .operand = OPTION_MEMBER(char **, command),
	        .rest = true,
	        .check = check,
	        .rows = rows,
	};
	struct guest_parts parts = {0};
	struct options o = {0};
	struct err e;
	int r;

	options_parse(&options, argc, argv, &o);
	r = guest_parts_find(&parts, &e);
	if (r == 0)
		r = capture(o.command, parts.dumper, o.dir, &e);
	guest_parts_done(&parts);
	return r < 0 ? cmd_failed(EXIT_BROKEN, &e) : EXIT_OK;
}
