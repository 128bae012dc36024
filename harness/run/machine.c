/* SPDX-License-Identifier: Apache-2.0 */
#include "run/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "format/q35.h"
#include "format/tdx.h"
#include "format/tdxemu.h"
#include "plan/tdparams.h"
#include "run/getquote.h"
#include "run/ram.h"

#define MODULE_MAX    (16u << 20) /* bytes of the module's binary */
#define TAIL_LINES    20
#define COMPLAINT_MAX 140

struct machine {
	struct process *process;
	struct argv argv;
	int channel;
	struct sink *console, *output, *log;
	struct getquote *getquote;
	struct qgs *qgs;
	bool found; /* it was there: the process is its agent */
	bool keyed; /* the quoting service knows `key` */
	uint8_t key[QGS_KEY_SIZE];
};

/* QEMU's ends, closed here once QEMU has them. */
struct far_ends {
	struct qemu_fds fd;
	int output;
};

static void far_ends_close(struct far_ends *f)
{
	int all[] = {f->fd.channel, f->fd.console,  f->fd.ram, f->fd.module,
	             f->fd.log,     f->fd.doorbell, f->output};

	for (size_t i = 0; i < COUNT_OF(all); i++) {
		if (all[i] >= 0)
			close(all[i]);
	}
}

static int pair(int *near, int *far, struct err *e)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return err_sys(e, -errno, "socketpair");
	*near = fd[0];
	*far = fd[1];
	return 0;
}

static int stream(sd_event *event, int dir_fd, const char *name, int *far, struct sink **ret,
                  struct err *e)
{
	int near = -1, r = pair(&near, far, e);

	return r < 0 ? r : sink_new(event, near, dir_fd, name, SINK_LIMIT, ret, e);
}

/* The module's image with its configuration appended, in memory only: it carries the MAC key. */
static int module_image(const char *path, const struct tdxemu_config *config, int *ret,
                        struct err *e)
{
	_cleanup_(bytes_free) struct bytes module = {0};
	_cleanup_(closep) int out = -1;
	int r = file_read(path, MODULE_MAX, &module, e);

	if (r < 0)
		return r;
	if (module.size == 0)
		return err_set(e, -EINVAL, "%s: an empty file is no module", path);
	out = memfd_create("tception-module", MFD_CLOEXEC);
	if (out < 0)
		return err_sys(e, -errno, "memfd_create");
	r = file_write_fd(out, module.data, module.size);
	if (r == 0)
		r = file_write_fd(out, config, sizeof(*config));
	if (r < 0)
		return err_sys(e, r, "module image");
	*ret = TAKE_FD(out);
	return 0;
}

static int add_key(struct machine *m, const struct machine_spec *s, struct err *e)
{
	int r;

	if (!s->qgs)
		return err_set(e, -EINVAL, "no quoting service for an emulated TD");
	if (getrandom(m->key, sizeof(m->key), 0) != sizeof(m->key))
		return err_sys(e, -errno, "getrandom");
	r = qgs_add_key(s->qgs, m->key,
	                layer_word(&s->boot->layer0, AXIS_QUOTE) == WORD_QUOTE_V5 ? 5 : 4, e);
	if (r < 0)
		return r;
	m->qgs = s->qgs;
	m->keyed = true;
	return 0;
}

static int bridge(struct machine *m, sd_event *event, const struct machine_spec *s,
                  const struct tdxemu_config *config, const struct far_ends *far, int doorbell,
                  struct err *e)
{
	struct getquote_config g = {
	        .ram_fd = far->fd.ram,
	        .ram_size = config->memory + TDXEMU_MEMORY,
	        .low = config->low,
	        .doorbell_fd = doorbell,
	        .qgs_socket = s->qgs_socket,
	};

	return getquote_new(event, &g, &m->getquote, e);
}

/* Everything an emulated TD has beyond a plain VM. */
static int prepare_emulated(struct machine *m, sd_event *event, const struct machine_spec *s,
                            struct far_ends *far, struct err *e)
{
	struct tdxemu_config config = {
	        .magic = TDXEMU_CONFIG_MAGIC,
	        .version = TDXEMU_CONFIG_VERSION,
	        .vcpus = s->boot->vcpus,
	        .tsc_khz = s->tsc_khz,
	};
	_cleanup_(closep) int doorbell = -1;
	struct td_params params;
	int r;

