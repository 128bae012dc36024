/* SPDX-License-Identifier: Apache-2.0 */
#include "judge/hop.h"

#include <stdio.h>
#include <string.h>

#include "format/bytes.h"

#define LINE_SIZE 512

/* QEMU 10.1 to 11.1: target/i386/kvm/tdx.c, tdx-quote-generator.c, hw/i386/tdvf.c, accel/kvm. */
static const struct hop qemu_lines[] = {
        /* the quoting service */
        {"Failed to connect to", "No such file or directory", "quoting service",
         "there is no such socket",
         "systemctl start qgsd (DCAP's tdx-qgs); on vsock: --qgs-socket vsock:2:4050"},
        {"Failed to connect to", "Permission denied", "quoting service",
         "QEMU's user may not connect", "usermod -aG qgsd USER; look at SELinux' denials"},
        {"Failed to connect to", "Connection refused", "quoting service",
         "nobody listens at its socket", "systemctl restart qgsd"},
        {"Failed to connect to", NULL, "quoting service", "it can't be reached",
         "`port` in qgs.conf, modprobe vhost_vsock, systemctl restart qgsd"},
        {"QGS message error code 69633", NULL, "PCCS",
         "the quoting service answered error 0x11001: no collateral or the platform is not "
         "registered",
         "journalctl -u qgsd; systemctl status pccs; use_secure_cert in sgx_default_qcnl.conf; "
         "/var/log/mpa_registration.log"},
        {"QGS message error code", NULL, "quoting service", "it answered with an error",
         "journalctl -u qgsd"},
        {"End of file before reply received", NULL, "quoting service",
         "it closed the connection without an answer", "journalctl -u qgsd"},
        {"Invalid QGS message header", NULL, "quoting service",
         "its messages are of another version", "update DCAP and QEMU"},
        /* KVM and the module */
        {"TDX not supported by KVM", NULL, "KVM", "it makes no trust domains",
         "tception doctor --require hardware"},
        {"vm-type tdx not supported", NULL, "KVM", "it makes no trust domains",
         "tception doctor --require hardware"},
        {"KVM_TDX_INIT_VM failed", "No space left on device", "TDX module", "all KeyIDs are in use",
         "end other trust domains; more KeyIDs in BIOS"},
        {"KVM_TDX_INIT_VM failed", "Resource temporarily unavailable", "TDX module",
         "the CPU was short of random numbers", "try again"},
        {"KVM_TDX_INIT_VM failed", NULL, "TDX module", "it refused the trust domain's parameters",
         "the kernel's log has the SEAMCALL's status; tception doctor --require hardware"},
        {"unsupported TD attribute bits", NULL, "QEMU", "it makes no TD with these ATTRIBUTES",
         "a cell without @attributes"},
        {"Invalid attributes 0x", NULL, "KVM", "it makes no TD with these ATTRIBUTES",
         "a cell without @attributes; update kernel and TDX module"},
        {"backing store for guest RAM", "Cannot allocate memory", "memory", "there are not enough free huge pages",
         "sysctl vm.nr_hugepages; a cell without @backend=hugepages"},
        {"KVM_TDX_INIT_MEM_REGION failed", NULL, "firmware", "its pages can't be added",
         "an OVMF of edk2's IntelTdx or OvmfPkgX64 build; update the TDX module"},
        {"KVM_CAP_X86_APIC_BUS_CYCLES_NS", NULL, "KVM", "it is too old for TDX",
         "Linux 6.16 or newer"},
        {"Could not access KVM kernel module", "Permission denied", "KVM",
         "this user may not open /dev/kvm", "usermod -aG kvm USER, then log in again"},
        {"Could not access KVM kernel module", "No such file or directory", "KVM",
         "there is no /dev/kvm", "modprobe kvm_intel; virtualization on in BIOS"},
        {"Could not access KVM kernel module", NULL, "KVM", "/dev/kvm can't be opened",
         "modprobe kvm_intel; a container needs the device"},
        /* QEMU's own */
        {"Cannot find TDX_METADATA_OFFSET_GUID", NULL, "firmware", "it is no TDVF",
         "an OVMF of edk2's IntelTdx or OvmfPkgX64 build (tception measure mrtd FILE tells)"},
        {"failed to parse TDVF", NULL, "firmware", "it is no TDVF",
         "an OVMF of edk2's IntelTdx or OvmfPkgX64 build (tception measure mrtd FILE tells)"},
        {"TDX VM doesn't support", NULL, "QEMU", "the machine has what a TD can't have",
         "smm=off,pic=off"},
        {"requires kernel_irqchip to be split", NULL, "QEMU",
         "the machine has what a TD can't have", "kernel-irqchip=split"},
        {"is not supported for TDX yet", NULL, "QEMU", "the CPU model is none for a TD",
         "-cpu host"},
        {"modern interface but does not have VIRTIO_F_VERSION_1", NULL, "QEMU",
         "the guest is too large for the CPU's physical addresses", "less memory"},
        {"Cannot set up guest memory", NULL, "host", "not enough memory for the guest",
         "less memory, or huge pages of the right size"},
};

/* drivers/virt/coco/tdx-guest/tdx-guest.c, of Linux 6.7 to 7.3. */
static const struct hop kernel_lines[] = {
        {"GetQuote request timedout", NULL, "quoting service",
         "it took the request and did not answer within 30 s",
         "journalctl -u qgsd; systemctl restart qgsd"},
        {"GetQuote hypercall failed", NULL, "QEMU", "it does not forward GetQuote",
         "QEMU 10.1 or newer and Linux 6.16 or newer on the host, with --qgs-socket"},
};

static const struct hop no_driver = {
        NULL, NULL, "guest kernel", "it is a trust domain's and has no driver for it",
        "CONFIG_TDX_GUEST_DRIVER; tdx_guest.ko, in Ubuntu of linux-modules-extra"};

static const struct hop *find(const char *line, const struct hop *row, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strstr(line, row[i].text) && (!row[i].also || strstr(line, row[i].also)))
			return &row[i];
	}
	return NULL;
}

const struct hop *hop_of_qemu(const char *complaints)
{
	const struct hop *hop = NULL;

	for (const char *at = complaints ? complaints : ""; *at && !hop;) {
		size_t length = strcspn(at, "\n");
		char line[LINE_SIZE];

		snprintf(line, sizeof(line), "%.*s", (int)(length < LINE_SIZE ? length : LINE_SIZE),
		         at);
		if (!strstr(line, "warning:"))
			hop = find(line, qemu_lines, COUNT_OF(qemu_lines));
		at += length + (at[length] == '\n');
	}
	return hop;
}

static void add(struct rung_result *r, const struct hop *hop)
{
	size_t used = strlen(r->detail);

	if (hop)
		snprintf(r->detail + used, sizeof(r->detail) - used, "; %s: %s: %s", hop->name,
		         hop->cause, hop->remedy);
}

void hop_explain(const struct layer_evidence *l, const char *complaints, struct layer_verdict *v)
{
	struct rung_result *device = &v->ladder[RUNG_DEVICE], *quote = &v->ladder[RUNG_QUOTE];
	const struct hop *hop;

	if (device->ok == RUNG_FALSE && strcmp(device->error, "ENOENT") == 0 && l->guest_detected)
		add(device, &no_driver);
	/* what QEMU and its service fail with; another errno is the layer's own */
	if (quote->ok != RUNG_FALSE || (quote->error[0] && strcmp(quote->error, "EIO") != 0))
		return;
	hop = hop_of_qemu(complaints);
	add(quote, hop ? hop : find(quote->detail, kernel_lines, COUNT_OF(kernel_lines)));
}
