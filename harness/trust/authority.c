// SPDX-License-Identifier: Apache-2.0
#include "trust/authority.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"

/*
 * One file holds the key and the certificate of every role, in their order. It is written whole
 * under another name and then linked into place: of several processes that start at once one wins,
 * and the others read what it wrote. Its name has a number: "authority.pem" is of versions whose
 * certificates have the old marker (marker.h), and is left to them.
 */
#define AUTHORITY_FILE "authority-2.pem"

const struct pck authority_platform = {
        .ppid = "EMULATED: none",
        .component = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
        .pcesvn = 1,
        .type = SGX_TYPE_STANDARD,
        .cpusvn = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
        .fmspc = "EMU",
};

static int no_password(char *buf, int size, int writing, void *userdata)
{
	(void)buf, (void)size, (void)writing, (void)userdata;
	return -1;
}

int authority_default_dir(char **ret, struct err *e)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	char *dir;
	int r;

	if (state && state[0] == '/')
		r = asprintf(&dir, "%s/tception", state);
	else if (home && home[0] == '/')
		r = asprintf(&dir, "%s/.local/state/tception", home);
	else
		return err_set(
		        e, -ENOENT,
		        "no place for the keys of emulated trust domains: name one by --state-dir, "
		        "or set XDG_STATE_HOME or HOME");
	if (r < 0)
		return err_nomem(e);
	*ret = dir;
	return 0;
}

static int issue_all(struct identity id[ROLE_COUNT], struct err *e)
{
	int r;

	if ((r = issue_identity(ROLE_ROOT, NULL, NULL, &id[ROLE_ROOT], e)) < 0 ||
	    (r = issue_identity(ROLE_PCK_CA, &id[ROLE_ROOT], NULL, &id[ROLE_PCK_CA], e)) < 0 ||
	    (r = issue_identity(ROLE_PCK, &id[ROLE_PCK_CA], &authority_platform, &id[ROLE_PCK],
	                        e)) < 0)
		return r;
	return issue_identity(ROLE_SIGNING, &id[ROLE_ROOT], NULL, &id[ROLE_SIGNING], e);
}

static int write_all(FILE *f, const struct identity id[ROLE_COUNT], struct err *e)
{
	for (int i = 0; i < ROLE_COUNT; i++) {
		if (PEM_write_PrivateKey(f, id[i].key, NULL, NULL, 0, NULL, NULL) != 1 ||
		    PEM_write_X509(f, id[i].cert) != 1)
			return ssl_err(e, -EIO, "cannot write the test authority");
	}
	if (fflush(f) != 0 || fsync(fileno(f)) < 0)
		return err_sys(e, -errno, "cannot write the test authority");
	return 0;
}

static void identities_done(struct identity (*id)[ROLE_COUNT])
{
	for (int i = 0; i < ROLE_COUNT; i++)
		identity_done(&(*id)[i]);
}

static int create_file(const char *path, struct err *e)
{
	_cleanup_(identities_done) struct identity id[ROLE_COUNT] = {0};
	_cleanup_(freep) char *temp = NULL;
	_cleanup_(fclosep) FILE *f = NULL;
	int fd, r = issue_all(id, e);

	if (r < 0)
		return r;
	if (asprintf(&temp, "%s.XXXXXX", path) < 0)
		return err_nomem(e);
	fd = mkostemp(temp, O_CLOEXEC); /* 0600 */
	if (fd < 0)
		return err_sys(e, -errno, "%s", temp);
	if (!(f = fdopen(fd, "w"))) {
		close(fd);
		r = err_nomem(e);
	} else if ((r = write_all(f, id, e)) == 0 && link(temp, path) < 0 && errno != EEXIST) {
		r = err_sys(e, -errno, "%s", path);
	}
	unlink(temp);
	return r;
}

