/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts with a password: an empty one, one that everybody knows, or one that we do not. */
#include "agent/passwords.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/util.h"

#define HASHES_MAX   16 /* slow on purpose, and slower under emulation; no clock decides */
#define ACCOUNTS_MAX 32

/* What images and distributions are known to ship; the account's own name is tried first. */
static const char *const known[] = {"root", "toor", "admin", "password", "changeme", "123456"};

static bool matches(const char *password, const char *hash)
{
	static struct crypt_data data; /* 32 KiB */
	const char *found = crypt_r(password, hash, &data);

	return found && strcmp(found, hash) == 0;
}

/* *ret_known: the password, or NULL. "set", or "untried" when *left did not do for
 * all of them. */
static const char *try_known(const char *name, const char *hash, int *left, const char **ret_known)
{
	for (size_t i = 0; i <= COUNT_OF(known); i++) {
		const char *password = i == 0 ? name : known[i - 1];
		if ((*left)-- <= 0)
			return "untried";
		if (matches(password, hash)) {
			*ret_known = password;
			return "known";
		}
	}
	return "set";
}

static json_t *account(const char *name, const char *hash, int *left)
{
	const char *password = NULL, *state = "empty";

	if (hash[0] == '!' || hash[0] == '*')
		return NULL; /* no password opens it */
	if (hash[0])
		state = try_known(name, hash, left, &password);
	return json_pack("{s:o,s:s,s:o}", "name", util_json_text(name, strlen(name)), "password",
	                 state, "known",
	                 password ? util_json_text(password, strlen(password)) : json_null());
}

json_t *passwords_of(char *text, int hashes)
{
	json_t *list = json_array();
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line && json_array_size(list) < ACCOUNTS_MAX;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *hash = strchr(line, ':');
		if (!hash)
			continue;
		*hash++ = 0;
		hash[strcspn(hash, ":")] = 0;
		json_t *found = account(line, hash, &hashes);
		if (found)
			json_array_append_new(list, found);
	}
	return list;
}

void passwords_add(json_t *fact)
{
	_cleanup_(util_freep) char *text = NULL;
	int r = util_read_file("/etc/shadow", 256 << 10, &text, NULL);

	json_object_set_new(fact, "shadow", json_integer(-r));
	json_object_set_new(fact, "accounts",
	                    r == 0 ? passwords_of(text, HASHES_MAX) : json_array());
}
