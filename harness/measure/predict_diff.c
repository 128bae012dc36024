/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/predict_diff.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
	char *out;
	size_t size, used;
};

static void add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->out + t->used, t->size - t->used, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->used += (size_t)n < t->size - t->used ? (size_t)n : t->size - t->used - 1;
}

/* An event may differ though its own input is the same: QEMU writes into the kernel it hands on. */
static const char *input_state(const struct prediction *a, const struct prediction *b,
                               enum measure_input input)
{
	if (!a->input[input].given || !b->input[input].given)
		return "";
	return memcmp(a->input[input].digest, b->input[input].digest, 48) ? ", another one"
	                                                                  : ", the same one";
}

static void add_event(struct text *t, const struct prediction *a, const struct prediction *b,
                      const struct predicted_event *x, const struct predicted_event *y)
{
	const struct predicted_event *one = x ? x : y;

	add(t, "%s%s", t->used ? "; " : "", one->what);
	if (!x || !y)
		add(t, " (only in the %s)", x ? "first" : "second");
	else
		add(t, " (%s%s)", measure_input_names[one->input], input_state(a, b, one->input));
}

bool predict_diff(const struct prediction *a, const struct prediction *b, int rtmr, char *out,
                  size_t size)
{
	struct text t = {out, size, 0};
	size_t i = 0, k = 0;

	out[0] = '\0';
	if (rtmr < 0 && memcmp(a->mrtd, b->mrtd, sizeof(a->mrtd)) != 0)
		add(&t, "firmware%s", input_state(a, b, INPUT_FIRMWARE));
	while (rtmr >= 0) {
		const struct predicted_event *x = prediction_next(a, (unsigned)rtmr, &i);
		const struct predicted_event *y = prediction_next(b, (unsigned)rtmr, &k);

		if (!x && !y)
			break;
		if (!x || !y || x->known != y->known || memcmp(x->digest, y->digest, 48) != 0)
			add_event(&t, a, b, x, y);
	}
	return t.used > 0;
}
