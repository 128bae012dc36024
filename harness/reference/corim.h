/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "core/err.h"
#include "format/bytes.h"

/*
 * Reference values as CoRIM (draft-ietf-rats-corim-10): an unsigned-corim-map in CBOR tag 501, or
 * that as the payload of a COSE_Sign1 in tag 18 (section 4.2; RFC 9052), ES256.
 */
#define CORIM_MAX (8u << 20) /* bytes */

/* One CoMID an image. Caller frees *ret. */
int corim_write(const json_t *images, const char *id, struct bytes *ret, struct err *e);
/* `key_pem`: a private key on P-256; `signer`: its owner's name, for people. */
int corim_sign(struct bytes unsigned_corim, const char *key_pem, const char *signer,
               struct bytes *ret, struct err *e);

/*
 * The images of one, as a new array. A signed one needs `key_pem`, the signer's public key or
 * certificate, and an unsigned one may not be given with a key: -EACCES; -EBADMSG: damaged or a wrong
 * signature; -ENOTSUP: it asks for more than registers of a TD.
 */
int corim_read(struct bytes document, const char *key_pem, json_t **ret, struct err *e);

/* What COSE_Sign1 signs, the Sig_structure of RFC 9052 section 4.4. Caller frees *ret. */
int corim_signed_bytes(struct bytes protected_header, struct bytes payload, struct bytes *ret,
                       struct err *e);

/* Keys of the maps, by their section in the draft. */
enum { /* corim-map, 4.1 */
       CORIM_ID = 0,
       CORIM_TAGS = 1,
};
enum { /* concise-mid-tag, 5.1, and its tag-identity-map and triples-map */
       COMID_IDENTITY = 1,
       COMID_TRIPLES = 4,
       COMID_TAG_ID = 0,
       COMID_REFERENCE = 0,
};
enum { /* environment-map and class-map */
       ENVIRONMENT_CLASS = 0,
       CLASS_VENDOR = 1,
       CLASS_MODEL = 2,
};
enum { /* measurement-map and measurement-values-map */
       MEASUREMENT_KEY = 0,
       MEASUREMENT_VALUE = 1,
       VALUE_DIGESTS = 2,
       VALUE_INTEGRITY_REGISTERS = 14,
};
enum { /* COSE headers (RFC 9052 section 3.1) and corim-meta */
       COSE_ALG = 1,
       COSE_CONTENT_TYPE = 3,
       COSE_CORIM_META = 8,
       COSE_ES256 = -7,
};
enum { TAG_COSE_SIGN1 = 18, TAG_CORIM = 501, TAG_COMID = 506 };
#define DIGEST_SHA384   7 /* Named Information Hash Algorithm Registry */
#define MEASURED_MRTD   "mrtd"
#define MEASURED_RTMR   "rtmr"
#define CORIM_MEDIATYPE "application/rim+cbor"
