/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cli/options.h"
#include "format/bytes.h"
#include "measure/acpi.h"
#include "measure/machine.h"
#include "measure/machine_file.h"
#include "measure/predict.h"

/* What `tception measure` can do, one measure_<what>.c each; argv[0] is <what>. */
int cmd_measure_acpi(int argc, char **argv);
int cmd_measure_mrtd(int argc, char **argv);
int cmd_measure_machine(int argc, char **argv);
int cmd_measure_explain(int argc, char **argv);
int cmd_measure_reference(int argc, char **argv);
int cmd_measure_rtmr(int argc, char **argv);

/* What a TD is started with, as the verbs that predict are told. */
struct measure_options {
	struct measure_inputs inputs; /* its files and its disk are owned; it points into the rest */
	struct view kernel;
	struct acpi_blobs acpi;
	struct pci_place boot_device;
	const char *vcpus, *version;
	struct machine_file file;
	struct machine machine;
	char no_acpi[200];
};
extern const struct option_row measure_rows[];
#define OPTION_MEASURE OPTION_TABLE(inputs, struct measure_options, measure_rows)
/* Takes from a QEMU command line, up to a NULL, or from --machine where there is none (NULL), what no
 * option has said, and makes the ACPI tables where it can. 0 or -errno. */
int measure_options_finish(struct measure_options *o, char *const *argv, struct err *e);
void measure_options_done(struct measure_options *o);
