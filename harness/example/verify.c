/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <tception/tception.h>
#include <time.h>

/* verify QUOTE COLLATERAL...: the shortest whole way from files to a decision. */

#define FILE_MAX (1u << 20) /* bytes */

static size_t read_file(const char *path, char data[FILE_MAX])
{
	FILE *f = fopen(path, "rb");
	size_t size;

	if (!f) {
		perror(path);
		exit(2);
	}
	size = fread(data, 1, FILE_MAX, f);
	fclose(f);
	return size;
}

int main(int argc, char **argv)
{
	static char data[FILE_MAX];
	struct tception_verifier *verifier;
	struct tception_answer *answer;
	struct tception_error e;
	int accepted;

	if (argc < 2 || tception_verifier_new(NULL, &verifier, &e) < 0)
		return 2;
	for (int i = 2; i < argc; i++) {
		if (tception_verifier_add(verifier, data, read_file(argv[i], data), &e) < 0)
			fprintf(stderr, "%s: %s\n", argv[i], e.text);
	}
	if (tception_verify(verifier, data, read_file(argv[1], data), argv[1], time(NULL), &answer,
	                    &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 2;
	}
	printf("authentic: %s\norigin: %s\nstatus: %s\naccepted: %s\n",
	       answer->authentic ? "yes" : "no", answer->origin,
	       answer->status ? answer->status : "none", answer->accepted ? "yes" : "no");
	if (answer->reason[0])
		printf("because: %s\n", answer->reason);

	accepted = answer->accepted;
	tception_answer_free(answer);
	tception_verifier_free(verifier);
	return accepted ? 0 : 1;
}
