/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "format/bytes.h"
#include "format/text.h"
#include "run/fetch.h"
#include "test/golden.h"
#include "test/patience.h"
#include "test/scratch.h"
#include "test/tests.h"
#include "trust/verify.h"

/* Fetching from a PCCS that a child of ours plays on 127.0.0.1, with what Intel once served. */

static char url[64];
static json_t *bundle;
static pid_t server;
static int paths[2]; /* the requests' lines, from the child */
static unsigned said;

static void on_said(const char *line, void *userdata)
{
	(void)line, (void)userdata;
	said++;
}

static const char *text(const char *key)
{
	return json_string_value(json_object_get(bundle, key));
}

static void respond(FILE *f, const char *header, const char *chain, const void *body, size_t size)
{
	fprintf(f, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n", size);
	if (header) {
		fprintf(f, "%s: ", header);
		for (const char *p = chain; *p; p++)
			fprintf(f, strchr("\n +/=", *p) ? "%%%02X" : "%c", *p);
		fprintf(f, "\r\n");
	}
	fprintf(f, "\r\n");
	fwrite(body, 1, size, f);
}

static void respond_json(FILE *f, const char *key, const char *name, const char *header)
{
	char signature[64], chain[64], *body;
	int size;

	snprintf(signature, sizeof(signature), "%s_signature", key);
	snprintf(chain, sizeof(chain), "%s_issuer_chain", key);
	size = asprintf(&body, "{\"%s\":%s,\"signature\":\"%s\"}", name, text(key),
	                text(signature));
	respond(f, header, text(chain), body, (size_t)size);
	free(body);
}

/* Answers that are no collateral, or end elsewhere; false when `mode` is about the rest. */
static bool serve_oddly(FILE *f, const char *line, const char *mode)
{
	const char *path = strchr(line, '/') ?: "/";
	bool moved = strncmp(path, "/moved", 6) == 0;

	if (strcmp(mode, "silent") == 0) {
		pause();
	} else if (strcmp(mode, "drip") == 0) {
		fprintf(f, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{");
		fflush(f);
		pause();
	} else if (strcmp(mode, "moved") == 0 && !moved) {
		fprintf(f,
		        "HTTP/1.1 302 Found\r\nLocation: /moved%.*s\r\nContent-Length: 4\r\n"
		        "TCB-Info-Issuer-Chain: none\r\n\r\ngone",
		        (int)strcspn(path, " "), path);
	} else if (strcmp(mode, "loop") == 0) {
		fprintf(f, "HTTP/1.1 301 Moved\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
	} else if (strcmp(mode, "away") == 0) {
		fprintf(f,
		        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2%.*s\r\n"
		        "Content-Length: 0\r\n\r\n",
		        (int)strcspn(path, " "), path);
	} else {
		return false;
	}
	return true;
}

/* The line without what may differ from one request to the other. */
static const char *asked(char *line, const char *mode)
{
	char *path = strchr(line, '/');

	if (path && strncmp(path, "/moved", 6) == 0)
		memmove(path, path + 6, strlen(path + 6) + 1);
	if (strcmp(mode, "careless") == 0 && strstr(line, "fmspc="))
		strcpy(strstr(line, "fmspc="), "fmspc=00806f050000 ");
	for (size_t i = 0; i < 4; i++) {
		static const char *const sets[] = {"update=early", "update=standard",
		                                   "tcbEvaluationDataNumber=18",
		                                   "tcbEvaluationDataNumber=17"};
		char *set = strstr(line, sets[i]);

		if (set) /* with the ? or & before it */
			memmove(set - 1, set + strlen(sets[i]), strlen(set + strlen(sets[i])) + 1);
	}
	return line;
}

static void serve_one(int fd, const char *mode)
{
	FILE *f = fdopen(fd, "r+");
	char line[1024] = "", skip[1024];
	uint8_t der[8192];
	size_t n;

	if (strcmp(mode, "plain") == 0) { /* to whatever the client says */
		fprintf(f, "HTTP/1.1 400 Bad Request\r\n\r\n");
		fclose(f);
		return;
	}
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	while (fgets(skip, sizeof(skip), f) && strcmp(skip, "\r\n") != 0)
		;
	if (serve_oddly(f, line, mode)) {
		fclose(f);
		return;
	}
	dprintf(paths[1], "%s", line);
	asked(line, mode);
	if (strcmp(mode, "missing") == 0) {
		fprintf(f, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	} else if (strcmp(mode, "garbage") == 0) {
		respond(f, NULL, NULL, "<html>sign in</html>", 20);
	} else if (strcmp(mode, "endless") == 0) {
		memset(der, 'x', sizeof(der));
		fprintf(f, "HTTP/1.1 200 OK\r\n\r\n");
		while (fwrite(der, 1, sizeof(der), f) == sizeof(der))
			;
	} else if (strstr(line, "GET /tdx/certification/v4/tcbevaluationdatanumbers ")) {
		static const char numbers[] =
		        "{\"tcbEvaluationDataNumbers\":{\"id\":\"TDX\",\"tcbEvalNumbers\":["
		        "{\"tcbEvaluationDataNumber\":18}]},\"signature\":\"\"}";

		respond(f, NULL, NULL, numbers, strlen(numbers));
	} else if (strstr(line, "GET /tdx/certification/v4/tcb?fmspc=00806f050000 ")) {
		respond_json(f, "tcb_info", "tcbInfo",
		             strcmp(mode, "bare") ? "TCB-Info-Issuer-Chain" : NULL);
	} else if (strstr(line, "GET /tdx/certification/v4/qe/identity ")) {
		respond_json(f, "qe_identity", "enclaveIdentity",
		             "SGX-Enclave-Identity-Issuer-Chain");
	} else if (strstr(line, "GET /sgx/certification/v4/pckcrl?ca=platform&encoding=der ")) {
		hex_decode(text("pck_crl"), strlen(text("pck_crl")), der, &n);
		respond(f, "SGX-PCK-CRL-Issuer-Chain", text("pck_crl_issuer_chain"), der, n);
	} else if (strstr(line, "GET /sgx/certification/v4/rootcacrl ")) {
		respond(f, NULL, NULL, text("root_ca_crl"), strlen(text("root_ca_crl")));
	} else {
		fprintf(f, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
	}
	fclose(f);
}

static void start_server(const char *mode)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &size), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(a.sin_port));
	ck_assert_int_eq(pipe2(paths, O_CLOEXEC | O_NONBLOCK), 0);
	server = fork();
	if (server == 0) {
		signal(SIGPIPE, SIG_IGN);
		alarm((unsigned)patience(60));
		for (;;)
			serve_one(accept(fd, NULL, NULL), mode);
	}
	close(fd);
}

static struct fetch_request request(void)
{
	return (struct fetch_request){.dir = scratch,
	                              .url = url,
	                              .platform_ca = true,
	                              .fmspc = {0x00, 0x80, 0x6f, 0x05},
	                              .said = on_said,
	                              .http.timeout_s = (unsigned)patience(30)};
}

static unsigned add_files(struct verifier *v)
{
	DIR *dir = opendir(scratch);
	struct dirent *entry;
	unsigned files = 0;

	while ((entry = readdir(dir))) {
		char path[512];
		uint8_t bytes[65536];
		size_t n;
		FILE *f;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", scratch, entry->d_name);
		ck_assert_ptr_nonnull(f = fopen(path, "r"));
		n = fread(bytes, 1, sizeof(bytes), f);
		fclose(f);
		ck_assert_int_eq(verifier_add(v, bytes, n, NULL), 0);
		files++;
	}
	closedir(dir);
	return files;
}

TEST(from_a_pccs)
{
	struct golden g = golden_read("quote/9c3786b9b3d6.bin");
	struct fetch_request q;
	struct verifier *v;
	struct verdict d;
	struct quote quote;
	struct err e;

	start_server("good");
	q = request();
	ck_assert_msg(fetch_collateral(&q, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(said, 4);
	ck_assert_int_eq(verifier_new(NULL, &v, &e), 0);
	ck_assert_uint_eq(add_files(v), 4);
	ck_assert_int_eq(quote_parse(g.data, g.size, &quote, NULL), FORMAT_OK);
	ck_assert_int_eq(verifier_check(v, &quote, 1770801952, &d, &e), 0);
	ck_assert_msg(d.status == TCB_UP_TO_DATE, "%s", d.reason);
	verifier_free(v);
	golden_done(&g);

	kill(server, SIGKILL); /* today's files are there: nobody is asked */
	ck_assert_int_eq(fetch_collateral(&q, &e), 0);
	ck_assert_uint_eq(said, 4);
	q.force = true;
	ck_assert_int_eq(fetch_collateral(&q, &e), -EIO);
}

TEST_RANGE(answers_that_are_none, 0, 3)
{
	static const struct {
		const char *mode;
		int code;
	} modes[] = {{"missing", -EIO}, {"garbage", -EBADMSG}, {"endless", -EFBIG}};
	struct fetch_request q;
	struct verifier *v;
	struct err e;

	start_server(modes[_i].mode);
	q = request();
	ck_assert_int_eq(fetch_collateral(&q, &e), modes[_i].code);
	ck_assert_int_eq(verifier_new(NULL, &v, &e), 0);
	ck_assert_uint_eq(add_files(v), 0); /* nothing was written */
	verifier_free(v);
	kill(server, SIGKILL);
}

TEST(other_protocols)
{
	struct fetch_request q = request();
	struct err e;

	q.url = "file:///etc/hostname";
	ck_assert_int_eq(fetch_collateral(&q, &e), -EIO);
	q.url = "http://127.0.0.1/?";
	ck_assert_int_eq(fetch_collateral(&q, &e), -EINVAL);
	q.url = "http://127.0.0.1/sgx/certification/v3/";
	ck_assert_int_eq(fetch_collateral(&q, &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "v3 has no collateral of TDX"));
}

/* The forms in which PCCS and verifiers name a service. */
TEST_RANGE(url_forms, 0, 5)
{
	static const char *const ends[] = {"", "/", "/sgx/certification/v4",
	                                   "/sgx/certification/v4/", "/tdx/certification/v4//"};
	struct fetch_request q;
	char whole[128];
	struct err e;

	start_server("good");
	q = request();
	snprintf(whole, sizeof(whole), "%s%s", url, ends[_i]);
	q.url = whole;
	ck_assert_msg(fetch_collateral(&q, &e) == 0, "%s", e.text);
	kill(server, SIGKILL);
}

/* Which sets are asked for, how, and that they lie side by side. */
static const struct {
	enum fetch_update update;
	uint32_t evaluation;
	const char *query; /* in both requests */
	const char *file;
} sets[] = {
        {FETCH_DEFAULT, 0, NULL, "tcb-00806f050000-2"},
        {FETCH_EARLY, 0, "update=early", "tcb-00806f050000-early-2"},
        {FETCH_STANDARD, 0, "update=standard", "tcb-00806f050000-standard-2"},
        {FETCH_NUMBER, 18, "tcbEvaluationDataNumber=18", "tcb-00806f050000-18-2"},
        {FETCH_ALL, 0, "tcbEvaluationDataNumber=18", "td-qe-identity-18-2"},
};

TEST_EACH(sets_of_collateral, sets)
{
	struct fetch_request q;
	char lines[4096] = "";
	struct dirent *entry;
	bool found = false;
	ssize_t n;
	DIR *dir;
	struct err e;

	start_server("good");
	q = request();
	q.update = sets[_i].update;
	q.evaluation = sets[_i].evaluation;
	ck_assert_msg(fetch_collateral(&q, &e) == 0, "%s", e.text);
	n = read(paths[0], lines, sizeof(lines) - 1);
	ck_assert_int_gt(n, 0);
	lines[n] = '\0';
	if (sets[_i].query) {
		char *first = strstr(lines, sets[_i].query);

		ck_assert_ptr_nonnull(first);
		ck_assert_ptr_nonnull(strstr(first + 1, sets[_i].query));
	} else {
		ck_assert_ptr_null(strstr(lines, "update"));
		ck_assert_ptr_null(strstr(lines, "tcbEvaluationDataNumber"));
	}
	dir = opendir(scratch);
	while ((entry = readdir(dir)))
		found |= strncmp(entry->d_name, sets[_i].file, strlen(sets[_i].file)) == 0;
	closedir(dir);
	ck_assert(found);
	kill(server, SIGKILL);
}

/* What must not get into the folder, and what is said of it. */
static const struct {
	const char *mode;
	uint8_t fmspc; /* the first byte that is asked for */
	uint32_t evaluation;
	bool sgx;
	int code;
	const char *said;
} refused[] = {
        {"bare", 0, 0, false, -EBADMSG, "no issuer chain"},
        {"careless", 0x90, 0, false, -EBADMSG, "FMSPC 00806F050000, asked for 90806f050000"},
        {"good", 0, 17, false, -EBADMSG, "evaluation 18, asked for 17"},
        {"silent", 0, 0, false, -EIO, "gave no answer in 1 s"},
        {"drip", 0, 0, false, -EIO, "too slow"},
        {"away", 0, 0, false, -EIO, "another server: http://127.0.0.2/"},
        {"loop", 0, 0, false, -EIO, "redirects"},
        {"good", 0, 0, true, -EIO, "/sgx/certification/v4/tcb?fmspc=00806f050000: HTTP status 400"},
};

TEST_EACH(refused_answers, refused)
{
	struct fetch_request q;
	struct verifier *v;
	struct err e = {0};

	start_server(refused[_i].mode);
	q = request();
	q.fmspc[0] = refused[_i].fmspc;
	q.sgx = refused[_i].sgx;
	q.update = refused[_i].evaluation ? FETCH_NUMBER : FETCH_DEFAULT;
	q.evaluation = refused[_i].evaluation;
	if (_i == 3 || _i == 4)
		q.http.timeout_s = 1;
	ck_assert_int_eq(fetch_collateral(&q, &e), refused[_i].code);
	ck_assert_msg(strstr(e.text, refused[_i].said) != NULL, "%s", e.text);
	ck_assert_int_eq(verifier_new(NULL, &v, &e), 0);
	ck_assert_uint_eq(add_files(v), 0);
	verifier_free(v);
	kill(server, SIGKILL);
}

/* Within the server, redirects are followed, and the file has the answer's own headers. */
TEST(redirects_within)
{
	struct fetch_request q;
	struct verifier *v;
	struct err e;

	start_server("moved");
	q = request();
	ck_assert_msg(fetch_collateral(&q, &e) == 0, "%s", e.text);
	ck_assert_int_eq(verifier_new(NULL, &v, &e), 0);
	ck_assert_uint_eq(add_files(v), 4);
	verifier_free(v);
	kill(server, SIGKILL);
}

TEST(tls_to_a_server_without)
{
	struct fetch_request q;
	char https[80];
	struct err e;

	start_server("plain");
	q = request();
	snprintf(https, sizeof(https), "https%s", url + 4);
	q.url = https;
	ck_assert_int_eq(fetch_collateral(&q, &e), -EIO);
	ck_assert_msg(strstr(e.text, "TLS") != NULL, "%s", e.text);
	kill(server, SIGKILL);
}

static void setup(void)
{
	struct golden g = golden_read("collateral/60c2bf34.json");

	unsetenv("http_proxy"); /* 127.0.0.1 is nobody else's */
	unsetenv("HTTP_PROXY");
	unsetenv("all_proxy");
	unsetenv("ALL_PROXY");
	scratch_make();
	bundle = json_loadb((const char *)g.data, g.size, 0, NULL);
	golden_done(&g);
}

static void teardown(void)
{
	json_decref(bundle);
	scratch_remove();
}

TESTS("fetch", .apart = true, .timeout = 60, .setup = setup, .teardown = teardown)
