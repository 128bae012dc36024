/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/measure.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "measure/machine_file.h"

struct options {
	const char *machine, *version;
	char **command; /* of QEMU, up to a NULL */
};

static int check(const void *options, struct err *e)
{
	const struct options *o = options;

	if (o->command && (!o->command[0] || !o->command[1] || o->command[1][0] != '-'))
		return err_set(e, -EINVAL, "%.80s: no QEMU command line: no option follows it",
		               o->command[0] ? o->command[0] : "--");
	return !o->command != !o->machine
	               ? 0
	               : err_set(e, -EINVAL, "either --machine or a QEMU command is needed");
}

static int run(const struct options *o, struct err *e)
{
	_cleanup_(machine_file_done) struct machine_file file = {0};
	_cleanup_(freep) char *text = NULL;
	int r = o->machine ? machine_file_read(o->machine, &file, e) : 0;

	if (r == 0)
		r = machine_file_write(o->machine ? file.argv.item : o->command,
		                       o->version ? o->version : file.version, &text, e);
	if (r < 0)
		return r;
	return fputs(text, stdout) < 0 || fflush(stdout) != 0
	               ? err_sys(e, -errno, "standard output")
	               : 0;
}

int cmd_measure_machine(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_TEXT(machine, "machine", "FILE",
	                    "a domain of libvirt in XML, or another machine.yaml"),
	        OPTION_TEXT(version, "qemu-version", "V", "of the QEMU that runs it, as 10.0.13"),
	        {0},
	};
	static const struct options_of options = {
	        .about =
	                "Writes the machine.yaml of a QEMU command line or of a domain of libvirt: "
	                "what `tception measure rtmr --machine' and its like read.",
	        .usage = "[-- QEMU ARGUMENT...]",
	        .operand = OPTION_MEMBER(char **, command),
	        .rest = true,
	        .check = check,
	        .rows = rows,
	};
	struct options o = {0};
	struct err e;

	options_parse(&options, argc, argv, &o);
	return run(&o, &e) < 0 ? cmd_failed(EXIT_USAGE, &e) : EXIT_OK;
}
