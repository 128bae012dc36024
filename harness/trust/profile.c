// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "trust/authority.h"

#define ADVISORY "EMULATED-SA-00001" /* like INTEL-SA-..., and no advisory of theirs */

const char *const authority_profile_names[PROFILE_COUNT] = {
        [PROFILE_UP_TO_DATE] = "UpToDate",
        [PROFILE_SW_HARDENING_NEEDED] = "SWHardeningNeeded",
        [PROFILE_CONFIGURATION_NEEDED] = "ConfigurationNeeded",
        [PROFILE_CONFIGURATION_AND_SW_HARDENING_NEEDED] = "ConfigurationAndSWHardeningNeeded",
        [PROFILE_OUT_OF_DATE] = "OutOfDate",
        [PROFILE_OUT_OF_DATE_CONFIGURATION_NEEDED] = "OutOfDateConfigurationNeeded",
        [PROFILE_REVOKED] = "Revoked",
        [PROFILE_PCK_REVOKED] = "PCKRevoked",
        [PROFILE_EXPIRED] = "Expired",
        [PROFILE_TD_RELAUNCH_ADVISED] = "TDRelaunchAdvised",
};

void authority_set_profile(struct authority *a, enum authority_profile profile)
{
	a->profile = profile;
}

enum authority_profile authority_profile(const struct authority *a)
{
	return a->profile;
}

/* What is out of date or revoked has something newer above it. */
size_t profile_levels(enum authority_profile p, struct profile_level ret[PROFILE_LEVELS_MAX])
{
	size_t n = 0;

	switch (p) {
	case PROFILE_UP_TO_DATE:
	case PROFILE_PCK_REVOKED:
	case PROFILE_EXPIRED:
	case PROFILE_TD_RELAUNCH_ADVISED: /* the module is what is old */
	case PROFILE_COUNT:
		ret[n++] = (struct profile_level){.status = "UpToDate"};
		return n;
	case PROFILE_OUT_OF_DATE:
	case PROFILE_OUT_OF_DATE_CONFIGURATION_NEEDED:
	case PROFILE_REVOKED:
		ret[n++] = (struct profile_level){.more = 1, .status = "UpToDate"};
		break;
	case PROFILE_SW_HARDENING_NEEDED:
	case PROFILE_CONFIGURATION_NEEDED:
	case PROFILE_CONFIGURATION_AND_SW_HARDENING_NEEDED:
		break;
	}
	ret[n++] =
	        (struct profile_level){.status = authority_profile_names[p], .advisory = ADVISORY};
	return n;
}
