/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdlib.h>

#include "judge/frames.h"
#include "report/report.h"

static void write_line(json_t *line, FILE *out)
{
	char *text = line ? json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

	if (text)
		fprintf(out, "%s\n", text);
	free(text);
	json_decref(line);
}

void report_frames(const struct layer_verdict *layer, FILE *out)
{
	struct frame_cursor cursor = {.data = layer->frames, .size = layer->frames_size};
	struct frame_view f;

	while (frames_next(&cursor, &f)) {
		json_t *payload = frame_json(&f);

		write_line(json_pack("{s:I, s:s, s:i, s:I, s:o}", "offset", (json_int_t)f.offset,
		                     "type", frame_type_name(f.header.type), "number",
		                     (int)f.header.type, "sequence", (json_int_t)f.header.sequence,
		                     "payload", payload ? payload : json_null()),
		           out);
	}
	if (cursor.problem[0])
		write_line(json_pack("{s:I, s:s}", "offset", (json_int_t)cursor.pos, "problem",
		                     cursor.problem),
		           out);
}
