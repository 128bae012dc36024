/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_CLI_QUOTE_H
#define TCEPTION_CLI_QUOTE_H

/* What `tception quote` can do, one cmd_quote_<what>.c each; argv[0] is <what>. */
int cmd_quote_parse(int argc, char **argv);
int cmd_quote_verify(int argc, char **argv);
int cmd_quote_fetch(int argc, char **argv);

#endif
