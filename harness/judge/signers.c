/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/signers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "trust/verify.h"

struct signers {
	struct verifier *alone;    /* NULL: the test root is none */
	struct verifier *informed; /* with the collateral; NULL: there is none */
	struct err why;            /* of a test root that is none */
};

int signers_new(const char *test_root_pem, const struct bytes *collateral, size_t count,
                struct signers **ret, struct err *e)
{
	const struct trust_anchors anchors = {.test_root_pem = test_root_pem};
	struct signers *s = calloc(1, sizeof(*s));
	int r = s ? verifier_new(&anchors, &s->alone, &s->why) : -ENOMEM;

	if (r == 0 && count)
		r = verifier_new(&anchors, &s->informed, &s->why);
	/* what is no collateral was left out when it was kept, or says so by what is missing now */
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = verifier_add(s->informed, collateral[i].data, collateral[i].size, NULL);
		r = r == -ENOMEM ? r : 0;
	}
	if (r == -ENOMEM) {
		signers_free(s);
		return err_nomem(e);
	}
	*ret = s;
	return 0;
}

void signers_free(struct signers *s)
{
	if (!s)
		return;
	verifier_free(s->alone);
	verifier_free(s->informed);
	free(s);
}

int signers_check(struct signers *s, const struct quote *quote, time_t at,
                  struct verdict *ret_chain, struct verdict *ret_tcb, struct err *e)
{
	int r;

	verdict_init(ret_chain);
	verdict_init(ret_tcb);
	if (!s->alone) {
		ret_chain->code = VERDICT_TEST_ROOT;
		snprintf(ret_chain->reason, sizeof(ret_chain->reason), "%.*s",
		         (int)sizeof(ret_chain->reason) - 1, s->why.text);
		return 0;
	}
	r = s->informed ? verifier_check(s->informed, quote, at, ret_tcb, e) : 0;
	if (r < 0)
		return r;
	/* One that has its whole chain in it and is authentic is so without collateral. */
	if (ret_tcb->authentic && quote->cert_type == QUOTE_CERT_PCK_CHAIN) {
		*ret_chain = *ret_tcb;
		return 0;
	}
	return verifier_check(s->alone, quote, at, ret_chain, e);
}
