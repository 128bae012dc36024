/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/file.h"
#include "trust/policy.h"
#include "trust/verify.h"

/* verify QUOTE COLLATERAL...: the shortest whole way from files to a decision. */

#define FILE_MAX (1u << 20) /* bytes */

static int complain(const struct err *e)
{
	fprintf(stderr, "%s\n", e->text);
	return 2;
}

int main(int argc, char **argv)
{
	struct verifier *verifier;
	struct policy_result result;
	struct verdict verdict;
	struct policy *policy;
	struct quote quote; /* points into `file` */
	struct err e;
	struct bytes file;
	uint64_t offset;
	enum format_code code;

	if (argc < 2 || verifier_new(NULL, &verifier, &e) < 0 ||
	    policy_read(NULL, 0, &policy, &e) < 0)
		return 2;
	for (int i = 2; i < argc; i++) {
		if (file_read(argv[i], FILE_MAX, &file, &e) < 0)
			return complain(&e);
		if (verifier_add(verifier, file.data, file.size, &e) < 0)
			fprintf(stderr, "%s: %s\n", argv[i], e.text);
		bytes_free(&file); /* the verifier has its own copy */
	}

	if (file_read(argv[1], FILE_MAX, &file, &e) < 0)
		return complain(&e);
	code = quote_parse(file.data, file.size, &quote, &offset);
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

	bytes_free(&file);
	policy_free(policy);
	verifier_free(verifier);
	return result.accepted ? 0 : 1;
}
