// SPDX-License-Identifier: Apache-2.0
#include "run/fetch.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/time.h"
#include "format/bytes.h"
#include "run/fetch_check.h"
#include "trust/verify.h"

#define URL_MAX 1024 /* bytes, with a query */

/* Headers that carry an issuer chain; the older name is a PCCS' of version 3. */
static const char *const tcb_chain[] = {"TCB-Info-Issuer-Chain", "SGX-TCB-Info-Issuer-Chain", NULL};
static const char *const qe_chain[] = {"SGX-Enclave-Identity-Issuer-Chain", NULL};
static const char *const crl_chain[] = {"SGX-PCK-CRL-Issuer-Chain", NULL};

struct work {
	const struct fetch_request *q;
	struct http *http;
	char base[URL_MAX / 2]; /* without a slash at its end */
	char version[4];        /* "v4" */
};

/* One answer. */
struct piece {
	char name[80]; /* of the file, without the day */
	char url[URL_MAX];
	const char *const *chain;          /* NULL: comes without */
	const struct fetch_wanted *wanted; /* NULL: not JSON */
};

/* ---- where ---- */

/* Takes "/sgx/certification/v4" off the end of `base`, but for the version that it names. */
static void split_version(struct work *w)
{
	size_t length = strlen(w->base);
	static const char *const paths[] = {"/sgx/certification/v", "/tdx/certification/v"};

	while (length && w->base[length - 1] == '/')
		w->base[--length] = '\0';
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		size_t tail = strlen(paths[i]) + 1;

		if (length <= tail || !isdigit((unsigned char)w->base[length - 1]) ||
		    strncmp(w->base + length - tail, paths[i], tail - 1) != 0)
			continue;
		snprintf(w->version, sizeof(w->version), "v%c", w->base[length - 1]);
		w->base[length - tail] = '\0';
		return;
	}
}

static int read_url(struct work *w, struct err *e)
{
	const char *url = w->q->url ?: FETCH_INTEL_URL;

	if (strlen(url) >= sizeof(w->base) ||
	    (w->q->root_crl_url && strlen(w->q->root_crl_url) >= sizeof(w->base)))
		return err_set(e, -EINVAL, "the URL is too long");
	snprintf(w->base, sizeof(w->base), "%s", url);
	snprintf(w->version, sizeof(w->version), "v4");
	split_version(w);
	if (strchr(w->base, '?') || strchr(w->base, '#'))
		return err_set(e, -EINVAL, "%.200s: a service's URL has no '?' or '#'", url);
	if (strcmp(w->version, "v4") != 0 && !(w->q->sgx && strcmp(w->version, "v3") == 0))
		return err_set(e, -EINVAL, "%.200s: %s has no collateral of %s", url, w->version,
		               w->q->sgx ? "this kind" : "TDX");
	return 0;
}

/* ---- one answer ---- */

/* That it is what verification can read, and about what was asked. */
static int check(const struct piece *p, const struct http_answer *a, struct err *e)
{
	_cleanup_(verifier_freep) struct verifier *v = NULL;
	int r = verifier_new(NULL, &v, e);

	if (r == 0)
		r = verifier_add(v, a->data, a->size, e);
	if (r == 0 && p->wanted)
		r = fetch_check(a->data + a->body_at, a->size - a->body_at, p->wanted, e);
	if (r == 0 && p->chain && !a->has_header)
		r = err_set(e, -EBADMSG, "the answer has no issuer chain (header %s)", p->chain[0]);
	return r < 0 ? err_prefix(e, "%.200s", p->url) : 0;
}

static int fetch_one(struct work *w, const struct piece *p, struct err *e)
{
	_cleanup_(http_answer_done) struct http_answer a = {0};
	char path[PATH_MAX], day[TIME_TEXT_SIZE];
	int r = path_format(path, e, "%s/%s-%.10s.http", w->q->dir, p->name,
	                    time_text(time(NULL), day));

	if (r < 0)
		return r;
	if (!w->q->force && access(path, R_OK) == 0)
		return 0;
	if ((r = http_get(w->http, p->url, p->chain, &a, e)) < 0 || (r = check(p, &a, e)) < 0 ||
	    (r = file_write(path, a.data, a.size, e)) < 0)
		return r;
	if (w->q->said)
		w->q->said(path, w->q->userdata);
	return 0;
}

/* ---- all of them ---- */

static const char *tee(const struct work *w)
{
	return w->q->sgx ? "sgx" : "tdx";
}

