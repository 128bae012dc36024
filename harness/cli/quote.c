/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/quote.h"

#include "cli/cmd.h"
#include "format/bytes.h"

int cmd_quote(int argc, char **argv)
{
	static const struct verb verbs[] = {
	        {"parse", cmd_quote_parse, "show what a quote says, without judging it"},
	        {"verify", cmd_quote_verify,
	         "judge quotes, offline, by Intel's collateral and a policy"},
	        {"fetch", cmd_quote_fetch, "get the collateral that verify needs"},
	};

	return cmd_dispatch(verbs, COUNT_OF(verbs),
	                    "Quotes, and the collateral that they are judged by.", argc, argv);
}
