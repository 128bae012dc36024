/* SPDX-License-Identifier: Apache-2.0 */
#include <argp.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "core/file.h"
#include "core/version.h"
#include "format/bytes.h"

const char *argp_program_version = "tception " TCEPTION_VERSION; /* argp's own name for it */

static struct file_new out; /* standard output */

/* What a verb prints is its result: that must have reached its reader. */
static bool output_is_whole(void)
{
	struct err e;

	if (file_commit(&out, &e) == 0)
		return true;
	cmd_failed(EXIT_BROKEN, &e);
	return false;
}

/* --help and --version end the program by themselves. */
static void at_exit(void)
{
	if (out.stream && !output_is_whole())
		_exit(EXIT_BROKEN);
}

int main(int argc, char **argv)
{
	static const struct verb verbs[] = {
	        {"run", cmd_run, "boot the guests of a case file, collect evidence, judge it"},
	        {"list", cmd_list, "the cells of a case file, or what cells are written with"},
	        {"doctor", cmd_doctor, "what a run would use on this machine, and what is missing"},
	        {"judge", cmd_judge, "judge a run's evidence again, without booting anything"},
	        {"report", cmd_report, "a judged run as a table, JSON, Markdown or JUnit"},
	        {"diff", cmd_diff, "what differs between two runs; exit 1 when anything does"},
	        {"history", cmd_history, "what became of a cell in all runs"},
	        {"extract", cmd_extract,
	         "a cell's quote, TDREPORT, event log, kernel log as files"},
	        {"replay", cmd_replay, "run a cell of a run again, and compare the verdicts"},
	        {"bundle", cmd_bundle, "a run's evidence as one file, to be judged anywhere"},
	        {"merge", cmd_merge, "one run of the shards that several hosts made"},
	        {"shell", cmd_shell, "a terminal in the innermost layer of a cell"},
	        {"compare", cmd_compare, "kinds of layers: attestation, isolation, cost"},
	        {"conformance", cmd_conformance,
	         "whether a TD is as TDs are, and where two differ"},
	        {"grants", cmd_grants, "the smallest grants with which a layer attests, by trials"},
	        {"quote", cmd_quote, "what a quote says, and whether it holds"},
	        {"cloud", cmd_cloud, "evidence of trust domains that a cloud has booted"},
	        {"collateral", cmd_collateral, "what collateral there is, and when it expires"},
	        {"eventlog", cmd_eventlog, "what a boot measured, and whether a quote agrees"},
	        {"measure", cmd_measure, "predict and explain MRTD and RTMRs from the inputs"},
	        {"td", cmd_td, "trust domains for one's own work: run, shell, up, exec, trust ..."},
	        {"agent-kit", cmd_agent_kit, "what an image of one's own needs to be layer 0"},
	        {"qgs", cmd_qgs, "serve emulated quotes on a unix socket"},
	        {"pccs", cmd_pccs, "serve the collateral of emulated quotes over HTTP"},
	};
	struct err e;
	int code;

	if (file_begin_output(&out, &e) < 0)
		return cmd_failed(EXIT_BROKEN, &e);
	stdout = out.stream;
	if (atexit(at_exit) != 0)
		return EXIT_BROKEN;
	code = cmd_dispatch(
	        verbs, COUNT_OF(verbs),
	        "Which stacks of VMs, containers and nested VMs inside a TDX trust "
	        "domain still attest, what their quotes cover, and why the others fail.",
	        argc, argv);
	return output_is_whole() ? code : EXIT_BROKEN;
}
