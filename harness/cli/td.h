/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "cli/authority.h"
#include "cli/options.h"
#include "cli/options_run.h"
#include "td/client.h"
#include "td/make.h"

/* What the verbs of `tception td` share. */

int cmd_td_boot(int argc, char **argv);
int cmd_td_down(int argc, char **argv);
int cmd_td_exec(int argc, char **argv);
int cmd_td_list(int argc, char **argv);
int cmd_td_run(int argc, char **argv);
int cmd_td_shell(int argc, char **argv);
int cmd_td_trust(int argc, char **argv);
int cmd_td_up(int argc, char **argv);

/* Files that go in before a program starts, and where they go afterwards. */
#define TD_COPIES_MAX 256
struct td_files {
	char *copy[TD_COPIES_MAX];
	size_t copies;
	const char *output;
	bool json; /* standard output has a report and nothing else */
};

int td_take_exits(void *text, const char *value, struct err *e);
int td_take_quote(void *text, const char *value, struct err *e);
int td_take_network(void *no_network, const char *value, struct err *e);
int td_take_share(void *td_wish, const char *value, struct err *e);
int td_take_copy(void *td_files, const char *value, struct err *e);

#define TD_MEMORY_MAX (1u << 20) /* MiB, of the axis */
#define TD_VCPUS_MAX  64

/* An enum authority_profile. */
#define OPTION_PROFILE(m)                                                              \
	OPTION_CHOICE(m, "profile", "STATUS", authority_profile_names,                 \
	              "what the emulated platform's collateral says of it: UpToDate, " \
	              "SWHardeningNeeded, ConfigurationNeeded, "                       \
	              "ConfigurationAndSWHardeningNeeded, OutOfDate, "                 \
	              "OutOfDateConfigurationNeeded, Revoked, PCKRevoked, Expired or " \
	              "TDRelaunchAdvised")

/* Who makes it, of what: `wish` of the verb's options. */
#define OPTIONS_OF_A_PLATFORM                                                                    \
	OPTION_CHOICE(wish.platform, "platform", "WHICH", options_platforms,                     \
	              "who makes it: hardware, emulated, or auto (hardware where it "            \
	              "works)"),                                                                 \
	        OPTION_TEXT(wish.state_dir, "state-dir", "DIR",                                  \
	                    "keys of the test root for emulated TDs "                            \
	                    "($XDG_STATE_HOME/tception)"),                                       \
	        OPTION_TEXT(wish.qemu, "qemu", "PROGRAM", "QEMU (default: qemu-system-x86_64)"), \
	        OPTION_TEXT(wish.qgs_socket, "qgs-socket", "PATH",                               \
	                    "where a hardware TD's quotes come from "                            \
	                    "(/var/run/tdx-qgs/qgs.socket)")

/* Of a machine that is made. */
#define OPTIONS_OF_A_MACHINE                                                                     \
	OPTION_TEXT(wish.name, "name", "NAME", "what it is called (default: td1, td2 ...)"),     \
	        OPTION_NUMBER(wish.memory_mib, "memory", TD_MEMORY_MAX,                          \
	                      "MiB of its memory, 512 or more (default: 2048)"),                 \
	        OPTION_NUMBER(wish.vcpus, "vcpus", TD_VCPUS_MAX, "its processors (default: 1)"), \
	        OPTION_CALL(wish.exits, td_take_exits, "exits", "HOW",                           \
	                    "passthrough (default), or ve: port I/O and HLT give #VE as on "     \
	                    "hardware, slower"),                                                 \
	        OPTION_CALL(wish.quote, td_take_quote, "quote", "VERSION",                       \
	                    "of its quotes: v4 (default) or v5"),                                \
	        OPTION_CALL(wish.no_network, td_take_network, "network", "WHICH",                \
	                    "user (default: QEMU's user network), or none"),                     \
	        OPTION_PROFILE(wish.profile), OPTIONS_OF_A_PLATFORM

/* Of one in which programs of ours run. */
#define OPTIONS_OF_A_TD                                                                         \
	OPTIONS_OF_A_MACHINE,                                                                   \
	        OPTION_TEXT(wish.kernel, "kernel", "WHICH",                                     \
	                    "trixie (default), backports, or a file with a '/'"),               \
	        OPTION_TEXT(wish.initrd, "initrd", "FILE",                                      \
	                    "the initramfs for a kernel that is a file"),                       \
	        OPTION_TEXT(wish.root, "root", "ROOTFS",                                        \
	                    "programs see this as their root: a folder, a tar archive or a "    \
	                    "squashfs"),                                                        \
	        OPTION_TEXT(wish.image, "image", "DISK",                                        \
	                    "programs see the root file system on this disk image (raw or "     \
	                    "qcow2) as theirs; nothing is written to it"),                      \
	        OPTION_CALL(wish, td_take_share, "share", "HOST[:GUEST][:ro]",                  \
	                    "let it see a folder of this machine, at /host or GUEST; ro: only " \
	                    "to be read")

/* Of a program that is run: `files` and `terminal` of the verb's options. */
#define OPTIONS_OF_FILES                                                      \
	OPTION_CALL(files, td_take_copy, "copy", "FILE",                      \
	            "put a file or folder into /work, where programs start; of " \
	            "'.' or 'FOLDER/.' what is in it"),                       \
	        OPTION_OUTPUT(files.output, "afterwards put all of /work into DIR")
#define OPTION_WORK_JSON                                                                          \
	OPTION_FLAG(files.json, "json",                                                           \
	            "print how it ended and which quotes are in DIR, as JSON; what PROGRAM says " \
	            "goes to standard error")
#define OPTION_TTY OPTION_FLAG(terminal, "tty", "give the program a terminal")

/* Whether the files that are to go in are there, before a TD is booted for them. */
int td_check_files(const struct td_files *files, struct err *e);
/* Makes a TD, starts it and says on standard error that it is emulated. `ret_owner`: td_launch(). */
int td_start(const struct td_wish *w, struct td_spec *ret, int *ret_owner, struct err *e);
/* The files in, the program, the files out: its status, or -errno. What kept a program from
 * starting is said on standard error, what scripts want on standard output. */
int td_work(const struct place *p, const struct td_files *files, char *const *program,
            bool terminal, struct err *e);
/* What these verbs exit with: a program's status, or our own failure's, said on standard error. */
int td_exit(int status, const struct err *e);

/* td_json.c: prints it and lets it go. */
int td_print(json_t *o, struct err *e);
/* A program that was run in `td` (td.json): its status, or -errno and `e`. */
int td_print_work(const json_t *td, const struct td_files *files, char *const *program, int status,
                  struct err *e);
