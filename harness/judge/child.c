/* SPDX-License-Identifier: Apache-2.0 */
/* What a layer says of the one that it enters. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/escape.h"
#include "format/extend.h"
#include "judge/evidence.h"
#include "judge/frames.h"
#include "judge/reading.h"

static bool about_child(struct reading *r, const json_t *o)
{
	if (r->child && r->child->entering && !r->child->left &&
	    member_integer(o, "child", -1) == r->child->child)
		return true;
	reading_problem(r->layer, "a frame about a child that is not there");
	return false;
}

/* The command that started the child, as the layer below tells it: bounded and escaped. */
static json_t *read_command(const json_t *argv)
{
	json_t *command = json_array();
	char text[JUDGE_WORD_MAX];

	for (size_t i = 0; i < json_array_size(argv) && i < JUDGE_WORDS_MAX; i++) {
		const char *word = json_string_value(json_array_get(argv, i));

		json_array_append_new(command, json_string(text_escape(text, sizeof(text), word)));
	}
	return command;
}

static void read_config(const json_t *o, uint8_t ret[48])
{
	const json_t *argv = json_object_get(o, "argv");
	const char *name = member_text(o, "name");
	struct sha512 h;

	sha384_init(&h);
	for (size_t i = 0; i < json_array_size(argv); i++) {
		const char *word = json_string_value(json_array_get(argv, i));

		launch_config_add(&h, word ? word : "", name ? name : "");
	}
	sha384_final(&h, ret);
}

static int on_enter(struct reading *r, const json_t *o)
{
	const char *id = member_text(o, "layer");

	if (!r->child || r->child->entering || !id || strcmp(id, r->child_id) != 0) {
		reading_problem(r->layer, "ENTER of a layer that was not asked for");
		return 0;
	}
	r->child->entering = true;
	r->child->child = member_integer(o, "child", -1);
	r->child->below_uptime_ms = member_number(o, "uptime_ms", -1);
	read_config(o, r->child->config);
	r->child->command = read_command(json_object_get(o, "argv"));
	return r->child->command ? 0 : -ENOMEM;
}

static int on_relay(struct reading *r, const json_t *o)
{
	struct layer_evidence *c = r->child;
	uint8_t *data = NULL;
	size_t size = 0;
	int rc;

	if (!about_child(r, o))
		return 0;
	rc = frame_data_bytes(o, &r->data, &data, &size);
	if (rc == 0 && !c->owned) { /* most layers say all that they say in one */
		c->owned = TAKE_PTR(data);
		c->size = c->capacity = size;
	} else if (rc == 0) {
		rc = reading_append(&c->owned, &c->size, &c->capacity, data, size);
	} else if (rc == -EINVAL) {
		reading_problem(r->layer, "a RELAY frame without data");
	}
	free(data);
	c->bytes = c->owned;
	return rc == -ENOMEM ? rc : 0;
}

/* Keeps the last line that has letters: it is often the reason in the tool's own words. */
static int on_stderr(struct reading *r, const json_t *o)
{
	uint8_t *data = NULL;
	size_t size = 0, end, start;
	char *line;
	int rc;

	if (!about_child(r, o))
		return 0;
	rc = frame_data_bytes(o, &r->data, &data, &size);
	if (rc < 0)
		return rc == -ENOMEM ? rc : 0;
	for (end = size; end > 0 && data[end - 1] <= ' '; end--)
		;
	for (start = end; start > 0 && data[start - 1] != '\n'; start--)
		;
	line = strndup((char *)data + start, end - start);
	if (line && *line)
		text_escape(r->child->words, sizeof(r->child->words), line);
	rc = line ? 0 : -ENOMEM;
	free(line);
	free(data);
	return rc;
}

/* The first line of a text, escaped: tools put the cause there and its consequences below. */
static void first_line(char *out, size_t size, const char *text)
{
	size_t n = text ? strcspn(text, "\r\n") : 0;
	char line[600];

	snprintf(line, sizeof(line), "%.*s", (int)(n < sizeof(line) ? n : sizeof(line) - 1),
	         text ? text : "");
	text_escape(out, size, line);
}

static int on_left(struct reading *r, const json_t *o)
{
	struct layer_evidence *c = r->child;
	json_int_t code = member_integer(o, "exit", -1), signal = member_integer(o, "signal", -1);
	char step[48], reason[160], status[40] = "";

	text_escape(step, sizeof(step), member_text(o, "step"));
	first_line(reason, sizeof(reason), member_text(o, "reason"));
	if (c && !c->entering && !c->left)
		reading_problem(r->layer, "layer %s could not be made ready: %s: %s", r->child_id,
		                step, reason);
	if (!about_child(r, o))
		return 0;
	c->left = true;
	c->started = member_bool(o, "started", false);
	c->timeout = member_bool(o, "timeout", false);
	c->prepare_ms = member_number(o, "prepare_ms", -1);
	c->ready_ms = member_number(o, "ready_ms", -1);
	c->memory_kib = member_number(o, "memory_kib", -1);
	c->disk_kib = member_number(o, "disk_kib", -1);
	if (code >= 0)
		snprintf(status, sizeof(status), "exit %lld", (long long)code);
	else if (signal >= 0)
		snprintf(status, sizeof(status), "signal %lld", (long long)signal);
	snprintf(c->end, sizeof(c->end), "%s%s%s%s%s", step, step[0] && reason[0] ? ": " : "",
	         reason, status[0] && (step[0] || reason[0]) ? ", " : "", status);
	c->told = reason[0] != '\0';
	return 0;
}

int child_frame(struct reading *r, enum frame_type type, const json_t *o)
{
	switch ((int)type) {
	case FRAME_ENTER:
		return on_enter(r, o);
	case FRAME_RELAY:
		return on_relay(r, o);
	case FRAME_STDERR:
		return on_stderr(r, o);
	default:
		return on_left(r, o);
	}
}
