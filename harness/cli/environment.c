/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/environment.h"

#include <stdio.h>
#include <string.h>

#include "core/enum.h"
#include "core/escape.h"
#include "core/json.h"
#include "format/text.h"
#include "measure/predict.h"
#include "report/parts.h"

const struct cell_verdict *run_find_cell(const struct run_verdict *v, const char *id)
{
	for (size_t i = 0; i < v->cells; i++) {
		if (strcmp(v->cell[i].id, id) == 0)
			return &v->cell[i];
	}
	return NULL;
}

static const struct boot_record *boot_of(const struct judged *j, const struct cell_verdict *v)
{
	for (size_t i = 0; v->boot_id && i < j->run.boots; i++) {
		if (strcmp(j->run.boot[i].boot.id, v->boot_id) == 0)
			return &j->run.boot[i];
	}
	return NULL;
}

const struct prediction *run_prediction(const struct judged *j, const struct cell_verdict *v)
{
	const struct boot_record *b = boot_of(j, v);

	return b && j->predicted ? j->predicted[b - j->run.boot] : NULL;
}

static void host(struct differences *d, const struct host_facts *a, const struct host_facts *b)
{
	const char *const same[][3] = {
	        {"QEMU", a->qemu_version, b->qemu_version}, {"QEMU's path", a->qemu, b->qemu},
	        {"kernel", a->kernel, b->kernel},           {"CPU", a->cpu, b->cpu},
	        {"KVM", a->kvm_reason, b->kvm_reason},      {"TDX", a->tdx_reason, b->tdx_reason},
	};
	char x[40], y[40];

	for (size_t i = 0; i < COUNT_OF(same); i++)
		differences_text(d, "host", same[i][0], same[i][1], same[i][2]);
	snprintf(x, sizeof(x), "%u CPUs, %llu MiB", a->cpus, (unsigned long long)a->memory_mib);
	snprintf(y, sizeof(y), "%u CPUs, %llu MiB", b->cpus, (unsigned long long)b->memory_mib);
	differences_text(d, "host", "size", x, y);
}

/* By the digests of what a prediction was made of. */
static void inputs(struct differences *d, const char *id, const struct prediction *p,
                   const struct prediction *q)
{
	char x[HEX_ENCODED_SIZE(48)], y[HEX_ENCODED_SIZE(48)];

	for (int i = 0; i < INPUT_COUNT; i++) {
		if (!p->input[i].given || !q->input[i].given)
			continue;
		hex_encode(p->input[i].digest, 48, x);
		hex_encode(q->input[i].digest, 48, y);
		x[16] = y[16] = '\0';
		differences_text(d, id, measure_input_names[i], x, y);
	}
}

static const char *accelerator(const struct boot_record *b)
{
	return !b ? "" : b->boot.kvm ? "kvm" : "tcg";
}

static void cell(struct differences *d, const struct judged *a, const struct cell_verdict *x,
                 const struct judged *b, const struct cell_verdict *y, bool layer0)
{
	const struct prediction *p = run_prediction(a, x), *q = run_prediction(b, y);
	char left[EXPECTED_MAX], right[EXPECTED_MAX];

	differences_text(d, x->id, "expected", expected_text(&a->in, x, left),
	                 expected_text(&b->in, y, right));
	if (!layer0 || !x->layers || !y->layers)
		return;
	differences_text(d, x->layer[0].id, "accelerator", accelerator(boot_of(a, x)),
	                 accelerator(boot_of(b, y)));
	differences_text(d, x->layer[0].id, "guest's kernel", x->layer[0].isolation.release,
	                 y->layer[0].isolation.release);
	if (p && q)
		inputs(d, x->layer[0].id, p, q);
}

/* Layer 0 is told once. */
static bool first_of_layer0(const struct run_verdict *v, size_t index)
{
	const struct cell_verdict *c = &v->cell[index];

	for (size_t i = 0; i < index; i++) {
		if (c->layers && v->cell[i].layers &&
		    strcmp(v->cell[i].layer[0].id, c->layer[0].id) == 0)
			return false;
	}
	return true;
}

/* ---- what guests were made of: anybody's JSON ---- */

static const char *text_of(const json_t *object, const char *name, char out[80])
{
	return text_escape(out, 80, member_text(object, name));
}

static void engines(struct differences *d, const char *image, const json_t *a, const json_t *b)
{
	char x[80], y[80], what[100], shown[60];
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)a, name, value)
	{
		snprintf(what, sizeof(what), "%s in %s", text_escape(shown, sizeof(shown), name), image);
		differences_text(d, "guests", what, text_of(a, name, x), text_of(b, name, y));
	}
	json_object_foreach((json_t *)b, name, value)
	{
		snprintf(what, sizeof(what), "%s in %s", text_escape(shown, sizeof(shown), name), image);
		if (!json_object_get(a, name))
			differences_text(d, "guests", what, "", text_of(b, name, y));
	}
}

/* Of the files that both have, and in these of the packages that engines come from. */
static void made_of(struct differences *d, const json_t *a, const json_t *b)
{
	const json_t *with = json_object_get(b, "parts");
	char x[80], y[80], shown[60];
	const char *name;
	json_t *part;

	json_object_foreach(json_object_get(a, "parts"), name, part)
	{
		const json_t *other = json_object_get(with, name);

		text_of(part, "sha256", x);
		text_of(other, "sha256", y);
		x[strnlen(x, 16)] = y[strnlen(y, 16)] = '\0';
		if (other)
			differences_text(d, "guests", text_escape(shown, sizeof(shown), name), x, y);
	}
	with = json_object_get(b, "engines");
	json_object_foreach(json_object_get(a, "engines"), name, part)
	{
		if (json_object_get(with, name))
			engines(d, text_escape(shown, sizeof(shown), name), part,
			        json_object_get(with, name));
	}
}

void environment_differences(struct differences *d, const struct judged *a, const struct judged *b)
{
	host(d, &a->run.host, &b->run.host);
	made_of(d, json_array_get(a->parts, 0), json_array_get(b->parts, 0));
	for (size_t i = 0; i < a->verdict.cells; i++) {
		const struct cell_verdict *x = &a->verdict.cell[i],
		                          *y = run_find_cell(&b->verdict, x->id);

		if (y)
			cell(d, a, x, b, y, first_of_layer0(&a->verdict, i));
	}
}
