/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "core/cleanup.h"
#include "format/bytes.h"
#include "format/qgs.h"
#include "format/tdx.h"
#include "format/tdxemu.h"
#include "run/getquote.h"
#include "run/qgs.h"
#include "test/scratch_authority.h"
#include "test/tests.h"

/* The quoting service and the GetQuote bridge, with a memfd for the guest's memory. */

#define SOCKET_PATH scratch_path("qgs.socket")

static sd_event *event;
static struct qgs *qgs;
static const uint8_t key[QGS_KEY_SIZE] = "the key of this boot", other_key[QGS_KEY_SIZE] = "other";

static void start_qgs(struct qgs_config config)
{
	struct err e;

	config.authority = authority;
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_msg(qgs_new(event, SOCKET_PATH, &config, &qgs, &e) == 0, "%s", e.text);
	ck_assert_int_eq(qgs_add_key(qgs, other_key, 0, &e), 0);
	ck_assert_int_eq(qgs_add_key(qgs, key, 0, &e), 0);
}

static void stop_qgs(void)
{
	qgs_free(qgs);
	ck_assert_int_eq(access(SOCKET_PATH, F_OK), -1);
	sd_event_unref(event);
}

static void make_report(const uint8_t *mac_key, uint8_t out[TDREPORT_SIZE])
{
	struct tdreport r = emulated_report();

	r.mac.type = 0x81;
	r.mac.version = 1;
	memset(r.mac.report_data, 0x33, sizeof(r.mac.report_data));
	tdreport_seal(&r, mac_key, QGS_KEY_SIZE);
	memcpy(out, &r, sizeof(r));
}

