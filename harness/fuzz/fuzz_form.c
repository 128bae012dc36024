/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence in any form: what is read is never longer than what was given, binary stays as it is,
 * and bytes written in each form of one text are read back.
 * Seeds: cases/golden/pieces/form
 */
#include <errno.h>

#include "format/text.h"
#include "fuzz/golden.h"
#include "trust/form.h"

static void read_back(const char *text, size_t length, const uint8_t *data, size_t size)
{
	struct form_bytes b;

	FUZZ_CHECK(form_text(text, length, &b) == 0);
	FUZZ_CHECK(b.size == size && memcmp(b.data, data, size) == 0);
	form_done(&b);
}

/* A text of base64 that is hexadecimal too is read as that: bytes with a '-' or '+' are not. */
static void every_form(const uint8_t *data, size_t size)
{
	char *text = malloc(HEX_ENCODED_SIZE(size) + BASE64_ENCODED_SIZE(size));
	size_t length;

	FUZZ_CHECK(text);
	hex_encode(data, size, text);
	read_back(text, strlen(text), data, size);
	base64_encode(data, size, text);
	length = strlen(text);
	if (strchr(text, '+') || strchr(text, '/')) {
		read_back(text, length, data, size);
		for (char *p = text; *p; p++)
			*p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
		read_back(text, length, data, size);
		read_back(text, strcspn(text, "="), data, size);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct form_bytes b;
	struct err e = {0};

	if (form_quote(data, size, &b, &e) == 0) {
		form_hint(b.data, b.size);
		FUZZ_CHECK(b.form < FORM_COUNT && b.size <= size);
		FUZZ_CHECK(b.form != FORM_BINARY ||
		           (b.size == size && memcmp(b.data, data, size) == 0));
		form_done(&b);
	} else {
		FUZZ_CHECK(e.code == -EBADMSG && e.text[0]);
	}
	if (size && size < 4096)
		every_form(data, size);
	return 0;
}
