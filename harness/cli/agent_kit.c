/* SPDX-License-Identifier: Apache-2.0 */
/* What has to be in an image of one's own, for `run --disk` and for `local`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cmd.h"
#include "cli/options.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/install.h"
#include "format/text.h"

#define AGENT_MAX (64u << 20)
#define AGENT     "tception-agent"

static const char unit[] =
        "# The agent as a service: it answers on the virtio port `tception`, which starts it.\n"
        "[Unit]\n"
        "Description=tception agent\n"
        "SuccessAction=poweroff-force\n"
        "\n"
        "[Service]\n"
        "ExecStartPre=-modprobe -q tdx_guest\n"
        "ExecStart=/usr/lib/tception/" AGENT " port\n"
        "StandardOutput=journal+console\n";

static const char rules[] =
        "# udev: where the harness has given the machine a port, and nowhere else.\n"
        "ACTION==\"add\", SUBSYSTEM==\"virtio-ports\", ATTR{name}==\"tception\", TAG+=\"systemd\", "
        "ENV{SYSTEMD_WANTS}+=\"tception.service\"\n";

static const char hook[] =
        "#!/bin/sh\n"
        "# initramfs-tools: /etc/initramfs-tools/hooks/tception, for a root file system that can't be\n"
        "# changed. The agent comes along in the initramfs.\n"
        "[ \"$1\" = prereqs ] && exit 0\n"
        ". /usr/share/initramfs-tools/hook-functions\n"
        "kit=/usr/lib/tception\n"
        "copy_exec $kit/" AGENT "\n"
        "sed \"s,=$kit/,=/run/tception/,; /^ExecStart=/i ExecStartPre=chmod 0755 /run/tception/" AGENT
        "\" $kit/tception.service >\"$DESTDIR$kit/tception.service\"\n"
        "cp $kit/90-tception.rules \"$DESTDIR$kit/\"\n";

/* /run goes on where the root file system takes over, and is noexec; there may be neither cp nor chmod. */
static const char script[] =
        "#!/bin/sh\n"
        "# initramfs-tools: /etc/initramfs-tools/scripts/init-bottom/tception. The agent goes to /run,\n"
        "# where systemd and udev of the root file system take their files from, too.\n"
        "[ \"$1\" = prereqs ] && exit 0\n"
        "mkdir -p /run/tception /run/systemd/system /run/udev/rules.d\n"
        "mount -t tmpfs -o mode=0755,nosuid,nodev tception /run/tception\n"
        "cat /usr/lib/tception/" AGENT " >/run/tception/" AGENT "\n"
        "cat /usr/lib/tception/tception.service >/run/systemd/system/tception.service\n"
        "cat /usr/lib/tception/90-tception.rules >/run/udev/rules.d/90-tception.rules\n";

static const char mkosi[] =
        "# mkosi --include=DIR, the folder of this file, whose other files these are.\n"
        "# The modules virtio_console and tdx_guest have to be in the image's kernel.\n"
        "[Content]\n"
        "ExtraTrees=\n"
        "    " AGENT ":/usr/lib/tception/" AGENT "\n"
        "    tception.service:/usr/lib/systemd/system/tception.service\n"
        "    90-tception.rules:/usr/lib/udev/rules.d/90-tception.rules\n";

static const char readme[] =
        "# tception in an image of your own\n"
        "\n"
        "| file | where it goes |\n"
        "|---|---|\n"
        "| `" AGENT "` | `/usr/lib/tception/` of the image, mode 0755: one static program |\n"
        "| `tception.service` | `/usr/lib/systemd/system/`; not to be enabled, the next one starts it |\n"
        "| `90-tception.rules` | `/usr/lib/udev/rules.d/` |\n"
        "| `initramfs-hook`, `initramfs-script` | where the image's root can't be changed: "
        "`/etc/initramfs-tools/hooks/tception` and `scripts/init-bottom/tception` beside that, of the system that "
        "makes its initramfs, with these three in its `/usr/lib/tception/`; nothing in the image itself |\n"
        "| `mkosi.conf` | `mkosi --include=DIR`, this folder, puts these three there |\n"
        "| `user-data` | cloud-init's NoCloud seed: writes and starts both in an image as it is |\n"
        "\n"
        "Then `tception run --disk IMAGE --boot-deadline 900 CASES`: what is slow under emulation is the\n"
        "image's own boot. Layers are entered with the engines that the image has.\n"
        "On a machine that is there already: `" AGENT "` in its PATH, and `tception run --ssh HOST cases/local.yaml`.\n";

