/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/measure.h"

#include "cli/cmd.h"
#include "format/bytes.h"

int cmd_measure(int argc, char **argv)
{
	static const struct verb verbs[] = {
	        {"mrtd", cmd_measure_mrtd, "MRTD of a firmware image, in both page orders"},
	        {"rtmr", cmd_measure_rtmr, "predict RTMR0 to RTMR2 from what a TD is started with"},
	        {"explain", cmd_measure_explain,
	         "why a quote or log has other values than predicted"},
	        {"reference", cmd_measure_reference,
	         "write what is expected as reference values for verifiers"},
	        {"acpi", cmd_measure_acpi,
	         "capture or make the ACPI tables that QEMU makes for a machine"},
	        {"machine", cmd_measure_machine,
	         "write a QEMU command line or a domain of libvirt as a machine.yaml"},
	};

	return cmd_dispatch(verbs, COUNT_OF(verbs),
	                    "What a trust domain measures, known before it is started.", argc,
	                    argv);
}