static int connect_client(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	strcpy(a.sun_path, SOCKET_PATH);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* Runs the loop until the service closes `fd` or `limit_ms` pass; returns what came. */
static size_t collect(int fd, uint8_t *out, size_t size, int limit_ms, bool *ret_eof)
{
	size_t used = 0;
	uint64_t now, end;
	ssize_t n = -1;

	sd_event_now(event, CLOCK_MONOTONIC, &now);
	end = now + (uint64_t)limit_ms * 1000;
	while (n != 0 && now < end) {
		sd_event_run(event, 5000);
		while ((n = recv(fd, out + used, size - used, 0)) > 0)
			used += (size_t)n;
		if (n < 0 && errno == ECONNRESET)
			n = 0;
		sd_event_now(event, CLOCK_MONOTONIC, &now);
	}
	*ret_eof = n == 0;
	close(fd);
	return used;
}

static uint8_t answer[256 << 10];

static size_t ask(const void *request, size_t size, bool *ret_eof)
{
	int fd = connect_client();

	ck_assert_int_eq(send(fd, request, size, 0), (ssize_t)size);
	return collect(fd, answer, sizeof(answer), 2000, ret_eof);
}

static void frame_report(const uint8_t report[TDREPORT_SIZE],
                         uint8_t out[QGS_LENGTH_SIZE + QGS_QUOTE_REQUEST_SIZE])
{
	uint32_t length = htonl(QGS_QUOTE_REQUEST_SIZE);

	memcpy(out, &length, 4);
	qgs_request_write(report, out + QGS_LENGTH_SIZE);
}

static void assert_quote(const uint8_t *data, size_t size, const uint8_t *report, uint16_t version)
{
	struct trust_anchors anchors = {.test_root_pem = authority_root_pem(authority)};
	struct trust_verdict v;
	struct quote q;

	ck_assert_int_eq(quote_parse(data, size, &q, NULL), FORMAT_OK);
	ck_assert_uint_eq(q.version, version);
	ck_assert_mem_eq(q.td.report_data, report + 128, 64);
	ck_assert_int_eq(trust_check_quote(&q, &anchors, time(NULL), &v, NULL), 0);
	ck_assert_int_eq(v.origin, ORIGIN_EMULATED);
}

TEST_RANGE(framed, 4, 6)
{
	uint8_t report[TDREPORT_SIZE], request[QGS_LENGTH_SIZE + QGS_QUOTE_REQUEST_SIZE];
	const uint8_t *quote;
	size_t size, n;
	uint32_t error, length;
	bool eof;

	start_qgs((struct qgs_config){.quote_version = (uint16_t)_i});
	make_report(key, report);
	frame_report(report, request);
	n = ask(request, sizeof(request), &eof);
	ck_assert(eof);
	memcpy(&length, answer, 4);
	ck_assert_uint_eq(ntohl(length), n - 4);
	ck_assert_int_eq(qgs_response_parse(answer + 4, n - 4, &error, &quote, &size, NULL),
	                 FORMAT_OK);
	ck_assert_uint_eq(error, QGS_OK);
	assert_quote(quote, size, report, (uint16_t)_i);
	stop_qgs();
}

TEST(raw)
{
	uint8_t report[TDREPORT_SIZE];
	size_t n;
	bool eof;

	start_qgs((struct qgs_config){0});
	make_report(key, report);
	n = ask(report, sizeof(report), &eof);
	ck_assert(eof);
	assert_quote(answer, n, report, 4);
	stop_qgs();
}

/* A report that the guest made up, or that another boot's module made, gets no quote. */
TEST(forged_reports)
{
	uint8_t report[TDREPORT_SIZE], request[QGS_LENGTH_SIZE + QGS_QUOTE_REQUEST_SIZE];
	uint8_t forger[QGS_KEY_SIZE] = {0};
	const uint8_t *quote;
	uint32_t error;
	size_t n, size;
	bool eof;

	start_qgs((struct qgs_config){0});
	for (int i = 0; i < 5; i++) {
		make_report(i == 0 ? forger : key, report);
		if (i == 1)
			report[128] ^= 1; /* REPORTDATA */
		if (i == 2)
			report[224] ^= 1; /* the MAC */
		if (i == 3)
			report[720] ^= 1; /* RTMR0, under a hash under the MAC */
		if (i == 4)
			qgs_remove_key(qgs, key); /* a boot that is over */
		frame_report(report, request);
		n = ask(request, sizeof(request), &eof);
		ck_assert_int_eq(qgs_response_parse(answer + 4, n - 4, &error, &quote, &size, NULL),
		                 FORMAT_OK);
		ck_assert_uint_eq(error, QGS_ERROR_INVALID_PARAMETER);
		ck_assert_uint_eq(ask(report, sizeof(report), &eof), 0);
		ck_assert(eof);
	}
	make_report(other_key, report); /* the other boot's key is still good */
	ck_assert_uint_gt(ask(report, sizeof(report), &eof), 1020);
	stop_qgs();
}

/* Boots side by side, each with the version that it asked for. */
TEST_RANGE(version_by_key, 0, 2)
{
	static const uint8_t five[QGS_KEY_SIZE] = "version 5", four[QGS_KEY_SIZE] = "version 4";
	uint8_t report[TDREPORT_SIZE];
	struct quote q;
	struct err e;
	size_t n;
	bool eof;

	start_qgs((struct qgs_config){.quote_version = 4 + (_i & 1)});
	ck_assert_int_eq(qgs_add_key(qgs, five, 5, &e), 0);
	ck_assert_int_eq(qgs_add_key(qgs, four, 4, &e), 0);
	for (int i = 0; i < 3; i++) {
		make_report(i == 0 ? five : i == 1 ? four : key, report);
		n = ask(report, sizeof(report), &eof);
		ck_assert_int_eq(quote_parse(answer, n, &q, NULL), FORMAT_OK);
		ck_assert_uint_eq(q.version, i == 0 ? 5 : i == 1 ? 4 : 4 + (_i & 1));
		ck_assert_int_eq(q.body_type,
		                 q.version == 5 ? QUOTE_BODY_TDX_15 : QUOTE_BODY_TDX_10);
	}
	qgs_remove_key(qgs, five); /* the last one moves to its place, with its version */
	make_report(four, report);
	n = ask(report, sizeof(report), &eof);
	ck_assert_int_eq(quote_parse(answer, n, &q, NULL), FORMAT_OK);
	ck_assert_uint_eq(q.version, 4);
	stop_qgs();
}

TEST(malformed_requests)
{
	uint8_t report[TDREPORT_SIZE], request[QGS_LENGTH_SIZE + QGS_QUOTE_REQUEST_SIZE];
	const struct {
		size_t at;
		uint8_t value;
		uint32_t error; /* 0: the service hangs up */
	} wrong[] = {
	        {4, 2, QGS_ERROR_INVALID_VERSION},
	        {8, 6, QGS_ERROR_INVALID_TYPE},
	        {12, 0x19, QGS_ERROR_INVALID_SIZE},
	        {20, 1, QGS_ERROR_INVALID_SIZE},
	        {24, 1, QGS_ERROR_INVALID_SIZE},
	        {0, 0x80, 0},
	        {0, 1, 0},
	};
	const uint8_t *quote;
	uint32_t error;
	size_t n, size;
	bool eof;

	start_qgs((struct qgs_config){0});
	make_report(key, report);
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		frame_report(report, request);
		request[wrong[i].at] = wrong[i].value;
		n = ask(request, sizeof(request), &eof);
		ck_assert(eof);
		if (!wrong[i].error) {
			ck_assert_uint_eq(n, 0);
			continue;
		}
		ck_assert_int_eq(qgs_response_parse(answer + 4, n - 4, &error, &quote, &size, NULL),
		                 FORMAT_OK);
		ck_assert_msg(error == wrong[i].error, "case %zu: error 0x%x", i, error);
	}
	ck_assert_uint_eq(ask("\0\0\0", 4, &eof), 4 + QGS_HEADER_SIZE + 8); /* length 0 */
	stop_qgs();
}

