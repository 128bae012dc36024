/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What `tception quote` can do, one cmd_quote_<what>.c each; argv[0] is <what>. */
int cmd_quote_parse(int argc, char **argv);
int cmd_quote_verify(int argc, char **argv);
int cmd_quote_fetch(int argc, char **argv);
