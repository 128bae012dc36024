/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/measure.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "measure/machine_file.h"
#include "measure/tables/tables.h"
#include "run/acpi.h"
#include "run/host.h"
#include "run/parts.h"

struct options {
	const char *dir, *machine, *version;
	bool generate;
	char **command; /* of QEMU, up to a NULL */
};

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	if (!o->dir)
		return err_set(e, -EINVAL, "no --output given");
	if (!o->command == !o->machine)
		return err_set(e, -EINVAL, "%s",
		               o->machine ? "--machine: a QEMU command is given, too"
		                          : "neither a QEMU command nor --machine given");
	return o->version && !o->generate ? err_set(e, -EINVAL,
	                                            "--qemu-version goes with --generate: a QEMU "
	                                            "that is started says its own")
	                                  : 0;
}

static void tell(void *userdata, const char *option, const char *why)
{
	(void)userdata;
	fprintf(stderr, "tception measure acpi: %s: %s\n", option, why);
}

static int capture(char **command, struct acpi_blobs *ret, struct err *e)
{
	_cleanup_(guest_parts_done) struct guest_parts parts = {0};
	_cleanup_(argv_done) struct argv own = {0};
	char program[PATH_MAX];
	int r = guest_parts_find(&parts, e);

	if (r < 0)
		return r;
	if (host_find_program(command[0], program, sizeof(program)) < 0)
		return err_set(e, -ENOENT, "%s: no such program", command[0]);
	argv_add(&own, program);
	while (*++command)
		argv_add(&own, *command);
	return own.failed ? err_nomem(e) : acpi_capture(own.item, parts.dumper, tell, ret, e);
}

static int generate(char *const *command, const char *version, struct acpi_blobs *ret,
                    struct err *e)
{
	struct tables_spec spec;
	int r;

	if (!version || !*version)
		return err_set(
		        e, -EINVAL,
		        "--generate: which QEMU is not told: --qemu-version, or qemu in the file");
	r = tables_spec_from_argv(command, version, &spec, e);
	return r < 0 ? r : tables_make(&spec, ret, e);
}

static int run(const struct options *o, struct err *e)
{
	_cleanup_(machine_file_done) struct machine_file file = {0};
	_cleanup_(acpi_blobs_free) struct acpi_blobs blobs = {0};
	int r = o->machine ? machine_file_read(o->machine, &file, e) : 0;
	char **command = o->machine ? file.argv.item : o->command;

	if (r < 0)
		return r;
	r = o->generate ? generate(command, o->version ? o->version : file.version, &blobs, e)
	                : capture(command, &blobs, e);
	if (r == 0)
		r = file_make_dirs(o->dir, 0777, e);
	return r < 0 ? r : acpi_blobs_save(&blobs, o->dir, e);
}

int cmd_measure_acpi(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_OUTPUT(dir, "put the files here; made when absent"),
	        OPTION_TEXT(machine, "machine", "FILE",
	                    "a machine.yaml, or a domain of libvirt in XML, in place of a command"),
	        OPTION_FLAG(generate, "generate",
	                    "make the tables here, and start nothing: of machines that are known"),
	        OPTION_TEXT(version, "qemu-version", "V", "whose tables to make, as 10.0.13"),
	        {0},
	};
	static const struct options_of options = {
	        .about = "Starts a control VM with the firmware and devices of this QEMU command "
	                 "line, but without its kernel and without TDX, and keeps the ACPI blobs "
	                 "that its firmware fetched: acpi-loader, acpi-rsdp and acpi-tables. "
	                 "`tception measure rtmr --acpi DIR' predicts RTMR0 with them.  What of "
	                 "the command line is no part of the machine, or only the guest's own host "
	                 "has, is left out or stood in for, and told.",
	        .usage = "[-- QEMU ARGUMENT...]",
	        .operand = OPTION_MEMBER(char **, command),
	        .rest = true,
	        .check = check,
	        .rows = rows,
	};
	struct options o = {0};
	struct err e;

	options_parse(&options, argc, argv, &o);
	return run(&o, &e) < 0 ? cmd_failed(EXIT_BROKEN, &e) : EXIT_OK;
}
