/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "format/bytes.h"
#include "format/guid.h"
#include "measure/events.h"
#include "measure/firmware.h"
#include "measure/pe.h"

/*
 * shim, the first loader of a distribution: what it measures before it starts the next program.
 * Read off the image: its built-in keys (section .vendor_cert) and its version. Facts: shim 16.1's
 * mok.c, sbat.c, tpm.c, seen in the log of a TD; only with Secure Boot off.
 */
struct shim {
	unsigned major;     /* 16 for shim 16.1 */
	bool has_loader;    /* loads programs for the next one, and measures them (16 and later) */
	struct bytes allow; /* built-in keys: one certificate or a signature list; a view */
	struct bytes deny;  /* built-in list of what is refused; a view, may be empty */
};

/* 1 with *ret filled, 0 when the image is no shim; -EBADMSG when its tables contradict. */
int shim_read(const struct pe *pe, struct shim *ret, struct err *e);

/*
 * Its events before the next program: MokList, MokListX, SbatLevel, MokListTrusted. Leaves the
 * registers open for a version that nobody tried and for firmware that keeps variables of shim's.
 */
int shim_measure(struct event_list *l, const struct shim *s, const struct firmware *f,
                 struct err *e);

/* The owner of its variables, and the name of its protocol that loads programs for the next. */
extern const uint8_t guid_shim_lock[GUID_SIZE];
extern const uint8_t guid_shim_loader[GUID_SIZE];
