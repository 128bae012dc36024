/* SPDX-License-Identifier: Apache-2.0 */
/* JUnit's XML as continuous-integration services read it; one test case a cell. */
#include <errno.h>
#include <libxml/xmlwriter.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/cleanup.h"
#include "core/enum.h"
#include "core/library.h"
#include "core/time.h"
#include "format/bytes.h"
#include "report/parts.h"
#include "report/report.h"

#define XML_API(X, api)                           \
	X(api, xmlBufferCreate)                   \
	X(api, xmlBufferContent)                  \
	X(api, xmlBufferFree)                     \
	X(api, xmlNewTextWriterMemory)            \
	X(api, xmlFreeTextWriter)                 \
	X(api, xmlTextWriterSetIndent)            \
	X(api, xmlTextWriterStartDocument)        \
	X(api, xmlTextWriterEndDocument)          \
	X(api, xmlTextWriterStartElement)         \
	X(api, xmlTextWriterEndElement)           \
	X(api, xmlTextWriterWriteAttribute)       \
	X(api, xmlTextWriterWriteFormatAttribute) \
	X(api, xmlTextWriterWriteFormatString)

struct xml_api {
	XML_API(LIBRARY_MEMBER, struct xml_api)
};

struct document {
	struct xml_api api;
	xmlBuffer *buffer;
	xmlTextWriter *writer;
};

static int document_init(struct document *d, struct err *e)
{
	static const struct library_symbol symbols[] = {XML_API(LIBRARY_SYMBOL, struct xml_api)};
	static const struct library want = {
	        .package = "libxml2",
	        .names = {"libxml2.so.2", "libxml2.so.16"},
	        .symbols = symbols,
	        .symbols_count = COUNT_OF(symbols),
	};
	int r = library_load(&want, &d->api, e);

	if (r < 0)
		return r;
	d->buffer = d->api.xmlBufferCreate();
	d->writer = d->buffer ? d->api.xmlNewTextWriterMemory(d->buffer, 0) : NULL;
	return d->writer ? 0 : err_sys(e, -ENOMEM, "JUnit");
}

static void document_done(struct document *d)
{
	if (d->writer)
		d->api.xmlFreeTextWriter(d->writer);
	if (d->buffer)
		d->api.xmlBufferFree(d->buffer);
}

static void start(struct document *d, const char *name)
{
	d->api.xmlTextWriterStartElement(d->writer, BAD_CAST name);
}

static void end(struct document *d)
{
	d->api.xmlTextWriterEndElement(d->writer);
}

static void attribute(struct document *d, const char *name, const char *value)
{
	d->api.xmlTextWriterWriteAttribute(d->writer, BAD_CAST name, BAD_CAST value);
}

static void count_attribute(struct document *d, const char *name, size_t value)
{
	d->api.xmlTextWriterWriteFormatAttribute(d->writer, BAD_CAST name, "%zu", value);
}

static void property(struct document *d, const char *name, const char *value)
{
	start(d, "property");
	attribute(d, "name", name);
	attribute(d, "value", value);
	end(d);
}