	td_params_of(&s->boot->layer0, &params);
	config.attributes = params.attributes;
	memcpy(config.mrconfigid, params.mrconfigid, sizeof(config.mrconfigid));
	memcpy(config.mrowner, params.mrowner, sizeof(config.mrowner));
	memcpy(config.mrownerconfig, params.mrownerconfig, sizeof(config.mrownerconfig));
	qemu_module_memory(s->boot, &config);
	config.flags |= s->module_flags;
	r = add_key(m, s, e);
	if (r < 0)
		return r;
	memcpy(config.mac_key, m->key, sizeof(config.mac_key));
	r = module_image(s->parts->module, &config, &far->fd.module, e);
	explicit_bzero(config.mac_key, sizeof(config.mac_key));
	if (r < 0)
		return r;
	r = ram_file(tdxemu_ram_size(&config), &far->fd.ram, e);
	if (r < 0)
		return r;
	r = stream(event, s->dir_fd, "module.log", &far->fd.log, &m->log, e);
	if (r < 0)
		return r;
	r = pair(&doorbell, &far->fd.doorbell, e);
	if (r < 0)
		return r;
	return bridge(m, event, s, &config, far, doorbell, e);
}

static int prepare(struct machine *m, sd_event *event, const struct machine_spec *s,
                   struct far_ends *far, struct err *e)
{
	int r;

	r = pair(&m->channel, &far->fd.channel, e);
	if (r < 0)
		return r;
	if (fcntl(m->channel, F_SETFL, fcntl(m->channel, F_GETFL) | O_NONBLOCK) < 0)
		return err_sys(e, -errno, "fcntl");
	if (s->boot->layer0.kind->found)
		return stream(event, s->dir_fd, "qemu.log", &far->output, &m->output, e);
	if (s->console_fd > 0)
		far->fd.console = s->console_fd;
	else
		r = stream(event, s->dir_fd, "console.log", &far->fd.console, &m->console, e);
	if (r < 0)
		return r;
	r = stream(event, s->dir_fd, "qemu.log", &far->output, &m->output, e);
	if (r < 0)
		return r;
	if (s->boot->platform == PLATFORM_EMULATED)
		return prepare_emulated(m, event, s, far, e);
	return 0;
}

/* Its channel is a program's input and output. */
static int launch_found(struct machine *m, sd_event *event, const struct machine_spec *s,
                        const struct far_ends *far, process_ended_fn ended, void *userdata,
                        struct err *e)
{
	struct process_spec p = {.channel = far->fd.channel, .output = far->output};
	int r = here_argv(&s->here, &m->argv, e);

	m->found = true;
	p.argv = m->argv.item;
	return r < 0 ? r : process_start(event, &p, ended, userdata, &m->process, e);
}

static int launch(struct machine *m, sd_event *event, const struct machine_spec *s,
                  const struct far_ends *far, process_ended_fn ended, void *userdata, struct err *e)
{
	struct qemu_spec qemu = {.boot = s->boot,
	                         .parts = s->parts,
	                         .qemu = s->qemu,
	                         .qemu_version = s->qemu_version,
	                         .quotes = s->quotes,
	                         .tsc_khz = s->tsc_khz,
	                         .port = s->port,
	                         .ports = s->ports,
	                         .further = s->further,
	                         .alone = s->alone,
	                         .fd = far->fd};
	int keep[6 + MACHINE_PORTS_MAX] = {far->fd.channel, far->fd.console, far->fd.ram,
	                                   far->fd.module,  far->fd.log,     far->fd.doorbell};
	struct process_spec p = {.keep = keep, .output = far->output};
	int r;

	/* A plain VM has only the first two. */
	p.keeps = s->boot->platform == PLATFORM_EMULATED ? 6 : 2;
	for (size_t i = 0; i < s->ports && i < MACHINE_PORTS_MAX; i++)
		keep[p.keeps++] = s->port[i].fd;
	r = qemu_argv(&qemu, &m->argv, e);
	if (r < 0)
		return r;
	p.argv = m->argv.item;
	return process_start(event, &p, ended, userdata, &m->process, e);
}

