/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/err.h"
#include "measure/pe.h"

/*
 * A signature of a PE image as UEFI firmware takes it: PKCS #7 signed data about the image's digest
 * ("Windows Authenticode Portable Executable Signature Format"). Facts: edk2 SecurityPkg
 * DxeImageVerificationLib, CryptoPkg BaseCryptLib (CryptAuthenticode.c, CryptPkcs7VerifyCommon.c).
 */
enum authenticode_hash { AUTHENTICODE_SHA256, AUTHENTICODE_SHA384, AUTHENTICODE_SHA512 };
#define AUTHENTICODE_HASHES   3
#define AUTHENTICODE_HASH_MAX 64 /* bytes */

/* The image's digest; its size in bytes. */
size_t authenticode_digest(const struct pe *pe, enum authenticode_hash hash,
                           uint8_t ret[AUTHENTICODE_HASH_MAX]);

struct authenticode {
	struct pkcs7_st *pkcs7;
	enum authenticode_hash hash;           /* that the signature names */
	uint8_t digest[AUTHENTICODE_HASH_MAX]; /* the image's by it */
	size_t digest_size;
};

/* -EBADMSG: what firmware passes over; -ENOTSUP: SHA-1, which some firmware takes. */
int authenticode_read(struct bytes signature, const struct pe *pe, struct authenticode *ret,
                      struct err *e);
void authenticode_done(struct authenticode *a);
/* Whether it is about this image, and its signer's chain ends in this certificate (DER). */
bool authenticode_by(const struct authenticode *a, struct bytes certificate);
