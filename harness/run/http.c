// SPDX-License-Identifier: Apache-2.0
#include "run/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/library.h"
#include "format/bytes.h"

#define ANSWER_MAX    (8u << 20) /* bytes, headers included */
#define TIMEOUT_S     30
#define REDIRECTS_MAX 5
#define USER_AGENT    "tception"

/* These two are macros that check types and would expand inside `api->`. */
#undef curl_easy_setopt
#undef curl_easy_getinfo

#define CURL_API(X, api)           \
	X(api, curl_easy_init)     \
	X(api, curl_easy_setopt)   \
	X(api, curl_easy_perform)  \
	X(api, curl_easy_getinfo)  \
	X(api, curl_easy_header)   \
	X(api, curl_easy_strerror) \
	X(api, curl_easy_cleanup)  \
	X(api, curl_url)           \
	X(api, curl_url_set)       \
	X(api, curl_url_get)       \
	X(api, curl_url_cleanup)   \
	X(api, curl_free)

struct curl_api {
	CURL_API(LIBRARY_MEMBER, struct curl_api)
};

struct http {
	struct curl_api api;
	const struct http_options *options;
	long timeout_s;
};

/* What one transfer brings. */
struct transfer {
	struct http_answer answer;
	size_t room; /* bytes at answer.data */
	bool too_much;
	char said[CURL_ERROR_SIZE]; /* by libcurl */
};

void http_answer_done(struct http_answer *a)
{
	free(a->data);
	*a = (struct http_answer){0};
}

int http_open(const struct http_options *options, struct http **ret, struct err *e)
{
	static const struct library_symbol symbols[] = {CURL_API(LIBRARY_SYMBOL, struct curl_api)};
	static const struct library want = {
	        .package = "libcurl4",
	        .names = {"libcurl.so.4", "libcurl-gnutls.so.4"},
	        .symbols = symbols,
	        .symbols_count = COUNT_OF(symbols),
	};
	struct http *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return err_nomem(e);
	if ((r = library_load(&want, &h->api, e)) < 0) {
		free(h);
		return r;
	}
	h->options = options;
	h->timeout_s = options->timeout_s ? (long)options->timeout_s : TIMEOUT_S;
	*ret = h;
	return 0;
}

void http_close(struct http *h)
{
	free(h);
}

/* ---- one transfer ---- */

static size_t take(char *data, size_t one, size_t count, void *userdata)
{
	struct transfer *t = userdata;
	struct http_answer *a = &t->answer;
	size_t size = one * count;

	t->too_much = size > ANSWER_MAX - a->size;
	if (t->too_much)
		return 0; /* curl gives up */
	if (a->size + size >= t->room) {
		size_t room = t->room + a->size + size + 1;
		char *more = realloc(a->data, room);

		if (!more)
			return 0;
		a->data = more;
		t->room = room;
	}
	memcpy(a->data + a->size, data, size);
	a->size += size;
	a->data[a->size] = '\0';
	return size;
}

static size_t take_header(char *data, size_t one, size_t count, void *userdata)
{
	struct transfer *t = userdata;
	size_t size = take(data, one, count, userdata);

	t->answer.body_at = t->answer.size;
	return size;
}

