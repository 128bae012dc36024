/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <jansson.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "format/text.h"
#include "run/fetch.h"
#include "test/golden.h"
#include "trust/verify.h"

/* Fetching from a PCCS that a child of ours plays on 127.0.0.1, with what Intel once served. */

static char scratch[] = "/tmp/tception-fetch-XXXXXX";
static char url[64];
static json_t *bundle;
static pid_t server;
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

static void serve_one(int fd, const char *mode)
{
	FILE *f = fdopen(fd, "r+");
	char line[1024] = "", skip[1024];
	uint8_t der[8192];
	size_t n;

	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	while (fgets(skip, sizeof(skip), f) && strcmp(skip, "\r\n") != 0)
		;
	if (strcmp(mode, "missing") == 0) {
		fprintf(f, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	} else if (strcmp(mode, "garbage") == 0) {
		respond(f, NULL, NULL, "<html>sign in</html>", 20);
	} else if (strcmp(mode, "endless") == 0) {
		memset(der, 'x', sizeof(der));
		fprintf(f, "HTTP/1.1 200 OK\r\n\r\n");
		while (fwrite(der, 1, sizeof(der), f) == sizeof(der))
			;
	} else if (strstr(line, "GET /tdx/certification/v4/tcb?fmspc=00806f050000 ")) {
		respond_json(f, "tcb_info", "tcbInfo", "TCB-Info-Issuer-Chain");
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
	server = fork();
	if (server == 0) {
		signal(SIGPIPE, SIG_IGN);
		alarm(60);
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
	                              .said = on_said};
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

START_TEST(from_a_pccs)
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
END_TEST

START_TEST(answers_that_are_none)
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
END_TEST

START_TEST(other_protocols)
{
	struct fetch_request q = request();
	struct err e;

	q.url = "file:///etc/hostname?";
	ck_assert_int_eq(fetch_collateral(&q, &e), -EIO);
}
END_TEST

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static void setup(void)
{
	struct golden g = golden_read("collateral/60c2bf34.json");

	strcpy(scratch + strlen(scratch) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(scratch));
	bundle = json_loadb((const char *)g.data, g.size, 0, NULL);
	golden_done(&g);
}

static void teardown(void)
{
	json_decref(bundle);
	nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	Suite *suite = suite_create("fetch");
	TCase *tc = tcase_create("fetch");

	unsetenv("http_proxy"); /* 127.0.0.1 is nobody else's */
	unsetenv("HTTP_PROXY");
	unsetenv("all_proxy");
	unsetenv("ALL_PROXY");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, from_a_pccs);
	tcase_add_loop_test(tc, answers_that_are_none, 0, 3);
	tcase_add_test(tc, other_protocols);
	suite_add_tcase(suite, tc);
	return golden_run(suite);
}
