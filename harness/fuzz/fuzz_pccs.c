/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the emulated PCCS: a path, then parameters as "key=value" lines. Whatever is asked,
 * the answer is one of three statuses, and collateral only when all of it was asked for rightly.
 * Seeds: cases/golden/pieces/pccs
 * Runs: 20000
 */
#include <unistd.h>

#include "fuzz/golden.h"
#include "run/pccs_answer.h"

static const char *get(void *context, const char *key)
{
	size_t length = strlen(key);

	for (char **line = context; *line; line++) {
		if (strncmp(*line, key, length) == 0 && (*line)[length] == '=')
			return *line + length + 1;
	}
	return NULL;
}

static struct authority *make_authority(void)
{
	char dir[] = "/tmp/tception-fuzz-pccs-XXXXXX", file[64];
	struct authority *a;
	struct err e;

	FUZZ_CHECK(mkdtemp(dir) && authority_open(dir, &a, &e) == 0);
	snprintf(file, sizeof(file), "%s/authority-2.pem", dir);
	unlink(file);
	rmdir(dir);
	return a;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct authority *authority;
	struct pccs_answer answer;
	struct pccs_query q = {.get = get};
	char *text = malloc(size + 1), *line[16] = {0}, *next = text;
	struct err e;

	FUZZ_CHECK(text);
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 0; i < 15 && next; i++)
		line[i] = strsep(&next, "\n");
	authority = authority ?: make_authority();
	q.path = line[0];
	q.context = line + 1;
	FUZZ_CHECK(pccs_answer(authority, 1790000000, &q, &answer, &e) == 0);
	FUZZ_CHECK(answer.status == 200 || answer.status == 400 || answer.status == 404);
	FUZZ_CHECK(answer.status == 200 || (!answer.chain && answer.size < 40));
	FUZZ_CHECK(!answer.chain == !answer.chain_name && answer.type);
	pccs_answer_done(&answer);
	free(text);
	return 0;
}
