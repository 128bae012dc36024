/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"

#define SMALL 4096          /* bytes that are not worth a context */
#define PIECE (256u << 10) /* bytes read at once */

void hash384_init(struct hash384 *h)
{
	EVP_MD_CTX *evp = EVP_MD_CTX_new();

	if (evp && EVP_DigestInit_ex(evp, EVP_sha384(), NULL) != 1) {
		EVP_MD_CTX_free(evp);
		evp = NULL;
	}
	h->evp = evp;
	if (!evp)
		sha384_init(&h->plain);
}

/* OpenSSL's digests do not fail once they have begun. */
void hash384_update(struct hash384 *h, const void *data, size_t size)
{
	if (!h->evp)
		sha512_update(&h->plain, data, size);
	else if (EVP_DigestUpdate(h->evp, data, size) != 1)
		abort();
}

void hash384_final(struct hash384 *h, uint8_t digest[SHA384_SIZE])
{
	if (!h->evp)
		sha384_final(&h->plain, digest);
	else if (EVP_DigestFinal_ex(h->evp, digest, NULL) != 1)
		abort();
	EVP_MD_CTX_free(h->evp);
	h->evp = NULL;
}

void hash384(const void *data, size_t size, uint8_t digest[SHA384_SIZE])
{
	struct hash384 h;

	if (size < SMALL) {
		sha384(data, size, digest);
		return;
	}
	hash384_init(&h);
	hash384_update(&h, data, size);
	hash384_final(&h, digest);
}

void hash384_take(void *h, const void *data, size_t size)
{
	hash384_update(h, data, size);
}

void hash384_view(const struct view *v, struct bytes b, uint8_t digest[SHA384_SIZE])
{
	struct hash384 h;

	hash384_init(&h);
	view_pour(v, b, hash384_take, &h);
	hash384_final(&h, digest);
}

static void evp_free(EVP_MD_CTX **evp)
{
	EVP_MD_CTX_free(*evp);
}

int hash256_file(const char *path, uint64_t *ret_size, uint8_t digest[SHA256_SIZE], struct err *e)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_(freep) uint8_t *piece = malloc(PIECE);
	_cleanup_(evp_free) EVP_MD_CTX *evp = EVP_MD_CTX_new();
	uint64_t size = 0;
	ssize_t n;

	if (fd < 0)
		return err_sys(e, -errno, "%s", path);
	if (!piece || !evp || EVP_DigestInit_ex(evp, EVP_sha256(), NULL) != 1)
		return err_nomem(e);
	while ((n = read(fd, piece, PIECE)) > 0 || (n < 0 && errno == EINTR)) {
		if (n > 0 && EVP_DigestUpdate(evp, piece, (size_t)n) != 1)
			abort();
		size += n > 0 ? (uint64_t)n : 0;
	}
	if (n < 0)
		return err_sys(e, -errno, "%s", path);
	if (EVP_DigestFinal_ex(evp, digest, NULL) != 1)
		abort();
	if (ret_size)
		*ret_size = size;
	return 0;
}

int hash384_file(const char *path, struct hashed_file *ret, struct err *e)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_(freep) uint8_t *piece = malloc(PIECE);
	struct hashed_file f = {0};
	struct hash384 h;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, -errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "%s: not a regular file", path);
	if (!piece)
		return err_nomem(e);
	hash384_init(&h);
	while ((n = read(fd, piece, PIECE)) > 0 || (n < 0 && errno == EINTR)) {
		hash384_update(&h, piece, n > 0 ? (size_t)n : 0);
		f.size += n > 0 ? (uint64_t)n : 0;
	}
	if (n < 0)
		n = -errno;
	hash384_final(&h, f.digest);
	if (n < 0)
		return err_sys(e, (int)n, "%s", path);
	*ret = f;
	return 0;
}
