/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TCEPTION_TCEPTION_H
#define TCEPTION_TCEPTION_H

/*
 * libtception: the full evaluation of Intel TDX quotes, offline. The answers are those of
 * `tception quote verify`. C11 and C++; pkg-config name "tception".
 *
 *	struct tception_verifier *v;
 *	struct tception_answer *a;
 *	struct tception_error e;
 *
 *	tception_verifier_new(NULL, &v, &e);
 *	tception_verifier_add(v, bytes, size, &e); // any number of files of Intel's collateral
 *	tception_verify(v, quote, quote_size, "quote", time(NULL), &a, &e);
 *	if (a->accepted) ...
 *	tception_answer_free(a);
 *	tception_verifier_free(v);
 *
 * Nothing here opens a file, uses the network, reads the clock or prints. One thread at a time may
 * use a verifier; different verifiers have nothing in common.
 *
 * A function that can fail returns 0 or a negative errno, fills *e (which may be NULL when nobody
 * wants to know) and leaves its other outputs alone. Every input is the caller's and is not needed
 * after the call. Texts are UTF-8 and end in NUL; sizes are bytes; times are seconds since 1970, UTC.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TCEPTION_PUBLIC __attribute__((visibility("default")))
#else
#define TCEPTION_PUBLIC
#endif

struct tception_error {
	int code;       /* what the function returned */
	char text[480]; /* one line that says what failed, where, and what to do about it */
};

/* The version of the library, as "0.1"; static. */
TCEPTION_PUBLIC const char *tception_version(void);

/* ---- verifiers ---- */

/* Trust anchors, collateral and a policy. It remembers chains and collateral that it has verified,
 * so the second quote of a platform costs two ECDSA verifications. */
struct tception_verifier;

/*
 * Intel's root key is built in. `test_root_pem`: one more root for emulated quotes, or NULL; a quote
 * below it is never of origin "hardware". -EBADMSG: it is no certificate; -ENOMEM.
 */
TCEPTION_PUBLIC int tception_verifier_new(const char *test_root_pem, struct tception_verifier **ret,
                                          struct tception_error *e);
TCEPTION_PUBLIC void tception_verifier_free(struct tception_verifier *v); /* NULL is fine */

/*
 * One file of collateral, recognised by its content: TCB info and QE identity as Intel's service
 * sends them with their headers, CRLs, certificates, bundles (`tception quote verify --collateral`).
 * Its signatures are checked when a quote needs it. -EBADMSG: nothing of the kind, or it gives
 * nothing; -ENOMEM.
 */
TCEPTION_PUBLIC int tception_verifier_add(struct tception_verifier *v, const void *data,
                                          size_t size, struct tception_error *e);

/*
 * What is accepted, as JSON: the keys are those of `tception quote verify --policy`. Takes the place
 * of the default, which is UpToDate, no DEBUG, no service TD and no VM within the TD. -EINVAL: what
 * is wrong with it; -EBUSY: a quote was verified before; -ENOMEM.
 */
TCEPTION_PUBLIC int tception_verifier_policy(struct tception_verifier *v, const char *text,
                                             size_t size, struct tception_error *e);

/* ---- answers ---- */

/* Made by tception_verify(), read by the caller. Members are only ever added at the end. */
struct tception_answer {
	int accepted;       /* 1: authentic, and the policy has nothing against it; else 0 */
	int authentic;      /* 1: certificates, revocation, quoting enclave and signatures hold */
	const char *origin; /* "hardware" or "emulated" of an authentic quote, else "unknown" */
	const char *status; /* of the TCB, in Intel's words: "UpToDate" ...; NULL without one */
	const char *reason_code; /* why it is not authentic and UpToDate: a stable word, or NULL */
	const char *reason;      /* the same as one line, or "" */
	const char *json; /* everything, as `tception quote verify --json` prints it, in one line */
};

/*
 * Verifies a quote as of `at`. `data`: up to 4 MiB, binary, hexadecimal, base64, base64url, or in
 * JSON, a token, PEM or a data: URL; the quote in it up to 128 KiB. `name`: what "file" in the JSON says, UTF-8. A
 * quote that is refused, and bytes that are none, are an answer and not a failure: 0. -EINVAL: the
 * name is not UTF-8; -ENOMEM.
 */
TCEPTION_PUBLIC int tception_verify(struct tception_verifier *v, const void *data, size_t size,
                                    const char *name, int64_t at, struct tception_answer **ret,
                                    struct tception_error *e);
TCEPTION_PUBLIC void tception_answer_free(struct tception_answer *a); /* NULL is fine */

/* ---- quotes, not verified ---- */

/*
 * What a TDX quote says of its trust domain, believed by nobody yet: one line of JSON with the
 * members of "measurements" in an answer, registers in hexadecimal. The caller ends it with
 * tception_text_free(). -EBADMSG: no TDX quote, and why not; -EFBIG: larger than tception_verify()
 * takes; -ENOMEM.
 */
TCEPTION_PUBLIC int tception_quote_measurements(const void *data, size_t size, char **ret,
                                                struct tception_error *e);
TCEPTION_PUBLIC void tception_text_free(char *text); /* NULL is fine */

#ifdef __cplusplus
}
#endif

#endif
