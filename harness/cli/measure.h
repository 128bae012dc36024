/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_CLI_MEASURE_H
#define TCEPTION_CLI_MEASURE_H

#include <getopt.h>
#include <stdio.h>

#include "format/bytes.h"
#include "measure/acpi.h"
#include "measure/predict.h"

/* What `tception measure` can do, one cmd_measure_<what>.c each; argv[0] is <what>. */
int cmd_measure_acpi(int argc, char **argv);
int cmd_measure_mrtd(int argc, char **argv);
int cmd_measure_explain(int argc, char **argv);
int cmd_measure_rtmr(int argc, char **argv);

/* ---- the options that name what a TD is started with, shared by those that predict ------------
 */

struct measure_options {
	struct measure_inputs inputs; /* points into the rest */
	struct acpi_blobs acpi;
	struct bytes firmware, kernel, initrd;
	struct disk *disk;
	struct pci_place boot_device;
};

/* For getopt_long. What measure_options_take() does not take is the verb's own. */
enum measure_option {
	OPTION_FIRMWARE = 256,
	OPTION_MEMORY,
	OPTION_VCPUS,
	OPTION_KERNEL,
	OPTION_INITRD,
	OPTION_CMDLINE,
	OPTION_ACPI,
	OPTION_QEMU_VERSION,
	OPTION_DISK,
	OPTION_BOOT_DEVICE,
	OPTION_JSON,
	OPTION_HELP,
	OPTION_QUOTE,
	OPTION_TDREPORT,
	OPTION_EVENTLOG,
};
extern const struct option measure_long_options[];
extern const char measure_options_help[];

/* Takes one of them: 0, or -errno with the reason. -ENOENT when `option` is none of them. */
int measure_options_take(struct measure_options *o, int option, const char *value, struct err *e);
void measure_options_done(struct measure_options *o);

#endif