static int read_all(FILE *f, const char *path, struct identity id[ROLE_COUNT], struct err *e)
{
	for (int i = 0; i < ROLE_COUNT; i++) {
		id[i].key = PEM_read_PrivateKey(f, NULL, no_password, NULL);
		id[i].cert = PEM_read_X509(f, NULL, no_password, NULL);
		if (!id[i].key || !id[i].cert ||
		    X509_check_private_key(id[i].cert, id[i].key) != 1) {
			ssl_err(e, -EBADMSG, "not a test authority (remove it to get a new one)");
			return err_prefix(e, "%s", path);
		}
	}
	return 0;
}

static int load_file(const char *path, struct identity id[ROLE_COUNT], struct err *e)
{
	_cleanup_(fclosep) FILE *f = fopen(path, "re");
	struct stat st;

	if (!f || fstat(fileno(f), &st) < 0)
		return err_sys(e, -errno, "%s", path);
	if (st.st_mode & 077)
		return err_set(e, -EPERM, "%s: holds keys, but others may open it: chmod 600",
		               path);
	return read_all(f, path, id, e);
}

/* The certificates of `role` and of all who vouch for it. Caller frees. */
static char *chain_pem(const struct identity id[ROLE_COUNT], const enum authority_role *role,
                       size_t count)
{
	_cleanup_(BIO_freep) BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long size;

	for (size_t i = 0; bio && i < count; i++) {
		if (PEM_write_bio_X509(bio, id[role[i]].cert) != 1)
			return NULL;
	}
	size = bio ? BIO_get_mem_data(bio, &text) : 0;
	return size > 0 ? strndup(text, (size_t)size) : NULL;
}

int authority_open(const char *dir, struct authority **ret, struct err *e)
{
	static const enum authority_role root[] = {ROLE_ROOT};
	static const enum authority_role pck[] = {ROLE_PCK, ROLE_PCK_CA, ROLE_ROOT};
	static const enum authority_role signing[] = {ROLE_SIGNING, ROLE_ROOT};
	_cleanup_(authority_freep) struct authority *a = calloc(1, sizeof(*a));
	_cleanup_(freep) char *path = NULL;
	int r;

	if (!a || asprintf(&path, "%s/" AUTHORITY_FILE, dir) < 0)
		return err_nomem(e);
	if ((r = file_make_dirs(dir, 0700, e)) < 0)
		return r;
	if (access(path, F_OK) < 0 && (r = create_file(path, e)) < 0)
		return r;
	if ((r = load_file(path, a->id, e)) < 0)
		return r;
	a->root_pem = chain_pem(a->id, root, 1);
	a->pck_pem = chain_pem(a->id, pck, 3);
	a->pck_ca_pem = chain_pem(a->id, pck + 1, 2);
	a->signing_pem = chain_pem(a->id, signing, 2);
	if (!a->root_pem || !a->pck_pem || !a->pck_ca_pem || !a->signing_pem)
		return ssl_err(e, -ENOMEM, "test authority");
	if ((r = authority_make_qe(a, e)) < 0)
		return r;
	*ret = TAKE_PTR(a);
	return 0;
}

void authority_free(struct authority *a)
{
	if (!a)
		return;
	for (int i = 0; i < ROLE_COUNT; i++)
		identity_done(&a->id[i]);
	EVP_PKEY_free(a->attest_key);
	free(a->root_pem);
	free(a->pck_pem);
	free(a->pck_ca_pem);
	free(a->signing_pem);
	free(a);
}

void authority_freep(struct authority **a)
{
	authority_free(*a);
}

const uint8_t *authority_fmspc(void)
{
	return authority_platform.fmspc;
}

void authority_platform_info(const struct authority *a, struct authority_platform_info *ret)
{
	*ret = (struct authority_platform_info){.qe_svn = AUTHORITY_QE_SVN,
	                                        .pce_svn = authority_platform.pcesvn};
	memcpy(ret->qe_id, a->user_data, sizeof(ret->qe_id));
	memcpy(ret->cpusvn, authority_platform.cpusvn, sizeof(ret->cpusvn));
}

const char *authority_root_pem(const struct authority *a)
{
	return a->root_pem;
}
