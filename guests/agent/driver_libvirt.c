/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A domain of libvirt's QEMU driver, as driver_qemu.c's machines: with KVM a Linux guest, without
 * the tiny one. The daemon starts QEMU, which is no child of ours: its line is a socket.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/delegate.h"
#include "agent/driver.h"
#include "agent/libvirt.h"
#include "agent/nested.h"
#include "agent/util.h"

#define RUN       "/run/libvirt"
#define URI       "qemu:///system"
#define SAID      RUN_DIR "/virsh.log"
#define REMOVE_MS 20000

/* ---- its daemons ---- */
static bool answers(const char *path)
{
	_cleanup_(util_closep) int fd = daemon_connect(path);

	return fd >= 0;
}

static void logd_command(struct command *c)
{
	command_add(c, "virtlogd");
}

static void libvirtd_command(struct command *c)
{
	command_add(c, "libvirtd");
}

#define ITS_MODES (1u << MODE_KVM | 1u << MODE_TCG)
static const struct daemon virtlogd = {.name = "virtlogd",
                                       .modes = ITS_MODES,
                                       .socket = RUN "/virtlogd-sock",
                                       .log = RUN_DIR "/virtlogd.log",
                                       .answers = answers,
                                       .command = logd_command};
static const struct daemon libvirtd = {.name = "libvirtd",
                                       .modes = ITS_MODES,
                                       .socket = RUN "/libvirt-sock",
                                       .log = RUN_DIR "/libvirtd.log",
                                       .answers = answers,
                                       .command = libvirtd_command};

/* ---- a line ---- */
static bool pass(struct pollfd *from, int to)
{
	char data[4096];
	ssize_t n;

	if (!(from->revents & (POLLIN | POLLHUP | POLLERR)))
		return true;
	n = read(from->fd, data, sizeof(data));
	if (n > 0)
		return util_write_all(to, data, (size_t)n) == 0;
	from->fd = -1;
	return false;
}

static int relay(const char *path)
{
	_cleanup_(util_closep) int line = daemon_connect(path);
	struct pollfd fd[] = {{.fd = STDIN_FILENO, .events = POLLIN},
	                      {.fd = line, .events = POLLIN}};

	if (line < 0) {
		util_log("%s: %s", path, strerror(errno));
		return 1;
	}
	while (poll(fd, COUNT_OF(fd), -1) >= 0 || errno == EINTR) {
		pass(&fd[0], line); /* its end is not the domain's */
		if (!pass(&fd[1], STDOUT_FILENO))
			break;
	}
	return 0;
}

int domain_main(const char *line, const char *xml)
{
	/* Its first line says what was tried, and the next one why not. */
	static const char create[] =
	        "virsh --connect " URI " --quiet create /dev/stdin >" SAID
	        " 2>&1 || { sed '1{/Failed to create/d}' " SAID " >&2; exit 1; }";
	FILE *virsh = popen(create, "we");

	if (!virsh) {
		util_log("virsh: %s", strerror(errno));
		return 1;
	}
	fputs(xml, virsh);
	return pclose(virsh) == 0 ? relay(line) : 1;
}

/* ---- a domain ---- */
static void add_boot(FILE *out, const char *kernel, bool kvm)
{
	char append[NESTED_APPEND_MAX];

	fprintf(out, "<os><type arch='x86_64' machine='q35'>hvm</type><kernel>%s</kernel>", kernel);
	if (kvm) {
		nested_append(append);
		fprintf(out, "<initrd>" NESTED_INITRD "</initrd><cmdline>%s</cmdline>", append);
	}
	fprintf(out, "</os><features><acpi/></features><on_reboot>destroy</on_reboot>");
	if (kvm)
		fprintf(out, "<cpu mode='host-passthrough'/>");
}

/* A Linux guest finds its lines by the names of virtio ports, the tiny one has two serial ones. */
static void add_line(FILE *out, const char *type, const char *mode, const char *path,
                     const char *port)
{
	fprintf(out, "<%s type='%s'><source%s path='%s'/>", port ? "channel" : "serial", type, mode,
	        path);
	if (port)
		fprintf(out, "<target type='virtio' name='%s'/>", port);
	fprintf(out, "</%s>", port ? "channel" : "serial");
}

static void add_devices(FILE *out, const struct entry *e, const char *line, bool kvm)
{
	fprintf(out, "<devices><controller type='usb' model='none'/><memballoon model='none'/>");
	add_line(out, "unix", " mode='bind'", line, kvm ? "tception" : NULL);
	if (e->broker.pid)
		add_line(out, "dev", "", e->broker.path, kvm ? BROKER_PORT : NULL);
	fprintf(out, "</devices>");
	if (!kvm)
		fprintf(out,
		        "<qemu:commandline><qemu:arg value='-device'/><qemu:arg "
		        "value='isa-debug-exit,iobase=0xf4,iosize=4'/></qemu:commandline>");
}

/* As `virsh create` reads it. */
static char *domain(const struct entry *e, const char *kernel, const char *line)
{
	const bool kvm = e->layer.mode == MODE_KVM;
	const unsigned asked = layer_number(&e->layer, AXIS_MEM);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out,
	        "<domain type='%s' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
	        "<name>%s</name><memory unit='MiB'>%u</memory>",
	        kvm ? "kvm" : "qemu", e->name, asked ? asked : NESTED_MIB);
	add_boot(out, kernel, kvm);
	add_devices(out, e, line, kvm);
	fprintf(out, "</domain>");
	return fclose(out) == 0 ? text : NULL;
}

static int find_parts(struct entry *e, char kernel[128], struct trouble *t)
{
	int r;

	if (e->layer.mode == MODE_KVM) {
		r = nested_kernel(kernel, t);
		if (r == 0)
			r = nested_initrd(NESTED_INITRD, NULL, t);
		command_measure(&e->command, "initrd", NESTED_INITRD);
		if (r == 0) /* its QEMU is no root's: as systemd's rules have it */
			r = delegate_change(&e->container, "/dev/kvm", (uid_t)-1, (gid_t)-1, 0666,
			                    t);
	} else {
		r = nested_tiny(TINY_FILE, kernel, t);
	}
	command_measure(&e->command, "kernel", kernel);
	return r;
}

static int prepare(struct entry *e, struct trouble *t)
{
	char kernel[128] = "", line[108];
	int r = find_parts(e, kernel, t);

	if (r == 0 && layer_has(&e->layer, GRANT_BROKER))
		r = broker_line_start(&e->broker, t);
	if (r < 0)
		return r;
	snprintf(line, sizeof(line), RUN_DIR "/%s.line", e->name);
	_cleanup_(util_freep) char *xml = domain(e, kernel, line);
	command_add_all(&e->command, AGENT_FILE, DOMAIN_WORD, line, xml ? xml : "", NULL);
	return xml ? 0 : trouble_set(t, -ENOMEM, "domain", "%s", strerror(ENOMEM));
}

static void clean(const struct entry *e)
{
	command_quiet(REMOVE_MS, "virsh", "--connect", URI, "--quiet", "destroy", e->name, NULL);
}

static const struct driver libvirt = {.kind = KIND_LIBVIRT,
                                      .prepare = prepare,
                                      .stop = clean,
                                      .clean = clean,
                                      .good_exit = -1,
                                      .daemons = {&virtlogd, &libvirtd}};
DRIVER(libvirt);
