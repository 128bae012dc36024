/* SPDX-License-Identifier: Apache-2.0 */
/* Who could get in: listening sockets, remote shells, accounts with a password. */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/vm_sockets_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/driver.h"
#include "agent/passwords.h"
#include "agent/probe.h"
#include "agent/util.h"

#define LISTED_MAX 64 /* of each kind */
#define LISTENING  10 /* TCP_LISTEN, also of vsock */

/* Of engines that are not ours. */
static const char *const other_sockets[] = {"/run/crio/crio.sock", "/run/lxd.socket",
                                            "/run/incus/unix.socket"};

static const char *const shell_names[] = {"sshd",    "dropbear",   "tinysshd",
                                          "telnetd", "in.telnetd", "utelnetd"};
static const char *const shell_folders[] = {"/usr/sbin", "/usr/bin",        "/sbin",
                                            "/bin",      "/usr/local/sbin", "/usr/local/bin"};

/* ---- sockets ---- */
/* "0100007F": words of four bytes, each as this machine's memory has them. */
static bool parse_address(const char *hex, size_t digits, char out[INET6_ADDRSTRLEN])
{
	uint32_t word[4];

	if (digits != 8 && digits != 32)
		return false;
	for (size_t i = 0; i < digits / 8; i++) {
		char text[9] = {0};
		memcpy(text, hex + 8 * i, 8);
		word[i] = (uint32_t)strtoul(text, NULL, 16);
	}
	return inet_ntop(digits == 8 ? AF_INET : AF_INET6, word, out, INET6_ADDRSTRLEN) != NULL;
}

/* Lines "  0: 0100007F:0016 00000000:0000 0A ...". */
static void add_tcp(json_t *list, const char *path, const char *protocol)
{
	_cleanup_(util_freep) char *text = NULL;
	char *rest = NULL;

	if (util_read_file(path, 1 << 20, &text, NULL) < 0)
		return;
	strtok_r(text, "\n", &rest); /* the heading */
	for (char *line;
	     (line = strtok_r(NULL, "\n", &rest)) && json_array_size(list) < LISTED_MAX;) {
		char local[40], address[INET6_ADDRSTRLEN];
		unsigned port, state;
		if (sscanf(line, " %*u: %32[0-9A-F]:%x %*s %x", local, &port, &state) != 3 ||
		    state != LISTENING || !parse_address(local, strlen(local), address))
			continue;
		json_array_append_new(list, json_pack("{s:s,s:s,s:i}", "protocol", protocol,
		                                      "address", address, "port", (int)port));
	}
}

/* vsock has no file in /proc: a netlink dump. 0 or the errno of what is not there. */
static int add_vsock(json_t *list)
{
	_cleanup_(util_closep) int fd =
	        socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct {
		struct nlmsghdr header;
		struct vsock_diag_req request;
	} ask = {.header = {.nlmsg_len = sizeof(ask),
	                    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
	                    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
	         .request = {.sdiag_family = AF_VSOCK, .vdiag_states = 1u << LISTENING}};
	char answer[8192] __attribute__((aligned(NLMSG_ALIGNTO)));

	if (fd < 0 || send(fd, &ask, sizeof(ask), 0) < 0)
		return errno;
	for (;;) {
		ssize_t n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT); /* it answers at once */
		if (n <= 0)
			return n < 0 ? errno : EPROTO;
		struct nlmsghdr *h = (struct nlmsghdr *)answer;
		for (unsigned left = (unsigned)n; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			struct vsock_diag_msg m;
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return -((struct nlmsgerr *)NLMSG_DATA(h))->error;
			if (h->nlmsg_len < NLMSG_LENGTH(sizeof(m)))
				return EPROTO;
			memcpy(&m, NLMSG_DATA(h), sizeof(m));
			if (m.vdiag_state == LISTENING && json_array_size(list) < LISTED_MAX)
				json_array_append_new(list,
				                      json_pack("{s:s,s:s,s:I}", "protocol",
				                                "vsock", "address", "", "port",
				                                (json_int_t)m.vdiag_src_port));
		}
	}
}

/* Lines "Num RefCount Protocol Flags Type St Inode Path"; flag 0x10000: it accepts connections. */
static json_t *unix_listeners(void)
{
	_cleanup_(util_freep) char *text = NULL;
	json_t *list = json_array();
	char *rest = NULL;

	if (util_read_file("/proc/self/net/unix", 1 << 20, &text, NULL) < 0)
		return list;
	strtok_r(text, "\n", &rest);
	for (char *line;
	     (line = strtok_r(NULL, "\n", &rest)) && json_array_size(list) < LISTED_MAX;) {
		unsigned flags;
		int path = 0;
		if (sscanf(line, "%*s %*s %*s %x %*s %*s %*s %n", &flags, &path) != 1 ||
		    !(flags & 0x10000) || path == 0 || !line[path])
			continue;
		json_array_append_new(list, util_json_text(line + path, strlen(line + path)));
	}
	return list;
}

static int try_connect(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	_cleanup_(util_closep) int fd =
	        socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	return fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? errno : 0;
}

static void add_engine(json_t *list, const char *path)
{
	int error = try_connect(path);

	if (error != ENOENT && error != ENOTDIR)
		json_array_append_new(list, json_pack("{s:s,s:i}", "path", path, "errno", error));
}

static json_t *engines(void)
{
	json_t *list = json_array();
	const struct driver *d;

	for (size_t i = 0; (d = driver_at(i)) != NULL; i++) {
		for (size_t k = 0; k < COUNT_OF(d->daemons) && d->daemons[k]; k++)
			add_engine(list, d->daemons[k]->socket);
		for (size_t k = 0; k < COUNT_OF(d->sockets) && d->sockets[k]; k++)
			add_engine(list, d->sockets[k]);
	}
	for (size_t i = 0; i < COUNT_OF(other_sockets); i++)
		add_engine(list, other_sockets[i]);
	return list;
}

/* ---- remote shells ---- */
static bool is_shell(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(shell_names); i++) {
		if (strcmp(name, shell_names[i]) == 0)
			return true;
	}
	return false;
}

static json_t *shell_processes(void)
{
	json_t *list = json_array();
	DIR *dir = opendir("/proc");
	struct dirent *d;

	while (dir && (d = readdir(dir)) && json_array_size(list) < LISTED_MAX) {
		char path[300];
		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", d->d_name);
		_cleanup_(util_freep) char *name = util_read_line(path);
		if (name && is_shell(name))
			json_array_append_new(list, json_string(name));
	}
	if (dir)
		closedir(dir);
	return list;
}

static json_t *shell_programs(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < COUNT_OF(shell_folders); i++) {
		for (size_t k = 0; k < COUNT_OF(shell_names); k++) {
			char path[64];
			snprintf(path, sizeof(path), "%s/%s", shell_folders[i], shell_names[k]);
			if (access(path, X_OK) == 0)
				json_array_append_new(list, json_string(path));
		}
	}
	return list;
}

json_t *probe_entry(void *unused)
{
	json_t *listening = json_array();

	(void)unused;
	add_tcp(listening, "/proc/self/net/tcp", "tcp");
	add_tcp(listening, "/proc/self/net/tcp6", "tcp6");
	int vsock = add_vsock(listening);
	json_t *fact = json_pack("{s:o,s:i,s:o,s:o,s:o,s:o}", "listening", listening, "vsock",
	                         vsock, "unix", unix_listeners(), "engines", engines(), "processes",
	                         shell_processes(), "programs", shell_programs());
	passwords_add(fact);
	return fact;
}