/* Byte by byte, many at once, and some that never finish: the others are served all the same. */
TEST(slow_and_many_clients)
{
	uint8_t report[TDREPORT_SIZE];
	int slow = -1, idle[40];
	size_t n;
	bool eof;

	start_qgs((struct qgs_config){.client_deadline_ms = 300});
	make_report(key, report);
	for (int i = 0; i < 40; i++) {
		idle[i] = connect_client();
		sd_event_run(event, 0);
	}
	n = collect(idle[0], answer, sizeof(answer), 2000,
	            &eof); /* all are dropped at the deadline */
	ck_assert(eof && n == 0);
	slow = connect_client();
	for (size_t i = 0; i < sizeof(report); i++) {
		ck_assert_int_eq(send(slow, report + i, 1, 0), 1);
		sd_event_run(event, 0);
	}
	n = collect(slow, answer, sizeof(answer), 2000, &eof);
	ck_assert(eof && n > 1020);
	for (int i = 1; i < 40; i++)
		close(idle[i]);
	stop_qgs();
}

/* The loop stands still for longer than the deadline, with a request that came before it. */
TEST(loop_that_stood_still)
{
	uint8_t report[TDREPORT_SIZE];
	int fd;
	bool eof;

	start_qgs((struct qgs_config){.client_deadline_ms = 50});
	make_report(key, report);
	fd = connect_client();
	sd_event_run(event, 0); /* it is taken on */
	ck_assert_int_eq(send(fd, report, sizeof(report), 0), (ssize_t)sizeof(report));
	usleep(200000);
	ck_assert_uint_gt(collect(fd, answer, sizeof(answer), 2000, &eof), 1020);
	ck_assert(eof);
	stop_qgs();
}

/* ---- other questions ---- */

/* Each is answered in its own type; test_qgs_answer.c has the rest. */
static const uint8_t others[] = {QGS_GET_COLLATERAL_REQUEST, QGS_GET_PLATFORM_INFO_REQUEST};

