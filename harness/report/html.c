/* SPDX-License-Identifier: Apache-2.0 */
/* The run as one HTML file: the page's files around the verdicts as JSON, which page.js shows. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/enum.h"
#include "core/escape.h"
#include "core/json.h"
#include "format/text.h"
#include "judge/frames.h"
#include "report/parts.h"
#include "report/report.h"

extern const char report_page_html[], report_page_css[], report_page_js[]; /* page.S */

#define LOG_LINES 40 /* of a layer's kernel log */

/* JSON inside a script element: nothing in it may look like a tag. */
static int write_json(json_t *value, FILE *out, struct err *e)
{
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY)
	                   : NULL;

	json_decref(value);
	if (!text)
		return err_set(e, -ENOMEM, "the report can't be written as JSON");
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "<>&");

		fwrite(p, 1, n, out);
		p += n;
		if (*p)
			fprintf(out, "\\u%04x", *p++);
	}
	free(text);
	return 0;
}

/* ---- a layer ---- */

static json_t *measured_json(const struct measured *m)
{
	char attributes[24], xfam[24];

	if (!m->known)
		return json_null();
	snprintf(attributes, sizeof(attributes), "%016llx", (unsigned long long)m->attributes);
	snprintf(xfam, sizeof(xfam), "%016llx", (unsigned long long)m->xfam);
	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "version",
	                 m->version ? json_integer(m->version) : json_null(), "tee_tcb_svn",
	                 json_hex(m->svn, sizeof(m->svn)), "mrseam",
	                 json_hex(m->mrseam, sizeof(m->mrseam)), "mrsignerseam",
	                 json_hex(m->mrsignerseam, sizeof(m->mrsignerseam)), "attributes",
	                 attributes, "xfam", xfam, "report_data",
	                 json_hex(m->report_data, sizeof(m->report_data)), "mrtd",
	                 json_hex(m->mrtd, 48), "rtmr0", json_hex(m->rtmr[0], 48), "rtmr1",
	                 json_hex(m->rtmr[1], 48), "rtmr2", json_hex(m->rtmr[2], 48), "rtmr3",
	                 json_hex(m->rtmr[3], 48));
}

/* What of a kernel log is about attestation, confinement or a fault. */
static bool matters(const char *line)
{
	static const char *const words[] = {"tdx",     "tsm",  "kvm",     "confidential", "apparmor",
	                                    "seccomp", "oops", "bug:",    "kernel panic", "segfault",
	                                    "killed",  "ima:", "rtmr",    "ccel",         "denied"};

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcasestr(line, words[i]))
			return true;
	}
	return false;
}

static void add_lines(json_t *lines, const char *text)
{
	char line[512], escaped[600];

	while (text && *text && json_array_size(lines) < LOG_LINES) {
		size_t n = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)(n < 500 ? n : 500), text);
		if (matters(line))
			json_array_append_new(
			        lines, json_string(text_escape(escaped, sizeof(escaped), line)));
		text += n + (text[n] == '\n');
	}
}

static json_t *kernel_log_json(const struct layer_verdict *l)
{
	struct frame_cursor c = {.data = l->frames, .size = l->frames_size};
	json_t *lines = json_array();
	struct frame_view f;

	while (l->frames && frames_next(&c, &f)) {
		json_t *o = f.header.type == FRAME_DMESG ? frame_json(&f) : NULL;

		add_lines(lines, member_text(o, "text"));
		json_decref(o);
	}
	return lines;
}

static json_t *page_layer_json(const struct layer_verdict *l)
{
	json_t *layer = layer_json(l);

	json_object_set_new(layer, "quote", measured_json(&l->measured));
	json_object_set_new(layer, "kernel_log", kernel_log_json(l));
	return layer;
}

/* ---- a cell: its layer 0 is in its boot ---- */

/* How to run it alone; or null. */
static json_t *again_json(const struct run_record *run, const char *id)
{
	char *text = NULL;
	json_t *j;

	if (asprintf(&text, "tception run %s/cases.yaml --cell %s", run->dir, id) < 0)
		return json_null();
	j = json_string(text);
	free(text);
	return j ? j : json_null();
}

