/* SPDX-License-Identifier: Apache-2.0 */
/* JUnit's XML as continuous-integration services read it; one test case a cell. */
#include <errno.h>
#include <libxml/xmlwriter.h>
#include <stdlib.h>
#include <time.h>

#include "core/enum.h"
#include "report/report.h"

static void attribute(xmlTextWriter *w, const char *name, const char *value)
{
	xmlTextWriterWriteAttribute(w, BAD_CAST name, BAD_CAST value);
}

static void count_attribute(xmlTextWriter *w, const char *name, size_t value)
{
	xmlTextWriterWriteFormatAttribute(w, BAD_CAST name, "%zu", value);
}

static void property(xmlTextWriter *w, const char *name, const char *value)
{
	xmlTextWriterStartElement(w, BAD_CAST "property");
	attribute(w, "name", name);
	attribute(w, "value", value);
	xmlTextWriterEndElement(w);
}

static void properties(xmlTextWriter *w, const struct judge_input *in, const struct run_verdict *v)
{
	xmlTextWriterStartElement(w, BAD_CAST "properties");
	property(w, "run", in->run->id);
	property(w, "platform", ENUM_NAME(platform_names, v->platform));
	property(w, "qemu", in->run->host.qemu_version);
	property(w, "kernel", in->run->host.kernel);
	xmlTextWriterEndElement(w);
}

/* What an outcome is in JUnit's words; NULL for a pass. */
static const char *element_of(enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_PASS:
		return NULL;
	case OUTCOME_FAIL:
		return "failure";
	case OUTCOME_BROKEN:
		return "error";
	case OUTCOME_XFAIL:
	case OUTCOME_SKIP:
		return "skipped";
	}
	return "error";
}

static void write_cell(xmlTextWriter *w, const struct judge_input *in, const struct cell_verdict *v)
{
	const struct layer_verdict *l = v->layers ? &v->layer[v->layers - 1] : NULL;
	const char *element = element_of(v->outcome);

	xmlTextWriterStartElement(w, BAD_CAST "testcase");
	if (v->platform == PLATFORM_NONE)
		attribute(w, "classname", "vm");
	else
		xmlTextWriterWriteFormatAttribute(w, BAD_CAST "classname", "td.%s",
		                                  ENUM_NAME(platform_names, v->platform));
	attribute(w, "name", v->id);
	xmlTextWriterWriteFormatAttribute(w, BAD_CAST "time", "%.3f", v->layers ? v->seconds : 0.0);
	if (element) {
		xmlTextWriterStartElement(w, BAD_CAST element);
		attribute(w, "type", ENUM_NAME(outcome_names, v->outcome));
		attribute(w, "message", v->reason);
		xmlTextWriterEndElement(w);
	}
	xmlTextWriterWriteFormatElement(w, BAD_CAST "system-out",
	                                "grade %s, origin %s, platform %s: %s\nexpected: %s\n",
	                                l ? ENUM_NAME(grade_names, l->grade) : "none",
	                                l ? ENUM_NAME(origin_names, l->origin) : "none",
	                                ENUM_NAME(platform_names, v->platform), v->reason,
	                                in->cases->item[v->case_index].why);
	xmlTextWriterEndElement(w);
}

static void write_suite(xmlTextWriter *w, const struct judge_input *in, const struct run_verdict *v)
{
	time_t started = (time_t)in->run->started;
	char when[32] = "";
	struct tm tm;

	if (gmtime_r(&started, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	xmlTextWriterStartElement(w, BAD_CAST "testsuite");
	attribute(w, "name", "tception");
	attribute(w, "timestamp", when);
	count_attribute(w, "tests", v->cells);
	count_attribute(w, "failures", v->outcome[OUTCOME_FAIL]);
	count_attribute(w, "errors", v->outcome[OUTCOME_BROKEN]);
	count_attribute(w, "skipped", v->outcome[OUTCOME_SKIP] + v->outcome[OUTCOME_XFAIL]);
	xmlTextWriterWriteFormatAttribute(w, BAD_CAST "time", "%.3f", in->run->seconds);
	properties(w, in, v);
	for (size_t i = 0; i < v->cells; i++)
		write_cell(w, in, &v->cell[i]);
	xmlTextWriterEndElement(w);
}

/* The writer drops what XML cannot hold; an out-of-memory shows when the document is ended. */
int report_junit(const struct judge_input *in, const struct run_verdict *verdict, FILE *out,
                 struct err *e)
{
	xmlBuffer *buffer = xmlBufferCreate();
	xmlTextWriter *w = buffer ? xmlNewTextWriterMemory(buffer, 0) : NULL;
	int r = -ENOMEM;

	if (w) {
		xmlTextWriterSetIndent(w, 1);
		xmlTextWriterStartDocument(w, NULL, "UTF-8", NULL);
		xmlTextWriterStartElement(w, BAD_CAST "testsuites");
		write_suite(w, in, verdict);
		if (xmlTextWriterEndDocument(w) >= 0)
			r = 0;
	}
	xmlFreeTextWriter(w);
	if (r == 0)
		fputs((const char *)xmlBufferContent(buffer), out);
	xmlBufferFree(buffer);
	return r == 0 ? 0 : err_set(e, r, "the result can't be written as XML");
}