TEST_EACH(other_questions, others)
{
	const uint8_t request[] = {0, 0, 0,  16, 1, 0, 1, 0, others[_i], 0,
	                           0, 0, 16, 0,  0, 0, 0, 0, 0,          0};
	uint32_t type, length;
	size_t n;
	bool eof;

	start_qgs((struct qgs_config){0});
	n = ask(request, sizeof(request), &eof);
	ck_assert(eof && n > QGS_LENGTH_SIZE + QGS_HEADER_SIZE);
	memcpy(&length, answer, 4);
	memcpy(&type, answer + 8, 4);
	ck_assert_uint_eq(ntohl(length), n - QGS_LENGTH_SIZE);
	ck_assert_uint_eq(type, others[_i] + 1u);
	stop_qgs();
}

/* Where this machine has vsock: it listens there. Few machines reach themselves by it. */
TEST(vsock)
{
	struct sockaddr_vm at = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL};
	struct qgs_config config = {.authority = authority, .vsock_port = 40000 + getpid() % 20000};
	_cleanup_(closep) int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct qgs *second;
	struct err e;

	ck_assert_int_ge(sd_event_new(&event), 0);
	if (fd < 0) {
		ck_assert_int_lt(qgs_new(event, NULL, &config, &qgs, &e), 0);
		ck_assert_ptr_nonnull(strstr(e.text, "vsock port"));
	} else {
		ck_assert_msg(qgs_new(event, NULL, &config, &qgs, &e) == 0, "%s", e.text);
		ck_assert_int_eq(qgs_new(event, NULL, &config, &second, &e), -EADDRINUSE);
		at.svm_port = config.vsock_port;
		connect(fd, (struct sockaddr *)&at, sizeof(at));
		sd_event_run(event, 1000);
		qgs_free(qgs);
	}
	sd_event_unref(event);
}

/* ---- the bridge ---- */

#define LOW    (8u << 20)
#define MEMORY (12u << 20) /* the TD's: 8 MiB low, 4 above 4 GiB */
#define RAM    (MEMORY + TDXEMU_MEMORY)
#define BUFFER 0x10000u
#define HIGH   (4ull << 30)

static struct getquote *bridge;
static int ram_fd, doorbell[2];
static uint8_t *ram;
static struct tdxemu_mailbox *mailbox;
static struct getquote_answer last;
static unsigned answers;

static void on_answer(const struct getquote_answer *a, void *userdata)
{
	(void)userdata;
	last = *a;
	answers++;
}

static void start_bridge(struct qgs_config config, bool ring)
{
	struct getquote_config g = {.ram_size = RAM,
	                            .low = LOW,
	                            .doorbell_fd = -1,
	                            .qgs_socket = SOCKET_PATH,
	                            .deadline_ms = 300,
	                            .poll_ms = ring ? 100000 : 20,
	                            .answered = on_answer};
	struct err e;

	start_qgs(config);
	ram_fd = memfd_create("ram", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(ram_fd, RAM), 0);
	ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_SHARED, ram_fd, 0);
	ck_assert_ptr_ne(ram, MAP_FAILED);
	mailbox = (struct tdxemu_mailbox *)(ram + RAM - 4096);
	if (ring) {
		ck_assert_int_eq(pipe(doorbell), 0);
		g.doorbell_fd = doorbell[0];
	}
	g.ram_fd = ram_fd;
	answers = 0;
	ck_assert_msg(getquote_new(event, &g, &bridge, &e) == 0, "%s", e.text);
}

static void stop_bridge(void)
{
	getquote_free(bridge);
	munmap(ram, RAM);
	close(ram_fd);
	stop_qgs();
}

/* What the module does at TDVMCALL<GetQuote>. `ring` is -1 for none. */
static void request(uint64_t gpa, uint64_t size, int ring)
{
	mailbox->magic = TDXEMU_MAILBOX_MAGIC;
	mailbox->entered = 1;
	mailbox->gpa = gpa;
	mailbox->size = size;
	__atomic_store_n(&mailbox->requested, mailbox->requested + 1, __ATOMIC_RELEASE);
	if (ring >= 0)
		ck_assert_int_eq(write(ring, "!", 1), 1);
}

