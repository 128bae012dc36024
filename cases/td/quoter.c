// SPDX-License-Identifier: Apache-2.0
/*
 * A program as others write them, which knows nothing of tception: makes a quote over the bytes of its second argument by
 * one of the ways that a TD has, and writes it to standard output. quoter configfs|ioctl|vsock TEXT
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUOTE_MAX 65536
#define QGS_PORT  4050

struct tdx_report_req { /* linux/tdx-guest.h */
	uint8_t reportdata[64], tdreport[1024];
};
#define TDX_CMD_GET_REPORT0 _IOWR('T', 1, struct tdx_report_req)

static uint8_t out[QUOTE_MAX];

static int fail(const char *what)
{
	perror(what);
	exit(1);
}

static size_t by_configfs(const uint8_t data[64])
{
	char dir[100], path[120];
	int fd;
	ssize_t n;

	snprintf(dir, sizeof(dir), "/sys/kernel/config/tsm/report/quoter-%d", (int)getpid());
	if (mkdir(dir, 0700) < 0)
		fail(dir);
	snprintf(path, sizeof(path), "%s/inblob", dir);
	if ((fd = open(path, O_WRONLY)) < 0 || write(fd, data, 64) != 64)
		fail(path);
	close(fd);
	snprintf(path, sizeof(path), "%s/outblob", dir);
	if ((fd = open(path, O_RDONLY)) < 0 || (n = read(fd, out, sizeof(out))) <= 0)
		fail(path);
	close(fd);
	rmdir(dir);
	return (size_t)n;
}

static size_t by_ioctl(const uint8_t data[64], uint8_t report[1024])
{
	struct tdx_report_req r;
	int fd = open("/dev/tdx_guest", O_RDWR);

	memcpy(r.reportdata, data, 64);
	if (fd < 0 || ioctl(fd, TDX_CMD_GET_REPORT0, &r) < 0)
		fail("/dev/tdx_guest");
	memcpy(report, r.tdreport, 1024);
	return 1024;
}

static void get(int fd, void *to, size_t size)
{
	for (char *p = to; size;) {
		ssize_t n = read(fd, p, size);

		if (n <= 0)
			fail("vsock");
		p += n;
		size -= (size_t)n;
	}
}

/* Intel's protocol of the quoting service, version 1.0: a length, then GET_QUOTE with a report and no IDs. */
static size_t by_vsock(const uint8_t data[64])
{
	struct __attribute__((packed)) {
		uint32_t length;
		uint16_t major, minor;
		uint32_t type, size, error, report_size, ids_size;
		uint8_t report[1024];
	} q = {.length = htonl(sizeof(q) - 4), .major = 1, .size = sizeof(q) - 4, .report_size = 1024};
	struct sockaddr_vm host = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = QGS_PORT};
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
	uint32_t head[6], length;

	by_ioctl(data, q.report);
	if (fd < 0 || connect(fd, (struct sockaddr *)&host, sizeof(host)) < 0 || write(fd, &q, sizeof(q)) != sizeof(q))
		fail("vsock");
	get(fd, &length, 4);
	get(fd, head, sizeof(head)); /* version, type, size, error, size of the ID, size of the quote */
	if (head[3] || head[4] || head[5] > sizeof(out) || ntohl(length) != sizeof(head) + head[5]) {
		fprintf(stderr, "the quoting service answered error %#x\n", head[3]);
		exit(1);
	}
	get(fd, out, head[5]);
	return head[5];
}

int main(int argc, char **argv)
{
	uint8_t data[64] = {0};
	size_t size;

	if (argc != 3 || strlen(argv[2]) > sizeof(data))
		return 2;
	memcpy(data, argv[2], strlen(argv[2]));
	if (strcmp(argv[1], "configfs") == 0)
		size = by_configfs(data);
	else if (strcmp(argv[1], "ioctl") == 0)
		size = by_ioctl(data, out);
	else
		size = by_vsock(data);
	return fwrite(out, 1, size, stdout) != size;
}