static void properties(struct document *d, const struct judge_input *in,
                       const struct run_verdict *v)
{
	start(d, "properties");
	property(d, "run", in->run->id);
	property(d, "platform", ENUM_NAME(platform_names, v->platform));
	property(d, "qemu", in->run->host.qemu_version);
	property(d, "kernel", in->run->host.kernel);
	end(d);
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

static void cell_properties(struct document *d, const struct cell_verdict *v,
                            const struct layer_verdict *l)
{
	start(d, "properties");
	property(d, "outcome", ENUM_NAME(outcome_names, v->outcome));
	property(d, "platform", ENUM_NAME(platform_names, v->platform));
	property(d, "grade", l ? ENUM_NAME(grade_names, l->grade) : "none");
	property(d, "origin", l ? ENUM_NAME(origin_names, l->origin) : "none");
	if (l && l->kvm != KVM_UNKNOWN)
		property(d, "kvm", kvm_state_names[l->kvm]);
	if (v->boot_id)
		property(d, "boot", v->boot_id);
	if (v->retried)
		property(d, "flaky", "true");
	end(d);
}

/* What a reader of the CI system needs to act on it: expectation, ladder, where the evidence is. */
static void write_output(struct document *d, const struct judge_input *in,
                         const struct cell_verdict *v, const struct layer_verdict *l)
{
	char expected[EXPECTED_MAX];

	start(d, "system-out");
	d->api.xmlTextWriterWriteFormatString(
	        d->writer, "grade %s, origin %s, platform %s: %s\nexpected: %s\nwhy: %s\n",
	        l ? ENUM_NAME(grade_names, l->grade) : "none",
	        l ? ENUM_NAME(origin_names, l->origin) : "none",
	        ENUM_NAME(platform_names, v->platform), v->reason, expected_text(in, v, expected),
	        in->cases->item[v->case_index].why);
	for (int i = 0; l && i < RUNG_COUNT; i++)
		d->api.xmlTextWriterWriteFormatString(
		        d->writer, "%-9s %s %s %s\n", rung_names[i],
		        l->ladder[i].ok == RUNG_TRUE    ? "yes"
		        : l->ladder[i].ok == RUNG_FALSE ? "no"
		                                        : "-",
		        l->ladder[i].error, l->ladder[i].detail);
	if (v->boot_id)
		d->api.xmlTextWriterWriteFormatString(d->writer, "evidence: boots/%s in the folder %s\n",
		                                      v->boot_id, in->run->dir);
	end(d);
}

static void write_cell(struct document *d, const struct judge_input *in,
                       const struct cell_verdict *v)
{
	const struct layer_verdict *l = v->layers ? &v->layer[v->layers - 1] : NULL;
	const char *element = element_of(v->outcome);

	start(d, "testcase");
	if (v->platform == PLATFORM_NONE) /* a skipped TD was never given one */
		attribute(d, "classname", strncmp(v->id, "td", 2) == 0 ? "td" : "vm");
	else
		d->api.xmlTextWriterWriteFormatAttribute(d->writer, BAD_CAST "classname", "td.%s",
		                                         ENUM_NAME(platform_names, v->platform));
	attribute(d, "name", v->id);
	d->api.xmlTextWriterWriteFormatAttribute(d->writer, BAD_CAST "time", "%.3f",
	                                         v->layers ? v->seconds : 0.0);
	cell_properties(d, v, l);
	if (element) {
		start(d, element);
		attribute(d, "type", ENUM_NAME(outcome_names, v->outcome));
		attribute(d, "message", v->reason);
		end(d);
	}
	write_output(d, in, v, l);
	end(d);
}

static void write_suite(struct document *d, const struct judge_input *in,
                        const struct run_verdict *v)
{
	char when[TIME_TEXT_SIZE];

	time_text((time_t)in->run->started, when);
	when[19] = '\0'; /* without the zone */
	start(d, "testsuite");
	attribute(d, "name", "tception");
	attribute(d, "timestamp", when);
	count_attribute(d, "tests", v->cells);
	count_attribute(d, "failures", v->outcome[OUTCOME_FAIL]);
	count_attribute(d, "errors", v->outcome[OUTCOME_BROKEN]);
	count_attribute(d, "skipped", v->outcome[OUTCOME_SKIP] + v->outcome[OUTCOME_XFAIL]);
	d->api.xmlTextWriterWriteFormatAttribute(d->writer, BAD_CAST "time", "%.3f",
	                                         in->run->seconds);
	properties(d, in, v);
	for (size_t i = 0; i < v->cells; i++)
		write_cell(d, in, &v->cell[i]);
	end(d);
}

/* The writer drops what XML cannot hold; an out-of-memory shows when the document is ended. */
int report_junit(const struct judge_input *in, const struct run_verdict *verdict, FILE *out,
                 struct err *e)
{
	_cleanup_(document_done) struct document d = {.writer = NULL};
	int r = document_init(&d, e);

	if (r < 0)
		return r;
	d.api.xmlTextWriterSetIndent(d.writer, 1);
	d.api.xmlTextWriterStartDocument(d.writer, NULL, "UTF-8", NULL);
	start(&d, "testsuites");
	write_suite(&d, in, verdict);
	if (d.api.xmlTextWriterEndDocument(d.writer) < 0)
		return err_sys(e, -ENOMEM, "JUnit");
	fputs((const char *)d.api.xmlBufferContent(d.buffer), out);
	return 0;
}