static void wait_answer(unsigned count)
{
	for (int i = 0; i < 400 && answers < count; i++)
		sd_event_run(event, 10000);
	ck_assert_uint_eq(answers, count);
	ck_assert_uint_eq(mailbox->answered, mailbox->requested);
}

static struct get_quote_header *fill(uint8_t *buffer, const uint8_t *mac_key)
{
	struct get_quote_header *h = (struct get_quote_header *)buffer;

	*h = (struct get_quote_header){
	        .version = 1, .status = GET_QUOTE_IN_FLIGHT, .in_length = TDREPORT_SIZE};
	make_report(mac_key, buffer + sizeof(*h));
	return h;
}

TEST_RANGE(bridge_quotes, 0, 4)
{
	bool ring = _i & 1, high = _i & 2;
	uint8_t *buffer = high ? ram + LOW + BUFFER : ram + BUFFER;
	struct get_quote_header *h;
	uint8_t report[TDREPORT_SIZE];

	start_bridge((struct qgs_config){0}, ring);
	ck_assert(!getquote_entered(bridge));
	buffer = high ? ram + LOW + BUFFER : ram + BUFFER;
	make_report(key, report);
	for (unsigned i = 1; i <= 3; i++) {
		h = fill(buffer, key);
		request(high ? HIGH + BUFFER : BUFFER, 0x4000, ring ? doorbell[1] : -1);
		wait_answer(i);
		ck_assert_uint_eq(h->status, GET_QUOTE_SUCCESS);
		ck_assert_uint_eq(h->out_length, last.quote_size);
		ck_assert_str_eq(last.text, "");
		assert_quote(buffer + sizeof(*h), h->out_length, report, 4);
	}
	ck_assert(getquote_entered(bridge));
	if (ring) {
		close(doorbell[1]); /* QEMU ends: nothing may spin or fail */
		for (int i = 0; i < 5; i++)
			sd_event_run(event, 1000);
		close(doorbell[0]);
	}
	stop_bridge();
}

/* Ranges that are not wholly the TD's memory: refused, and nothing in the file changes. */
TEST(bridge_addresses)
{
	static const struct {
		uint64_t gpa, size;
	} bad[] = {
	        {LOW, 0x4000},                   /* the hole */
	        {LOW - 0x1000, 0x4000},          /* into the hole */
	        {HIGH - 0x1000, 0x4000},         /* hole into high memory */
	        {HIGH + (MEMORY - LOW), 0x4000}, /* the module's memory */
	        {HIGH + (MEMORY - LOW) - 0x1000, 0x4000},
	        {HIGH + (MEMORY - LOW) + TDXEMU_MEMORY - 0x1000, 0x1000}, /* the mailbox */
	        {BUFFER + 8, 0x4000},
	        {BUFFER, 0x3fff},
	        {BUFFER, 0},
	        {BUFFER, 0x100000},
	        {BUFFER, UINT64_MAX - 0xfff},
	        {UINT64_MAX - 0xfff, 0x1000},
	        {UINT64_MAX - 0xfff, 0x4000},
	        {1ull << 47, 0x4000},
	};

	start_bridge((struct qgs_config){0}, false);
	for (unsigned i = 0; i < COUNT_OF(bad); i++) {
		request(bad[i].gpa, bad[i].size, -1);
		wait_answer(i + 1);
		ck_assert_uint_eq(last.status, GET_QUOTE_ERROR);
		ck_assert_ptr_nonnull(strstr(last.text, "page-aligned memory of the TD"));
	}
	/* the file has no other page than the mailbox's */
	ck_assert_int_eq(lseek(ram_fd, 0, SEEK_DATA), RAM - 4096);
	stop_bridge();
}

