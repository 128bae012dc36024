/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "format/bytes.h"
#include "format/tdx.h"
#include "run/pccs.h"
#include "run/pccs_answer.h"
#include "test/scratch_authority.h"
#include "test/tests.h"
#include "trust/verify.h"

/* The emulated platform's PCCS: what it answers, and over HTTP. */

static const char *get(void *context, const char *key)
{
	const char *const *p = context;

	for (; p && *p; p += 2) {
		if (strcmp(p[0], key) == 0)
			return p[1];
	}
	return NULL;
}

static const struct {
	const char *path;
	const char *parameter[5]; /* key, value, ... */
	unsigned status;
	const char *chain; /* header */
	const char *begins;
} requests[] = {
        {"/tdx/certification/v4/tcb",
         {"fmspc", "454d55000000"},
         200,
         "TCB-Info-Issuer-Chain",
         "{\"tcbInfo\":{"},
        {"/tdx/certification/v4/tcb/",
         {"fmspc", "454D55000000", "update", "EARLY"},
         200,
         "TCB-Info-Issuer-Chain",
         "{\"tcbInfo\":{"},
        {"/tdx/certification/v4/tcb",
         {"fmspc", "454d55000000", "tcbEvaluationDataNumber", "1"},
         200,
         "TCB-Info-Issuer-Chain",
         "{\"tcbInfo\":{"},
        {"/tdx/certification/v4/tcb",
         {"fmspc", "454d55000000", "tcbEvaluationDataNumber", "2"},
         404,
         NULL,
         "No cache data"},
        {"/tdx/certification/v4/tcb", {"fmspc", "00806f050000"}, 404, NULL, "No cache data"},
        {"/tdx/certification/v4/tcb", {"fmspc", "454d5500000"}, 400, NULL, "Invalid"},
        {"/tdx/certification/v4/tcb", {"fmspc", "454d5500000g"}, 400, NULL, "Invalid"},
        {"/tdx/certification/v4/tcb", {NULL}, 400, NULL, "Invalid"},
        {"/tdx/certification/v4/tcb",
         {"fmspc", "454d55000000", "update", "late"},
         400,
         NULL,
         "Invalid"},
        {"/sgx/certification/v4/tcb", {"fmspc", "454d55000000"}, 404, NULL, "No cache data"},
        {"/tdx/certification/v4/qe/identity",
         {NULL},
         200,
         "SGX-Enclave-Identity-Issuer-Chain",
         "{\"enclaveIdentity\":{"},
        {"/tdx/certification/v4/qe/identity",
         {"update", "standard", "tcbEvaluationDataNumber", "1"},
         400,
         NULL,
         "Invalid"},
        {"/tdx/certification/v4/qe/identity",
         {"tcbEvaluationDataNumber", "-1"},
         400,
         NULL,
         "Invalid"},
        {"/sgx/certification/v4/qe/identity", {NULL}, 404, NULL, "No cache data"},
        {"/sgx/certification/v4/pckcrl",
         {"ca", "processor"},
         200,
         "SGX-PCK-CRL-Issuer-Chain",
         "308"},
        {"/sgx/certification/v4/pckcrl",
         {"ca", "PLATFORM", "encoding", "DER"},
         200,
         "SGX-PCK-CRL-Issuer-Chain",
         "0\x82"},
        {"/sgx/certification/v4/pckcrl", {"ca", "root"}, 400, NULL, "Invalid"},
        {"/sgx/certification/v4/rootcacrl", {NULL}, 200, NULL, "308"},
        {"/tdx/certification/v4/tcbevaluationdatanumbers",
         {NULL},
         200,
         "TCB-Evaluation-Data-Numbers-Issuer-Chain",
         "{\"tcbEvaluationDataNumbers\":{\"id\":\"TDX\""},
        {"/", {NULL}, 404, NULL, "No cache data"},
        {"", {NULL}, 404, NULL, "No cache data"},
        {"/tdx/certification/v4/tcb//", {"fmspc", "454d55000000"}, 404, NULL, "No cache data"},
};

