/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/err.h"
#include "format/bytes.h"
#include "measure/predict.h"

/*
 * Reference values: an array of images as in a policy (trust/policy.h), each
 *
 *   {"name": text, "mrtd": [hex, hex], "rtmr0": hex, "rtmr1": hex, "rtmr2": hex}
 *
 * with MRTD in both page orders. RTMR3 is left out: what runs in the TD extends it.
 */

/*
 * Adds the image of a prediction. A register that is not known: -ENODATA with the reason; where
 * `partial`, it is left out, which accepts any value of it. -EEXIST: two of this name.
 */
int reference_add(json_t *images, const struct prediction *p, const char *name, bool partial,
                  struct err *e);

enum reference_format {
	REFERENCE_JSON,   /* {"reference_values": 1, "images": [...]} */
	REFERENCE_CORIM,  /* corim.h */
	REFERENCE_POLICY, /* of `quote verify`: {"images": [...]} */
	REFERENCE_RVPS,   /* a message to Trustee's reference value service */
	REFERENCE_REGO,   /* Trustee's policy for these values */
	REFERENCE_FORMATS
};
extern const char *const reference_format_names[REFERENCE_FORMATS];

/*
 * All but CoRIM, as text. Trustee's reference values are lists by name: mr_td, rtmr_0 to rtmr_2, as
 * its own policy asks for them, and td_images, in each of which the values that hold together are
 * joined by ":"; the policy asks for that one. So all images must have the same registers:
 * -ENOTSUP. Caller frees *ret.
 */
int reference_write(enum reference_format format, const json_t *images, char **ret, struct err *e);

/* The images of a document in JSON or CoRIM, as a new array. `key_pem` as in corim_read(). */
int reference_read(struct bytes document, const char *key_pem, json_t **ret, struct err *e);