/* TCB info and identity of one set; `set` is for file names, `query` for the URL: "update=early". */
static int fetch_set(struct work *w, const char *set, const char *query, uint32_t evaluation,
                     struct err *e)
{
	struct fetch_wanted wanted = {FETCH_TCB, w->q->sgx, {0}, evaluation};
	struct piece p = {.chain = tcb_chain, .wanted = &wanted};
	const uint8_t *m = w->q->fmspc;
	char fmspc[13];
	int r;

	memcpy(wanted.fmspc, m, sizeof(wanted.fmspc));
	snprintf(fmspc, sizeof(fmspc), "%02x%02x%02x%02x%02x%02x", m[0], m[1], m[2], m[3], m[4],
	         m[5]);
	snprintf(p.name, sizeof(p.name), "%stcb-%s%s", w->q->sgx ? "sgx-" : "", fmspc, set);
	snprintf(p.url, sizeof(p.url), "%s/%s/certification/%s/tcb?fmspc=%s%s%s", w->base, tee(w),
	         w->version, fmspc, *query ? "&" : "", query);
	if ((r = fetch_one(w, &p, e)) < 0)
		return r;
	wanted.kind = FETCH_IDENTITY;
	p.chain = qe_chain;
	snprintf(p.name, sizeof(p.name), "%s-identity%s", w->q->sgx ? "sgx-qe" : "td-qe", set);
	snprintf(p.url, sizeof(p.url), "%s/%s/certification/%s/qe/identity%s%s", w->base, tee(w),
	         w->version, *query ? "?" : "", query);
	return fetch_one(w, &p, e);
}

static int fetch_number(struct work *w, uint32_t number, struct err *e)
{
	char set[24], query[48];

	snprintf(set, sizeof(set), "-%u", number);
	snprintf(query, sizeof(query), "tcbEvaluationDataNumber=%u", number);
	return fetch_set(w, set, query, number, e);
}

static int fetch_every_number(struct work *w, struct err *e)
{
	_cleanup_(http_answer_done) struct http_answer a = {0};
	uint32_t number[FETCH_NUMBERS_MAX];
	char url[URL_MAX];
	size_t count = 0;
	int r;

	snprintf(url, sizeof(url), "%s/%s/certification/%s/tcbevaluationdatanumbers", w->base,
	         tee(w), w->version);
	if ((r = http_get(w->http, url, NULL, &a, e)) < 0)
		return r;
	if ((r = fetch_numbers(a.data + a.body_at, a.size - a.body_at, number, &count, e)) < 0)
		return err_prefix(e, "%.200s", url);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = fetch_number(w, number[i], e);
	return r;
}

static int fetch_sets(struct work *w, struct err *e)
{
	switch (w->q->update) {
	case FETCH_STANDARD:
		return fetch_set(w, "-standard", "update=standard", 0, e);
	case FETCH_EARLY:
		return fetch_set(w, "-early", "update=early", 0, e);
	case FETCH_NUMBER:
		return fetch_number(w, w->q->evaluation, e);
	case FETCH_ALL:
		return fetch_every_number(w, e);
	case FETCH_DEFAULT:
		break;
	}
	return fetch_set(w, "", "", 0, e);
}

static int fetch_crls(struct work *w, struct err *e)
{
	const char *ca = w->q->platform_ca ? "platform" : "processor";
	struct piece p = {.chain = crl_chain};
	int r;

	snprintf(p.name, sizeof(p.name), "pckcrl-%s", ca);
	snprintf(p.url, sizeof(p.url), "%s/sgx/certification/%s/pckcrl?ca=%s&encoding=der", w->base,
	         w->version, ca);
	if ((r = fetch_one(w, &p, e)) < 0)
		return r;
	p = (struct piece){.name = "rootcrl"};
	if (w->q->root_crl_url)
		snprintf(p.url, sizeof(p.url), "%s", w->q->root_crl_url);
	else if (w->q->url)
		snprintf(p.url, sizeof(p.url), "%s/sgx/certification/%s/rootcacrl", w->base,
		         w->version);
	else
		snprintf(p.url, sizeof(p.url), "%s", FETCH_INTEL_ROOT_CRL);
	return fetch_one(w, &p, e);
}

int fetch_collateral(const struct fetch_request *q, struct err *e)
{
	struct work w = {.q = q};
	int r;

	if ((r = read_url(&w, e)) < 0 || (r = file_make_dirs(q->dir, 0777, e)) < 0 ||
	    (r = http_open(&q->http, &w.http, e)) < 0)
		return r;
	r = fetch_sets(&w, e);
	if (r == 0)
		r = fetch_crls(&w, e);
	http_close(w.http);
	return r;
}