TEST_EACH(answers, requests)
{
	const struct pccs_query q = {requests[_i].path, get, (void *)requests[_i].parameter};
	struct pccs_answer a;
	struct err e;

	ck_assert_msg(pccs_answer(authority, time(NULL), &q, &a, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(a.status, requests[_i].status);
	ck_assert_int_eq(!a.chain, !requests[_i].chain);
	if (a.chain) {
		ck_assert_str_eq(a.chain_name, requests[_i].chain);
		ck_assert_int_eq(strncmp(a.chain, "-----BEGIN%20CERTIFICATE-----%0A", 32), 0);
		ck_assert_ptr_null(strpbrk(a.chain, " \r\n+/="));
	}
	ck_assert_uint_gt(a.size, strlen(requests[_i].begins));
	ck_assert_mem_eq(a.body, requests[_i].begins, strlen(requests[_i].begins));
	pccs_answer_done(&a);
}

/* ---- over HTTP ---- */

static sd_event *event;
static struct pccs *pccs;

/* What comes for one request, headers first; turns the loop meanwhile. */
static size_t ask(const char *request, char *out, size_t size)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	_cleanup_(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t used = 0;
	ssize_t n = -1;

	to.sin_port = htons((uint16_t)atoi(strrchr(pccs_url(pccs), ':') + 1));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
	while (n != 0 && used < size - 1) {
		sd_event_run(event, 10000);
		n = recv(fd, out + used, size - 1 - used, MSG_DONTWAIT);
		used += n > 0 ? (size_t)n : 0;
	}
	out[used] = '\0';
	return used;
}

static void start(const char *address)
{
	struct pccs_config config = {.authority = authority, .address = address};
	struct err e;

	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_msg(pccs_new(event, &config, &pccs, &e) == 0, "%s", e.text);
}

static void stop(void)
{
	pccs_free(pccs);
	sd_event_unref(event);
}

/* All that a verifier asks for, as it came: our own accepts a quote by it. */
TEST(enough_to_verify)
{
	static const char *const path[] = {"tdx/certification/v4/tcb?fmspc=454d55000000",
	                                   "tdx/certification/v4/qe/identity?update=standard",
	                                   "sgx/certification/v4/pckcrl?ca=platform&encoding=der",
	                                   "sgx/certification/v4/rootcacrl"};
	struct tdreport report = emulated_report();
	char request[200], answer[32768];
	struct verifier *v = authority_verifier();
	struct verdict d;
	struct quote q;
	uint8_t *quote;
	size_t size;
	struct err e;

	start(NULL);
	for (size_t i = 0; i < COUNT_OF(path); i++) {
		snprintf(request, sizeof(request),
		         "GET /%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path[i]);
		size = ask(request, answer, sizeof(answer));
		ck_assert_ptr_nonnull(strstr(answer, "EMULATED by tception"));
		ck_assert_msg(verifier_add(v, answer, size, &e) == 0, "%s: %s", path[i], e.text);
	}
	ck_assert_int_eq(authority_quote(authority, &report, 4, &quote, &size, &e), 0);
	ck_assert_int_eq(quote_parse(quote, size, &q, NULL), FORMAT_OK);
	ck_assert_int_eq(verifier_check(v, &q, time(NULL), &d, &e), 0);
	ck_assert_int_eq(d.origin, ORIGIN_EMULATED);
	ck_assert_msg(d.status == TCB_UP_TO_DATE, "%s", d.reason);
	free(quote);
	verifier_free(v);
	stop();
}

static const char *const hostile[] = {
        "POST /sgx/certification/v4/rootcacrl HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
        "DELETE /sgx/certification/v4/rootcacrl HTTP/1.1\r\nHost: x\r\n\r\n",
        "nonsense\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
};

TEST_EACH(hostile_requests, hostile)
{
	char answer[4096];

	start("127.0.0.1");
	ask(hostile[_i], answer, sizeof(answer));
	ck_assert_ptr_null(strstr(answer, " 200 "));
	ask("GET /sgx/certification/v4/rootcacrl HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
	    answer, sizeof(answer));
	ck_assert_ptr_nonnull(strstr(answer, " 200 OK"));
	stop();
}

TEST(where_it_listens)
{
	struct pccs_config config = {.authority = authority, .address = "localhost"};
	struct pccs *second;
	struct err e;

	start(NULL);
	ck_assert_int_eq(strncmp(pccs_url(pccs), "http://127.0.0.1:", 17), 0);
	ck_assert_int_eq(pccs_new(event, &config, &second, &e), -EINVAL);
	config.address = NULL;
	config.port = (uint16_t)atoi(strrchr(pccs_url(pccs), ':') + 1);
	ck_assert_int_eq(pccs_new(event, &config, &second, &e), -EADDRINUSE);
	stop();
}

TESTS("pccs", .timeout = 60, .before = authority_make, .after = authority_drop)
