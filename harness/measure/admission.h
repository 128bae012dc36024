/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "measure/events.h"
#include "measure/firmware.h"
#include "measure/pe.h"

/*
 * What firmware with Secure Boot on does with a program before it measures it: edk2 SecurityPkg
 * DxeImageVerificationLib, with the variables db and dbx of the firmware image. The entry of db
 * that admits a program is measured into RTMR0, once; one that is refused is measured nowhere.
 * Where Secure Boot is off, everything is admitted and nothing measured.
 */
#define ADMISSION_AUTHORITIES 32

struct admission {
	struct event_list *l;
	const struct firmware *firmware;
	bool on;
	struct bytes measured[ADMISSION_AUTHORITIES]; /* entries of db; views */
	unsigned count;
};

enum verdict {
	ADMITTED,
	REFUSED,    /* no signature, or none that db has a certificate for, or revoked */
	UNFORESEEN, /* RTMR0 to RTMR2 were left open, with the reason */
};

void admission_init(struct admission *a, struct event_list *l, const struct firmware *f);
enum verdict admission_ask(struct admission *a, const struct pe *program, const char *what);
/* Leaves RTMR0 to RTMR2 open because firmware goes another way without this program. */
void admission_refused(struct admission *a, const struct pe *program, const char *what);
/* Leaves them open because who admits what is not known here. Nothing where Secure Boot is off. */
void admission_open(struct admission *a, const char *what);
