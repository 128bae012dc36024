/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "measure/events.h"
#include "measure/pe.h"

/*
 * What systemd-boot and systemd-stub tell of themselves: their version in section .sdmagic, and
 * what they do by what is in their code. Facts: systemd 252.39, 254.26, 257.13 and 262, src/boot.
 */
struct sd_program {
	unsigned version;       /* 257 for "systemd-stub 257.13-1"; 0: does not say */
	bool known;             /* one of those whose ways are known here */
	bool measures;          /* in a TD: asks for the confidential-computing protocol (256) */
	bool tagged;            /* events of its own kinds, too: loader.conf, add-ons (262) */
	bool smbios;            /* SMBIOS structures into RTMR0 (262) */
	bool secret;            /* a secret of this machine is put into the initrd (262) */
	bool console;           /* adds console= to a command line without one (262) */
	bool loads_kernel;      /* by itself, so that no firmware measures it (262) */
	bool profiles;          /* sections for more than one way to boot (257) */
	bool addons;            /* (254) */
	bool global_extensions; /* reads loader/extensions (262) */
};

/* 1 with *ret filled when the image is the systemd program of that name ("stub", "boot"), else 0.
 */
int sd_program_read(const struct pe *pe, const char *name, struct sd_program *ret);
/* Opens these registers, from..to, where the program is of a version that is not known. */
void sd_program_check(struct event_list *l, const struct sd_program *p, const char *name,
                      unsigned from, unsigned to);
