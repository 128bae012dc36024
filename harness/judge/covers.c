/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/weigh.h"

#include <string.h>

#include "format/text.h"
#include "judge/frames.h"

#define DENY(r, ...) rung_set(r, RUNG_FALSE, __VA_ARGS__)

static const struct extend_evidence *find_launch(const struct layer_evidence *below)
{
	for (size_t i = 0; below && i < below->extends; i++) {
		if (below->extend[i].launch)
			return &below->extend[i];
	}
	return NULL;
}

/* The event says what was started: whether it was this layer, by this command. */
static const char *contradiction(const struct covers_input *in, const struct extend_evidence *x)
{
	const char *id = member_text(x->what, "layer"), *config = member_text(x->what, "config");
	char own[97];

	hex_encode(in->layer->config, 48, own);
	if (!x->known_event)
		return "the digest is not that of the launch event on record";
	if (!id || strcmp(id, in->id) != 0)
		return "the launch event is about another layer";
	if (!config || strcmp(config, own) != 0)
		return "the launch event is about another command than the one it was started by";
	return NULL;
}

static void weigh_image(const struct covers_input *in, const char *image, struct rung_result *ret)
{
	if (!in->expected)
		rung_set(ret, RUNG_NULL, "image %s is in RTMR3, but nothing says what it should be",
		         image);
	else if (strcmp(image, in->expected) != 0)
		DENY(ret, "image %s is not the one expected by %s, %.16s...", image, in->source,
		     in->expected);
	else
		rung_set(ret, RUNG_TRUE,
		         "RTMR3 replays from %zu extends, one of them this layer's image and "
		         "command; "
		         "the image is %.16s..., as expected by %s",
		         in->replayed.count, image, in->source);
}

void covers_weigh(const struct covers_input *in, struct rung_result *ret, char ret_image[97])
{
	const struct extend_evidence *x = find_launch(in->below);
	const char *image = x ? member_text(x->what, "image") : NULL, *wrong;

	ret_image[0] = '\0';
	if (image && strlen(image) == 96 && strspn(image, "0123456789abcdef") == 96)
		memcpy(ret_image, image, 97);
	if (!in->quoted)
		rung_set(ret, RUNG_NULL, "no quote");
	else if (!in->below)
		rung_set(ret, RUNG_NULL,
		         "no reference values to compare the TD's measurements with");
	else if (!x || !x->ok)
		DENY(ret, "the quote covers the TD only: nothing measured identifies this layer");
	else if (memcmp(in->quoted, in->replayed.rtmr3, 48) != 0)
		DENY(ret, "the %zu extends on record do not replay to the quote's RTMR3",
		     in->replayed.count);
	else if ((wrong = contradiction(in, x)) != NULL)
		DENY(ret, "%s", wrong);
	else if (!ret_image[0])
		DENY(ret, "the launch event names no image");
	else if (!in->below_covered)
		DENY(ret, "measured by a layer that is itself not covered");
	else
		weigh_image(in, ret_image, ret);
}
