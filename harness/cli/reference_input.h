/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_CLI_REFERENCE_INPUT_H
#define TCEPTION_CLI_REFERENCE_INPUT_H

#include "core/err.h"
#include "format/bytes.h"

#define REFERENCES_MAX 64

/* Documents of reference values as `quote verify` is given them. */
struct reference_input {
	const char *path[REFERENCES_MAX];
	size_t paths;
	const char *key; /* a file with the signer's, in PEM; or NULL */
};

/*
 * The policy in `text` (empty: none) with the images of all documents beside what it says, as a new
 * text for policy_read(). -EINVAL: it has images of its own. Caller frees *ret.
 */
int reference_input_policy(const struct reference_input *in, struct bytes text, char **ret,
                           struct err *e);

#endif
