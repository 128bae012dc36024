/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SARIF 2.1.0 (OASIS): what isolation findings there are, one result a finding of a cell's innermost
 * layer. They are facts about how the layer is held in; a case file does not say which are wanted, so
 * each is a note.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/version.h"
#include "report/parts.h"
#include "report/report.h"

static json_t *result_json(const struct cell_verdict *v, const struct layer_verdict *l,
                           const struct finding *f)
{
	return json_pack(
	        "{s:s, s:s, s:s, s:{s:s++++}, s:[{s:{s:{s:s}, s:{s:i}}, s:[{s:s, s:s}]}], "
	        "s:{s:s}}",
	        "ruleId", f->name, "kind", "informational", "level", "none", "message", "text", l->id,
	        ": ", f->name, f->detail[0] ? ": " : "", f->detail, "locations", "physicalLocation",
	        "artifactLocation", "uri", "cases.yaml", "region", "startLine", 1,
	        "logicalLocations", "fullyQualifiedName", l->id, "kind", "resource",
	        "partialFingerprints", "cell/v1", v->id);
}

static void add_rule(json_t *rules, json_t *known, const struct finding *f)
{
	if (json_object_get(known, f->name))
		return;
	json_object_set_new(known, f->name, json_true());
	json_array_append_new(rules, json_pack("{s:s, s:{s:s}}", "id", f->name, "shortDescription",
	                                       "text", f->name));
}

int report_sarif(const struct judge_input *in, const struct run_verdict *verdict, FILE *out,
                 struct err *e)
{
	json_t *rules = json_array(), *results = json_array(), *known = json_object(), *root;
	char *text;

	for (size_t i = 0; i < verdict->cells; i++) {
		const struct cell_verdict *v = &verdict->cell[i];
		const struct layer_verdict *l = v->layers ? &v->layer[v->layers - 1] : NULL;

		for (size_t k = 0; l && k < l->isolation.findings; k++) {
			add_rule(rules, known, &l->isolation.finding[k]);
			json_array_append_new(results, result_json(v, l, &l->isolation.finding[k]));
		}
	}
	root = json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s, s:o}}, s:o, s:{s:s}}]}", "$schema",
	                 "https://json.schemastore.org/sarif-2.1.0.json", "version", "2.1.0", "runs",
	                 "tool", "driver", "name", "tception", "version", TCEPTION_VERSION, "rules",
	                 rules, "results", results, "automationDetails", "id", in->run->id);
	text = root ? json_dumps(root, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;
	json_decref(known);
	json_decref(root);
	if (!text)
		return err_set(e, -ENOMEM, "SARIF: out of memory");
	fprintf(out, "%s\n", text);
	free(text);
	return 0;
}
