/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "format/text.h"
#include "trust/tcb.h"
#include "trust/verify.h"

/*
 * What cases/qvl_rules.py is compared with: one case a line on standard input, one answer a line.
 *
 *   {"tcb_info": ..., "qe_identity": ..., "components": HEX, "pcesvn": N, "body_type": N,
 *    "svn": HEX, "svn2": HEX, "qe_svn": N, "mrsignerseam": HEX, "seam_attributes": HEX}
 *   {"status": ..., "launch": [status, date, advisories], "current": ..., "evaluation": N}
 *   {"error": ...} where TCB info or QE identity cannot be read
 */

static void hex(const json_t *o, const char *key, uint8_t *out, size_t size)
{
	const char *text = json_string_value(json_object_get(o, key));
	uint8_t bytes[64] = {0};
	size_t n;

	if (text && strlen(text) == 2 * size && hex_decode(text, 2 * size, bytes, &n) == FORMAT_OK)
		memcpy(out, bytes, size);
}

static uint16_t number(const json_t *o, const char *key)
{
	return (uint16_t)json_integer_value(json_object_get(o, key));
}

static json_t *result(const struct tcb_result *r)
{
	json_t *advisories = json_array();

	for (size_t i = 0; i < r->advisories; i++)
		json_array_append_new(advisories, json_string(r->advisory[i]));
	return json_pack("[s, s, o]", tcb_status_names[r->status], r->date, advisories);
}

static json_t *answer(const json_t *o)
{
	static struct tcb_info info;
	static struct qe_identity id;
	static struct verdict v;
	struct pck pck = {.pcesvn = number(o, "pcesvn")};
	struct quote q = {.body_type = (enum quote_body_type)number(o, "body_type")};
	struct err e;

	if (tcb_info_read(json_object_get(o, "tcb_info"), &info, &e) < 0 ||
	    qe_identity_read(json_object_get(o, "qe_identity"), &id, &e) < 0)
		return json_pack("{ss}", "error", e.text);
	hex(o, "components", pck.component, sizeof(pck.component));
	hex(o, "svn", q.td.tee_tcb_svn, sizeof(q.td.tee_tcb_svn));
	hex(o, "svn2", q.td.tee_tcb_svn2, sizeof(q.td.tee_tcb_svn2));
	hex(o, "mrsignerseam", q.td.mrsignerseam, sizeof(q.td.mrsignerseam));
	hex(o, "seam_attributes", q.td.seam_attributes, sizeof(q.td.seam_attributes));
	q.qe_report.isvsvn = number(o, "qe_svn");
	verdict_init(&v);
	tcb_evaluate(&info, &id, &pck, &q, &v);
	tcb_explain(&info, &id, &pck, &q, &v);
	return json_pack("{ss, so, so, sI, ss}", "status", tcb_status_names[v.status], "launch",
	                 result(&v.launch), "current", result(&v.current), "evaluation",
	                 (json_int_t)v.tcb_evaluation, "code", verdict_code_names[v.code]);
}

int main(void)
{
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, stdin) > 0) {
		json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL), *said = answer(o);

		json_dumpf(said, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(said);
		json_decref(o);
	}
	free(line);
	return 0;
}
