/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd_quote.h"

#include "cmd.h"

int cmd_quote(int argc, char **argv)
{
	static const struct subverb verbs[] = {
	        {"parse", cmd_quote_parse, "show what a quote says, without judging it"},
	        {"verify", cmd_quote_verify,
	         "judge quotes, offline, by Intel's collateral and a policy"},
	        {"fetch", cmd_quote_fetch, "get the collateral that verify needs"},
	};

	return cmd_dispatch(verbs, sizeof(verbs) / sizeof(verbs[0]),
	                    "tception quote WHAT [OPTION...] FILE", argc, argv);
}
