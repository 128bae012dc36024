// SPDX-License-Identifier: Apache-2.0
#include "run/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/library.h"
#include "format/bytes.h"
#include "trust/verify.h"

#define ANSWER_MAX (8u << 20) /* bytes, headers included */
#define TIMEOUT_S  30
#define USER_AGENT "tception"

/* These two are macros that check types and would expand inside `api->`. */
#undef curl_easy_setopt
#undef curl_easy_getinfo

#define CURL_API(X, api)           \
	X(api, curl_easy_init)     \
	X(api, curl_easy_setopt)   \
	X(api, curl_easy_perform)  \
	X(api, curl_easy_getinfo)  \
	X(api, curl_easy_strerror) \
	X(api, curl_easy_cleanup)

struct curl_api {
	CURL_API(LIBRARY_MEMBER, struct curl_api)
};

struct answer {
	char *data; /* headers and body */
	size_t size;
	bool too_much;
};

static int load_curl(struct curl_api *ret, struct err *e)
{
	static const struct library_symbol symbols[] = {CURL_API(LIBRARY_SYMBOL, struct curl_api)};
	static const struct library want = {
	        .package = "libcurl4",
	        .names = {"libcurl.so.4", "libcurl-gnutls.so.4"},
	        .symbols = symbols,
	        .symbols_count = COUNT_OF(symbols),
	};

	return library_load(&want, ret, e);
}

static size_t take(char *data, size_t one, size_t count, void *userdata)
{
	struct answer *a = userdata;
	size_t size = one * count;
	char *more;

	a->too_much = size > ANSWER_MAX - a->size;
	more = a->too_much ? NULL : realloc(a->data, a->size + size + 1);
	if (!more)
		return 0; /* curl gives up */
	memcpy(more + a->size, data, size);
	a->data = more;
	a->size += size;
	return size;
}

static void set_options(const struct curl_api *api, CURL *c, const struct fetch_request *q,
                        const char *url, struct answer *a)
{
	api->curl_easy_setopt(c, CURLOPT_URL, url);
	api->curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https,http");
	api->curl_easy_setopt(c, CURLOPT_USERAGENT, USER_AGENT);
	api->curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
	api->curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	api->curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	api->curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* of a proxy */
	api->curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take);
	api->curl_easy_setopt(c, CURLOPT_HEADERDATA, a);
	api->curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	api->curl_easy_setopt(c, CURLOPT_WRITEDATA, a);
	if (q->ca_file)
		api->curl_easy_setopt(c, CURLOPT_CAINFO, q->ca_file);
	if (q->insecure) {
		api->curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		api->curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

/* Caller frees ret->data. */
static int get(const struct curl_api *api, const struct fetch_request *q, const char *url,
               struct answer *ret, struct err *e)
{
	CURL *c = api->curl_easy_init();
	long code = 0;
	CURLcode r;

	if (!c)
		return err_set(e, -ENOMEM, "libcurl does not start");
	set_options(api, c, q, url, ret);
	r = api->curl_easy_perform(c);
	api->curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
	api->curl_easy_cleanup(c);
	if (ret->too_much)
		return err_set(e, -EFBIG, "%.200s: more than %u bytes", url, ANSWER_MAX);
	if (r != CURLE_OK)
		return err_set(e, -EIO, "%.200s: %s", url, api->curl_easy_strerror(r));
	if (code != 200)
		return err_set(e, -EIO, "%.200s: HTTP status %ld", url, code);
	return 0;
}

/* Signatures are the verification's to check; here only that it is what verification can read. */
static int check_readable(const struct answer *a, const char *url, struct err *e)
{
	_cleanup_(verifier_freep) struct verifier *v = NULL;
	int r = verifier_new(NULL, &v, e);

	if (r == 0)
		r = verifier_add(v, a->data, a->size, e);
	return r < 0 ? err_prefix(e, "%.200s", url) : 0;
}

static int fetch_one(const struct curl_api *api, const struct fetch_request *q, const char *name,
                     const char *url, struct err *e)
{
	char path[PATH_MAX];
	struct answer a = {0};
	time_t now = time(NULL);
	struct tm tm;
	char day[16];
	int r;

	strftime(day, sizeof(day), "%Y-%m-%d", gmtime_r(&now, &tm));
	r = path_format(path, e, "%s/%s-%s.http", q->dir, name, day);
	if (r < 0)
		return r;
	if (!q->force && access(path, R_OK) == 0)
		return 0;
	r = get(api, q, url, &a, e);
	if (r == 0)
		r = check_readable(&a, url, e);
	if (r == 0)
		r = file_write(path, a.data, a.size, e);
	if (r == 0 && q->said)
		q->said(path, q->userdata);
	free(a.data);
	return r;
}

static int fetch_all(const struct curl_api *api, const struct fetch_request *q, struct err *e)
{
	const char *base = q->url ?: FETCH_INTEL_URL,
	           *ca = q->platform_ca ? "platform" : "processor";
	const uint8_t *m = q->fmspc;
	char fmspc[13], url[1024], name[64];
	int r;

	snprintf(fmspc, sizeof(fmspc), "%02x%02x%02x%02x%02x%02x", m[0], m[1], m[2], m[3], m[4],
	         m[5]);
	snprintf(name, sizeof(name), "tcb-%s", fmspc);
	snprintf(url, sizeof(url), "%s/tdx/certification/v4/tcb?fmspc=%s", base, fmspc);
	if ((r = fetch_one(api, q, name, url, e)) < 0)
		return r;
	snprintf(url, sizeof(url), "%s/tdx/certification/v4/qe/identity", base);
	if ((r = fetch_one(api, q, "td-qe-identity", url, e)) < 0)
		return r;
	snprintf(name, sizeof(name), "pckcrl-%s", ca);
	snprintf(url, sizeof(url), "%s/sgx/certification/v4/pckcrl?ca=%s&encoding=der", base, ca);
	if ((r = fetch_one(api, q, name, url, e)) < 0)
		return r;
	if (q->root_crl_url)
		snprintf(url, sizeof(url), "%s", q->root_crl_url);
	else if (q->url)
		snprintf(url, sizeof(url), "%s/sgx/certification/v4/rootcacrl", base);
	else
		snprintf(url, sizeof(url), "%s", FETCH_INTEL_ROOT_CRL);
	return fetch_one(api, q, "rootcrl", url, e);
}

int fetch_collateral(const struct fetch_request *q, struct err *e)
{
	struct curl_api api = {0};
	int r;

	if ((q->url && strlen(q->url) > 800) || (q->root_crl_url && strlen(q->root_crl_url) > 800))
		return err_set(e, -EINVAL, "the URL is too long");
	r = file_make_dirs(q->dir, 0777, e);
	if (r == 0)
		r = load_curl(&api, e);
	if (r == 0)
		r = fetch_all(&api, q, e);
	return r;
}
