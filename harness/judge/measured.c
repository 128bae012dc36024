/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/measured.h"

#include <string.h>

#include "format/identity.h"

void measured_keep(struct measured *m, const struct attested *a)
{
	struct identity td;

	m->known = a->has_quote || a->has_report;
	if (!m->known)
		return;
	td = a->has_quote ? identity_of_quote(&a->quote) : identity_of_report(&a->report);
	m->version = a->has_quote ? a->quote.version : 0;
	m->attributes = td.attributes;
	m->xfam = td.xfam;
	memcpy(m->svn, td.svn, sizeof(m->svn));
	memcpy(m->mrseam, td.mrseam, sizeof(m->mrseam));
	memcpy(m->mrsignerseam, td.mrsignerseam, sizeof(m->mrsignerseam));
	memcpy(m->report_data, a->has_quote ? a->quote.td.report_data : a->report.mac.report_data,
	       sizeof(m->report_data));
	memcpy(m->mrtd, td.mrtd, sizeof(m->mrtd));
	memcpy(m->rtmr, td.rtmr, sizeof(m->rtmr));
}
