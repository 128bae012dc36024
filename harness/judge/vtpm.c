/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/vtpm.h"

#include <string.h>

#include "trust/cloud.h"

static const struct cloud_row *find(const struct cloud_verdict *c, const char *what)
{
	for (size_t i = 0; i < c->rows; i++) {
		if (strcmp(c->row[i].what, what) == 0)
			return &c->row[i];
	}
	return NULL;
}

/* What is wrong before what is not known. */
static void weigh_bound(const struct cloud_verdict *c, struct rung_result *ret)
{
	static const char *const links[] = {"hcl report", "runtime data", "same td", "ak",
	                                    "tpm quote",  "bound",        "pcrs"};

	for (int wrong = 1; wrong >= 0; wrong--) {
		for (size_t i = 0; i < COUNT_OF(links); i++) {
			const struct cloud_row *row = find(c, links[i]);

			if (row && row->ok == (wrong ? 0 : -1)) {
				rung_set(ret, wrong ? RUNG_FALSE : RUNG_NULL, "%s: %.200s",
				         row->what, row->detail);
				return;
			}
		}
	}
	rung_set(ret, RUNG_TRUE,
	         "the vTPM's quote covers nonce, layer and the evidence before it, by a key that "
	         "the TD "
	         "quote's REPORTDATA covers");
}

static void copy(const struct cloud_verdict *c, const char *what, struct rung_result *ret)
{
	const struct cloud_row *row = find(c, what);

	if (row)
		rung_set(ret, (enum rung_state)row->ok, "vTPM: %.220s", row->detail);
	else
		rung_set(ret, RUNG_NULL, "no TDREPORT in the vTPM");
}

void vtpm_weigh(const struct layer_evidence *l, const struct quote *quote, time_t at,
                struct layer_verdict *v)
{
	const struct report_evidence *r = layer_report(l, REPORT_VTPM);
	struct azure_evidence in = l->vtpm;
	struct cloud_verdict c = {0};

	verdict_init(&c.quote);
	c.quote.authentic = v->ladder[RUNG_CHAIN].ok == RUNG_TRUE;
	in.nonce = (struct bytes){r->expected, 32};
	cloud_azure_parts(&in, quote, at, &c);
	weigh_bound(&c, &v->ladder[RUNG_BOUND]);
	copy(&c, "registers", &v->ladder[RUNG_REGISTERS]);
	copy(&c, "tpm log", &v->ladder[RUNG_EVENTLOG]);
	rung_set(
	        &v->ladder[RUNG_COVERS], RUNG_NULL,
	        "the quote covers the paravisor that MRTD names and the vTPM's key, not the guest: "
	        "what it runs is in the PCRs, as far as that paravisor is trusted");
}
