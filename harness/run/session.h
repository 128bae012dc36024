/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-event.h>

#include "core/err.h"
#include "record/record.h"
#include "run/machine.h"
#include "run/release.h"

/*
 * One boot from QEMU's start to its end, as a state machine on an event loop:
 *
 *   START    layer 0's VISIT waits; ends with the agent's READY
 *   CLOCK    before each visit and at the end: the agent says what its clock says
 *   VISIT    one visit after another, layer 0's own first; each ends with layer 0's DONE
 *   POWEROFF after BYE, until QEMU is gone
 *   OVER     nothing runs any more
 *
 * Every state has a deadline of the host's. All bytes of the channel go to channel.bin before they
 * are looked at. The first visit that times out, dies, floods or sends no frame ends the boot;
 * visits after it are left out of the record, for another boot to do.
 */
#define SESSION_VISIT_BYTES      (64u << 20) /* a visit that sends more is a flood */
#define SESSION_POWEROFF_SECONDS 15

enum session_event {
	SESSION_STARTED,
	SESSION_READY,
	SESSION_VISIT_BEGUN,
	SESSION_VISIT_OVER,
	SESSION_OVER
};

/* Whether the machine of a boot stays up. */
typedef bool (*keep_fn)(void *userdata, const struct boot_record *boot);

struct session;
/* `visit` is NULL except for the visit events. At SESSION_OVER the session may be freed. */
typedef void (*session_fn)(struct session *s, enum session_event what,
                           const struct visit_record *visit, void *userdata);

struct session_spec {
	struct machine_spec machine; /* dir_fd is set by the session */
	const char *boots_dir;       /* the session makes its folder, named boot->id, in here */
	const struct case_file *cases;
	/* Layer 0's own, then one a step that is more: with the nonces that they will have. Borrowed. */
	const struct visit_record *planned;
	int attempt;
	release_fn release; /* judges who asks for a secret; NULL: nobody gets one */
	void *release_data;
	keep_fn keep; /* asked when all visits are done: true, and it is not powered off; may be NULL */
	void *keep_data;
	uint64_t visit_bytes; /* 0: SESSION_VISIT_BYTES */
};

/*
 * Starts QEMU. `spec->machine.boot` is copied into the record; what it points to, the parts and the
 * cases must outlive the session. Even a boot whose QEMU can't be started ends in SESSION_OVER.
 */
int session_start(sd_event *event, const struct session_spec *spec, session_fn notify,
                  void *userdata, struct session **ret, struct err *e);
/* Ends it now, with this reason; SESSION_OVER follows. */
void session_stop(struct session *s, const char *reason);
/* After SESSION_OVER: the machine that stays up, or NULL; it is the caller's then, and its end is told to nobody.
 * *ret_sequence: of the next frame to it. */
struct machine *session_take_machine(struct session *s, uint32_t *ret_sequence);
const struct boot_record *session_record(const struct session *s);
/* Frees the session and hands its record over. */
void session_free(struct session *s, struct boot_record *ret);