static void set_options(const struct http *h, CURL *c, const char *url, struct transfer *t)
{
	const struct curl_api *api = &h->api;

	api->curl_easy_setopt(c, CURLOPT_URL, url);
	api->curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https,http");
	api->curl_easy_setopt(c, CURLOPT_USERAGENT, USER_AGENT);
	api->curl_easy_setopt(c, CURLOPT_TIMEOUT, h->timeout_s);
	api->curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	api->curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->said);
	api->curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	api->curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* of a proxy */
	api->curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
	api->curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	api->curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	api->curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	if (h->options->ca_file)
		api->curl_easy_setopt(c, CURLOPT_CAINFO, h->options->ca_file);
	if (h->options->insecure) {
		api->curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		api->curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static int explain(const struct http *h, CURLcode r, const struct transfer *t, const char *url,
                   struct err *e)
{
	const char *said = t->said[0] ? t->said : h->api.curl_easy_strerror(r);

	if (t->too_much)
		return err_set(e, -EFBIG, "%.200s: more than %u bytes", url, ANSWER_MAX);
	if (r == CURLE_OPERATION_TIMEDOUT && !t->answer.size)
		return err_set(e, -EIO, "%.200s: the server gave no answer in %ld s", url,
		               h->timeout_s);
	if (r == CURLE_OPERATION_TIMEDOUT)
		return err_set(e, -EIO, "%.200s: the server is too slow: %zu bytes in %ld s", url,
		               t->answer.size, h->timeout_s);
	if (r == CURLE_PEER_FAILED_VERIFICATION)
		return err_set(e, -EIO,
		               "%.200s: the server's certificate is not trusted (%.100s): name "
		               "its issuer with --cacert, or use --insecure",
		               url, said);
	if (r == CURLE_SSL_CACERT_BADFILE)
		return err_set(e, -EIO, "%.200s: %.100s: no certificates", url,
		               h->options->ca_file ?: "the system's store");
	if (r == CURLE_SSL_CONNECT_ERROR)
		return err_set(e, -EIO, "%.200s: TLS: %.150s", url, said);
	return err_set(e, -EIO, "%.200s: %.150s", url, said);
}

/* ---- redirects ---- */

static char *url_part(const struct curl_api *api, CURLU *u, CURLUPart part)
{
	char *text = NULL;

	return api->curl_url_get(u, part, &text, CURLU_DEFAULT_PORT) == CURLUE_OK ? text : NULL;
}

static bool same_server(const struct curl_api *api, const char *a, const char *b)
{
	static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
	CURLU *ua = api->curl_url(), *ub = api->curl_url();
	bool same = ua && ub && api->curl_url_set(ua, CURLUPART_URL, a, 0) == CURLUE_OK &&
	            api->curl_url_set(ub, CURLUPART_URL, b, 0) == CURLUE_OK;

	for (size_t i = 0; same && i < COUNT_OF(parts); i++) {
		char *pa = url_part(api, ua, parts[i]), *pb = url_part(api, ub, parts[i]);

		same = pa && pb && strcasecmp(pa, pb) == 0;
		api->curl_free(pa);
		api->curl_free(pb);
	}
	if (ua)
		api->curl_url_cleanup(ua);
	if (ub)
		api->curl_url_cleanup(ub);
	return same;
}

/* *ret_next becomes where to go on, heap, or NULL when the answer is here. */
static int look_at(const struct http *h, CURL *c, const char *url, char **ret_next, struct err *e)
{
	char *to = NULL;
	long code = 0;

	h->api.curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
	h->api.curl_easy_getinfo(c, CURLINFO_REDIRECT_URL, &to);
	*ret_next = NULL;
	if (code == 200)
		return 0;
	if (code < 300 || code > 399 || !to)
		return err_set(e, -EIO, "%.200s: HTTP status %ld", url, code);
	if (!same_server(&h->api, url, to))
		return err_set(e, -EIO, "%.200s: sends us to another server: %.200s", url, to);
	return (*ret_next = strdup(to)) ? 0 : err_nomem(e);
}

static int get_once(const struct http *h, const char *url, const char *const headers[],
                    struct transfer *t, char **ret_next, struct err *e)
{
	CURL *c = h->api.curl_easy_init();
	struct curl_header *header;
	CURLcode r;
	int code;

	if (!c)
		return err_set(e, -ENOMEM, "libcurl does not start");
	set_options(h, c, url, t);
	r = h->api.curl_easy_perform(c);
	code = r == CURLE_OK ? look_at(h, c, url, ret_next, e) : explain(h, r, t, url, e);
	for (; code == 0 && headers && *headers; headers++) {
		if (h->api.curl_easy_header(c, *headers, 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
			t->answer.has_header = true;
	}
	h->api.curl_easy_cleanup(c);
	return code;
}

int http_get(struct http *h, const char *url, const char *const headers[], struct http_answer *ret,
             struct err *e)
{
	_cleanup_(freep) char *at = NULL;
	char *next = NULL;

	for (int i = 0; i <= REDIRECTS_MAX; i++) {
		struct transfer t = {0};
		int r = get_once(h, at ?: url, headers, &t, &next, e);

		if (r == 0 && !next) {
			*ret = t.answer;
			return 0;
		}
		http_answer_done(&t.answer);
		if (r < 0)
			return r;
		free(at);
		at = next;
	}
	return err_set(e, -EIO, "%.200s: more than %d redirects", url, REDIRECTS_MAX);
}
