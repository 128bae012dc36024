/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/weigh.h"

#include <stdio.h>
#include <string.h>

#include "judge/rung.h"
#include "measure/explain.h"

/* RTMR3 is left out: what it holds is up to the running system. */
static void weigh(const struct prediction *p, const struct explanation *x, struct rung_result *ret)
{
	for (int i = 0; i < 4; i++) {
		const struct explain_row *row = &x->row[i];

		if (row->has_predicted && memcmp(row->predicted, row->quoted, 48) != 0) {
			rung_set(ret, RUNG_FALSE, "%s is not as predicted: %.200s", row->name,
			         row->meaning);
			return;
		}
	}
	for (int i = 1; i < 4; i++) {
		if (!x->row[i].has_predicted) {
			rung_set(ret, RUNG_NULL, "%s could not be predicted: %s", x->row[i].name,
			         p->reason[i - 1]);
			return;
		}
	}
	rung_set(ret, RUNG_TRUE, "MRTD and RTMR0-2 are what the inputs give");
}

void predicted_weigh(const struct prediction *prediction, const uint8_t mrtd[48],
                     const uint8_t rtmr[4][48], const struct blob *log, struct rung_result *ret)
{
	const struct bytes raw = {log->data, log->size};
	struct explain_evidence ev = {.quoted = true};
	struct explanation x;
	struct log events;

	memcpy(ev.mrtd, mrtd, sizeof(ev.mrtd));
	memcpy(ev.rtmr, rtmr, sizeof(ev.rtmr));
	if (log->complete && log_read(raw, &events, NULL, NULL) == 0)
		ev.log = &events;
	explain(prediction, &ev, &x);
	weigh(prediction, &x, ret);
	if (ev.log)
		log_done(&events);
}

void predicted_on_hardware(const char *confirmed, bool authentic, struct rung_result *ret)
{
	char what[JUDGE_TEXT_MAX];

	memcpy(what, ret->detail, sizeof(what));
	if (ret->ok == RUNG_FALSE && !*confirmed)
		rung_set(ret, RUNG_NULL,
		         "no trust domain on this machine was as predicted yet, so it lowers no "
		         "grade: %.140s",
		         what);
	else if (ret->ok == RUNG_TRUE && !*confirmed)
		rung_set(ret, RUNG_TRUE, "%.120s: %s", what,
		         authentic ? "this machine's first confirmation"
		                   : "no confirmation, since no quote of Intel's chain says so");
	else if (*confirmed && ret->ok != RUNG_NULL)
		rung_set(ret, ret->ok, "%.150s (this machine confirmed in run %.40s)", what,
		         confirmed);
}