TEST(bridge_refuses)
{
	static const uint8_t forger[QGS_KEY_SIZE] = "a guest's";
	struct get_quote_header *h;

	start_bridge((struct qgs_config){0}, false);
	for (unsigned i = 0; i < 5; i++) {
		h = fill(ram + BUFFER, i == 0 ? forger : key);
		if (i == 1)
			h->version = 2;
		if (i == 2)
			h->in_length = TDREPORT_SIZE - 1;
		if (i == 3)
			h->in_length = UINT32_MAX;
		request(BUFFER, i == 4 ? 0x1000 : 0x4000, -1); /* 4: no room for the quote */
		wait_answer(i + 1);
		ck_assert_uint_eq(h->status, GET_QUOTE_ERROR);
		ck_assert_uint_eq(h->out_length, 0);
		ck_assert_str_ne(last.text, "");
	}
	qgs_free(qgs);
	h = fill(ram + BUFFER, key);
	request(BUFFER, 0x4000, -1);
	wait_answer(6);
	ck_assert_uint_eq(h->status, GET_QUOTE_SERVICE_UNAVAILABLE);
	qgs = NULL;
	stop_bridge();
}

TEST_RANGE(bridge_and_broken_services, 0, QGS_FAULT_COUNT)
{
	static const char *const expected[QGS_FAULT_COUNT] = {
	        [QGS_FAULT_NONE] = "",
	        [QGS_FAULT_SILENT] = "did not answer in time",
	        [QGS_FAULT_VERSION] = "bad-version",
	        [QGS_FAULT_ERROR] = "refused: error 0x12001",
	        [QGS_FAULT_TRUNCATED] = "hung up",
	        [QGS_FAULT_EOF] = "hung up",
	        [QGS_FAULT_OVERSIZE] = "announces more",
	};
	struct get_quote_header *h;

	start_bridge((struct qgs_config){.fault = (enum qgs_fault)_i}, false);
	h = fill(ram + BUFFER, key);
	request(BUFFER, 0x4000, -1);
	wait_answer(1);
	ck_assert_uint_eq(h->status, _i ? GET_QUOTE_ERROR : GET_QUOTE_SUCCESS);
	ck_assert_msg(strstr(last.text, expected[_i]) != NULL, "%s: %s", qgs_fault_names[_i],
	              last.text);
	stop_bridge();
}

/* The guest changes all it can after asking: what was read first is what goes to the service. */
TEST(bridge_reads_once)
{
	uint8_t report[TDREPORT_SIZE], got[QGS_LENGTH_SIZE + QGS_QUOTE_REQUEST_SIZE];
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), fd = -1;

	start_bridge((struct qgs_config){0}, false);
	strcpy(a.sun_path, SOCKET_PATH);
	unlink(SOCKET_PATH); /* a service of our own, to see what arrives */
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	fill(ram + BUFFER, key);
	make_report(key, report);
	request(BUFFER, 0x4000, -1);
	for (int i = 0; i < 400 && (fd = accept(listener, NULL, NULL)) < 0; i++)
		sd_event_run(event, 1000);
	ck_assert_int_ge(fd, 0);
	memset(ram + BUFFER, 0xee, 0x4000);
	mailbox->gpa = HIGH;
	mailbox->size = 0x1000;
	for (int i = 0; i < 20; i++)
		sd_event_run(event, 1000);
	ck_assert_int_eq(recv(fd, got, sizeof(got), MSG_WAITALL), sizeof(got));
	ck_assert_mem_eq(got + sizeof(got) - TDREPORT_SIZE, report, TDREPORT_SIZE);
	close(fd);
	wait_answer(1);
	ck_assert_uint_eq(((struct get_quote_header *)(ram + BUFFER))->status, GET_QUOTE_ERROR);
	close(listener);
	stop_bridge();
}

TESTS("qgs", .apart = true, .timeout = 60, .before = authority_make, .after = authority_drop)
