/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_CMD_MEASURE_H
#define TCEPTION_CMD_MEASURE_H

/* What `tception measure` can do, one cmd_measure_<what>.c each; argv[0] is <what>. */
int cmd_measure_acpi(int argc, char **argv);

#endif
