/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "trust/policy.h"
#include "trust/verify.h"

/* verify QUOTE COLLATERAL...: the shortest whole way from files to a decision. */

static unsigned char *read_file(const char *path, size_t *ret_size)
{
	const size_t max = 1u << 20;
	unsigned char *data = malloc(max);
	FILE *f = fopen(path, "rb");

	if (!f || !data) {
		perror(path);
		exit(2);
	}
	*ret_size = fread(data, 1, max, f);
	fclose(f);
	return data;
}

int main(int argc, char **argv)
{
	struct verifier *verifier;
	struct policy_result result;
	struct verdict verdict;
	struct policy *policy;
	struct quote quote; /* points into `data` */
	struct err e;
	unsigned char *data;
	size_t size;
	uint64_t offset;
	enum format_code code;

	if (argc < 2 || verifier_new(NULL, &verifier, &e) < 0 ||
	    policy_read(NULL, 0, &policy, &e) < 0)
		return 2;
	for (int i = 2; i < argc; i++) {
		data = read_file(argv[i], &size);
		if (verifier_add(verifier, data, size, &e) < 0)
			fprintf(stderr, "%s: %s\n", argv[i], e.text);
		free(data); /* the verifier has its own copy */
	}

	data = read_file(argv[1], &size);
	code = quote_parse(data, size, &quote, &offset);
	if (code != FORMAT_OK) {
		printf("not a quote: %s at byte %ju\n", format_code_name(code), (uintmax_t)offset);
		return 1;
	}
	if (verifier_check(verifier, &quote, time(NULL), &verdict, &e) < 0)
		return 2;
	policy_apply(policy, &quote, &verdict, &result);
	printf("authentic: %s\norigin: %s\nstatus: %s\naccepted: %s\n",
	       verdict.authentic ? "yes" : "no", origin_names[verdict.origin],
	       tcb_status_names[verdict.status], result.accepted ? "yes" : "no");
	if (verdict.reason[0])
		printf("because: %s\n", verdict.reason);

	free(data);
	policy_free(policy);
	verifier_free(verifier);
	return result.accepted ? 0 : 1;
}