int machine_start(sd_event *event, const struct machine_spec *spec, process_ended_fn ended,
                  void *userdata, struct machine **ret, struct err *e)
{
	struct far_ends far = {.fd = {-1, -1, -1, -1, -1, -1}, .output = -1};
	struct machine *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return err_nomem(e);
	m->channel = -1;
	r = prepare(m, event, spec, &far, e);
	if (r == 0)
		r = (spec->boot->layer0.kind->found ? launch_found : launch)(
		        m, event, spec, &far, ended, userdata, e);
	far_ends_close(&far);
	for (size_t i = 0; i < spec->ports; i++)
		close(spec->port[i].fd);
	if (r < 0) {
		machine_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

bool machine_adopt(struct machine *m, process_ended_fn ended, void *userdata)
{
	return process_adopt(m->process, ended, userdata);
}

void machine_kill(struct machine *m)
{
	process_kill(m->process);
}

void machine_free(struct machine *m)
{
	if (!m)
		return;
	process_free(m->process);
	getquote_free(m->getquote);
	if (m->keyed)
		qgs_remove_key(m->qgs, m->key);
	explicit_bzero(m->key, sizeof(m->key));
	sink_free(m->console);
	sink_free(m->output);
	sink_free(m->log);
	if (m->channel >= 0)
		close(m->channel);
	argv_done(&m->argv);
	free(m);
}

int machine_channel(const struct machine *m)
{
	return m->channel;
}

char *const *machine_argv(const struct machine *m)
{
	return m->argv.item;
}

struct sink *machine_console(const struct machine *m)
{
	return m->console;
}

static char *last_lines(struct sink *s, unsigned lines)
{
	if (!s)
		return strdup("");
	sink_drain(s);
	return sink_tail(s, lines);
}

char *machine_console_tail(const struct machine *m)
{
	char *text = last_lines(m->console, TAIL_LINES);

	if (!m->log || (text && *text))
		return text;
	free(text);
	return last_lines(m->log, TAIL_LINES);
}

char *machine_qemu_said(const struct machine *m)
{
	return last_lines(m->output, TAIL_LINES);
}

/*
 * The first line that is no warning, as the later ones follow from it; else the last of the
 * software TDX module's. Without QEMU's name, and of a long one the end: QEMU repeats the option at
 * fault before it says what is wrong with it.
 */
static void complaint(const struct machine *m, char out[COMPLAINT_MAX + 1])
{
	_cleanup_(freep) char *said = machine_qemu_said(m);
	_cleanup_(freep) char *module = last_lines(m->log, 1);
	char *rest = said, *line, *found = NULL;
	size_t length;

	while (!found && rest && (line = strsep(&rest, "\n"))) {
		if (*line && !strstr(line, "warning:"))
			found = line;
	}
	if (!found)
		found = module ? module : (char *)"";
	else if (strncmp(found, "qemu-system-", 12) == 0 && strstr(found, ": "))
		found = strstr(found, ": ") + 2;
	length = strlen(found);
	snprintf(out, COMPLAINT_MAX + 1, "%s",
	         found + (length > COMPLAINT_MAX ? length - COMPLAINT_MAX : 0));
}

void machine_describe_silence(const struct machine *m, uint64_t now_us, char *out, size_t size)
{
	uint64_t last = 0;

	if (m && m->console) {
		sink_drain(m->console);
		last = sink_last_usec(m->console);
	}
	if (last == 0)
		snprintf(out, size, "the console said nothing");
	else
		snprintf(out, size, "the console has been silent for %.0f s",
		         (double)(now_us - last) / 1e6);
}

void machine_describe_end(const struct machine *m, int code, int status, char *out, size_t size)
{
	char why[COMPLAINT_MAX + 1];

	complaint(m, why);
	if (m->found && code == CLD_EXITED)
		snprintf(out, size, "the agent ended with exit status %d%s%s", status,
		         *why ? ": " : "", why);
	else if (code == CLD_EXITED && status == 0)
		snprintf(out, size, "the guest ended by itself (QEMU's exit status is 0)");
	else if (code == CLD_EXITED)
		snprintf(out, size, "QEMU ended with exit status %d%s%s", status, *why ? ": " : "",
		         why);
	else
		snprintf(out, size, "QEMU was killed by signal %d (%s)", status, strsignal(status));
}
