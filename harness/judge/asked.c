/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/asked.h"

#include <string.h>

#include "plan/tdparams.h"

const char *identity_not_as_asked(const struct identity *of, const struct layer *td)
{
	struct td_params asked;

	td_params_of(td, &asked);
	if (memcmp(of->mrconfigid, asked.mrconfigid, sizeof(asked.mrconfigid)) != 0)
		return "MRCONFIGID";
	if (memcmp(of->mrowner, asked.mrowner, sizeof(asked.mrowner)) != 0)
		return "MROWNER";
	if (memcmp(of->mrownerconfig, asked.mrownerconfig, sizeof(asked.mrownerconfig)) != 0)
		return "MROWNERCONFIG";
	return (of->attributes ^ asked.attributes) & TD_ATTRIBUTES_ASKED ? "ATTRIBUTES" : NULL;
}