static int put(const char *dir, const char *name, const void *data, size_t size, mode_t mode,
               struct err *e)
{
	char path[PATH_MAX];
	int r = path_join(path, dir, name, e);

	if (r == 0)
		r = file_write(path, data, size, e);
	if (r == 0 && chmod(path, mode) < 0)
		r = err_sys(e, -errno, "%s", path);
	return r;
}

/* cloud-init takes files in base64; the agent is one of a few megabytes, as NoCloud can carry. */
static int put_user_data(const char *dir, struct bytes agent, struct err *e)
{
	_cleanup_(file_abandon) struct file_new f = {0};
	_cleanup_(freep) char *text = malloc(BASE64_ENCODED_SIZE(agent.size));
	char path[PATH_MAX];
	int r = path_join(path, dir, "user-data", e);

	if (!text)
		return err_nomem(e);
	if (r < 0 || (r = file_begin(&f, path, e)) < 0)
		return r;
	base64_encode(agent.data, agent.size, text);
	fprintf(f.stream,
	        "#cloud-config\n"
	        "write_files:\n"
	        "- path: /usr/lib/tception/" AGENT "\n"
	        "  permissions: '0755'\n"
	        "  encoding: b64\n"
	        "  content: %s\n"
	        "- path: /etc/systemd/system/tception.service\n"
	        "  content: |\n",
	        text);
	for (const char *line = unit; *line; line += strcspn(line, "\n") + 1)
		fprintf(f.stream, "    %.*s\n", (int)strcspn(line, "\n"), line);
	fprintf(f.stream, "runcmd:\n- [systemctl, daemon-reload]\n"
	                  "- [systemctl, start, --no-block, tception.service]\n");
	return file_commit(&f, e);
}

static int write_kit(const char *dir, const char *program, struct err *e)
{
	_cleanup_(bytes_free) struct bytes agent = {0};
	char own[PATH_MAX], path[PATH_MAX];
	bool installed;
	int r = install_dir(own, &installed, e);

	if (r == 0)
		r = program ? path_format(path, e, "%s", program) : path_join(path, own, "agent", e);
	if (r == 0)
		r = file_read(path, AGENT_MAX, &agent, e);
	if (r < 0 || (r = file_make_dirs(dir, 0777, e)) < 0 ||
	    (r = put(dir, AGENT, agent.data, agent.size, 0755, e)) < 0 ||
	    (r = put(dir, "tception.service", unit, strlen(unit), 0644, e)) < 0 ||
	    (r = put(dir, "90-tception.rules", rules, strlen(rules), 0644, e)) < 0 ||
	    (r = put(dir, "initramfs-hook", hook, strlen(hook), 0755, e)) < 0 ||
	    (r = put(dir, "initramfs-script", script, strlen(script), 0755, e)) < 0 ||
	    (r = put(dir, "mkosi.conf", mkosi, strlen(mkosi), 0644, e)) < 0 ||
	    (r = put(dir, "meta-data", "instance-id: tception\n", 22, 0644, e)) < 0 ||
	    (r = put(dir, "README.md", readme, strlen(readme), 0644, e)) < 0)
		return r;
	return put_user_data(dir, agent, e);
}

struct options {
	const char *dir, *agent;
};

int cmd_agent_kit(int argc, char **argv)
{
	static const struct option_row rows[] = {
	        OPTION_TEXT(agent, "agent", "FILE", "the agent (the one that was built)"),
	        {0},
	};
	static const struct options_of options = {
	        .about = "Writes what an image of one's own needs to be layer 0: the agent, a "
	                 "systemd unit, a hook for its initramfs, and what mkosi and cloud-init take.",
	        OPTION_OPERAND(dir, "DIR", "no DIR"),
	        .rows = rows,
	};
	struct options o = {0};
	struct err e = {0};

	options_parse(&options, argc, argv, &o);
	return write_kit(o.dir, o.agent, &e) < 0 ? cmd_failed(EXIT_BROKEN, &e) : EXIT_OK;
}