static json_t *page_cell_json(const struct judge_input *in, const struct cell_verdict *v)
{
	const struct layer_verdict *l = v->layers ? &v->layer[v->layers - 1] : NULL;
	json_t *cell = cell_json(in, v), *layers = json_array();

	for (size_t i = 0; i < v->layers; i++)
		json_array_append_new(layers, i ? page_layer_json(&v->layer[i]) : json_null());
	json_object_set_new(cell, "layers", layers);
	json_object_set_new(cell, "grade",
	                    json_string(l ? ENUM_NAME(grade_names, l->grade) : "none"));
	json_object_set_new(cell, "again", again_json(in->run, v->id));
	return cell;
}

/* ---- a boot, and the layer 0 that its cells share ---- */

static json_t *predicted_json(const struct prediction *p)
{
	json_t *o;
	char name[8];

	if (!p)
		return json_null();
	o = json_pack("{s:s, s:[o, o]}", "profile", p->profile, "mrtd", json_hex(p->mrtd[0], 48),
	              json_hex(p->mrtd[1], 48));
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "rtmr%d", i);
		json_object_set_new(o, name, json_hex(p->known[i] ? p->rtmr[i] : NULL, 48));
	}
	return o;
}

static const struct layer_verdict *layer0_of(const struct run_verdict *v, const char *boot_id)
{
	for (size_t i = 0; i < v->cells; i++) {
		if (v->cell[i].layers && v->cell[i].boot_id == boot_id)
			return &v->cell[i].layer[0];
	}
	return NULL;
}

static json_t *page_boot_json(const struct judge_input *in, const struct run_verdict *v, size_t i)
{
	const struct boot_record *b = &in->run->boot[i];
	const struct layer_verdict *layer0 = layer0_of(v, b->boot.id);
	json_t *boot = boot_json(b), *argv = json_array();
	char word[1024];

	for (char **w = b->argv; w && *w; w++)
		json_array_append_new(argv, json_string(text_escape(word, sizeof(word), *w)));
	json_object_set_new(boot, "argv", argv);
	json_object_set_new(boot, "layer", layer0 ? page_layer_json(layer0) : json_null());
	json_object_set_new(boot, "predicted",
	                    predicted_json(in->prediction ? in->prediction[i] : NULL));
	return boot;
}

static int write_data(const struct judge_input *in, const struct run_verdict *v, FILE *out,
                      struct err *e)
{
	json_t *run = json_pack(
	        "{s:s, s:I, s:f, s:b, s:s, s:s, s:o, s:o}", "run", in->run->id, "started",
	        (json_int_t)in->run->started, "seconds", in->run->seconds, "ended", in->run->ended,
	        "platform", ENUM_NAME(platform_names, v->platform), "note",
	        report_platform_note(v->platform), "summary", summary_json(v), "host",
	        host_json(&in->run->host));
	json_t *boots = json_array();
	int r;

	for (size_t i = 0; i < in->run->boots; i++)
		json_array_append_new(boots, page_boot_json(in, v, i));
	if (run)
		json_object_set_new(run, "boots", boots);
	/* cells one by one: there may be many */
	fputs("{\"cells\":[", out);
	for (size_t i = 0; i < v->cells; i++) {
		fputs(i ? ",\n" : "\n", out);
		r = write_json(page_cell_json(in, &v->cell[i]), out, e);
		if (r < 0) {
			json_decref(run);
			return r;
		}
	}
	fputs("],\n\"about\":", out);
	r = write_json(run, out, e);
	fputc('}', out);
	return r;
}

int report_html(const struct judge_input *in, const struct run_verdict *verdict, FILE *out,
                struct err *e)
{
	const char *rest = report_page_html, *mark;
	int r = 0;

	while (r == 0 && (mark = strstr(rest, "{{"))) {
		fwrite(rest, 1, (size_t)(mark - rest), out);
		rest = strstr(mark, "}}") + 2;
		if (strncmp(mark, "{{page.css", 10) == 0)
			fputs(report_page_css, out);
		else if (strncmp(mark, "{{page.js", 9) == 0)
			fputs(report_page_js, out);
		else if (strncmp(mark, "{{data", 6) == 0)
			r = write_data(in, verdict, out, e);
		else
			html_text(in->run->id, out);
	}
	fputs(rest, out);
	return r;
}
