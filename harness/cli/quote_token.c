// SPDX-License-Identifier: Apache-2.0
#include "cli/quote_token.h"

#include <errno.h>
#include <jwt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/input.h"
#include "core/cleanup.h"
#include "format/sha2.h"
#include "format/text.h"
#include "tception/ear.h"
#include "trust/trust.h"

#define KEY_MAX    (64u << 10) /* bytes of a key */
#define POLICY_MAX (8u << 20)

void token_maker_done(struct token_maker *m)
{
	if (m->key)
		explicit_bzero(m->key, strlen(m->key));
	free(m->key);
	*m = (struct token_maker){0};
}

/* "ni:///sha-256;..." (RFC 6920): anybody who has the file can say whether it was this one. */
static int name_policy(const char *path, char ret[80], struct err *e)
{
	_cleanup_(input_done) struct input in = {0};
	uint8_t digest[SHA256_SIZE];
	char text[BASE64_ENCODED_SIZE(SHA256_SIZE)];
	int r = input_read(path, POLICY_MAX, &in, e);

	if (r < 0)
		return r;
	sha256(in.data, in.size, digest);
	base64_encode(digest, sizeof(digest), text);
	for (char *p = text; *p; p++)
		*p = *p == '+' ? '-' : *p == '/' ? '_' : *p == '=' ? '\0' : *p;
	snprintf(ret, 80, "ni:///sha-256;%s", text);
	return 0;
}

int token_maker_init(struct token_maker *m, const char *key_file, const char *policy_file,
                     struct err *e)
{
	_cleanup_(input_done) struct input in = {0};
	int r;

	if (policy_file && (r = name_policy(policy_file, m->policy, e)) < 0)
		return r;
	if (!key_file)
		return 0;
	if ((r = input_read(key_file, KEY_MAX, &in, e)) < 0)
		return r;
	m->key = strndup((const char *)in.data, in.size);
	explicit_bzero(in.data, in.size);
	if (!m->key)
		return err_nomem(e);
	if ((r = trust_check_signing_key(m->key, e)) < 0)
		return err_prefix(e, "%.200s", key_file);
	return 0;
}

/* libjwt's errors are errno values, positive. */
static int encode(const struct token_maker *m, const char *claims, char **ret)
{
	jwt_t *jwt = NULL;
	int r = jwt_new(&jwt);

	if (r == 0)
		r = jwt_add_grants_json(jwt, claims);
	if (r == 0)
		r = jwt_set_alg(jwt, m->key ? JWT_ALG_ES256 : JWT_ALG_NONE,
		                (const unsigned char *)m->key, m->key ? (int)strlen(m->key) : 0);
	if (r == 0 && !(*ret = jwt_encode_str(jwt)))
		r = errno ?: EIO;
	jwt_free(jwt);
	return -r;
}

int token_print(const struct token_maker *m, const struct answer *a, FILE *out, struct err *e)
{
	_cleanup_(freep) char *claims = NULL;
	json_auto_t *ear = NULL;
	char *token = NULL;
	int r;

	if (!a->quote) {
		fprintf(stderr, "tception: %s: no token: %s\n", a->name,
		        a->text[0]  ? a->text
		        : a->why[0] ? a->why
		                    : "not a quote");
		return 0;
	}
	ear = answer_ear(a, m->policy[0] ? m->policy : NULL, time(NULL));
	claims = ear ? json_dumps(ear, JSON_COMPACT) : NULL;
	if (!claims)
		return err_nomem(e);
	if ((r = encode(m, claims, &token)) < 0)
		return err_sys(e, r, "cannot sign a token");
	r = fprintf(out, "%s\n", token) < 0 ? err_set(e, -EIO, "cannot write") : 0;
	free(token);
	return r;
}
