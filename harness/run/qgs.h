/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "core/err.h"
#include "trust/trust.h"

/*
 * The quoting service of the emulated platform: Intel's QGS protocol (format/qgs.h) on a stream
 * socket, framed messages of version 1.1 and raw 1024-byte reports, answered by the test authority:
 * quotes, its collateral, what its platform is (run/qgs_answer.h).
 *
 * A report is quoted only when its MAC was made with one of the service's keys: a key is shared
 * by this service and the software TDX module of one boot. Any other report is refused with
 * QGS_ERROR_INVALID_PARAMETER (raw mode: the connection is closed without an answer).
 *
 * Everything happens on the caller's event loop; nothing blocks. A client gets one answer, has a
 * deadline, and cannot make the service hold more than one message of QGS_MESSAGE_MAX bytes.
 */
struct qgs;

#define QGS_KEY_SIZE 32 /* bytes: struct tdxemu_config.mac_key */

enum qgs_fault {                      /* what a broken service does, for tests */
	         QGS_FAULT_NONE,      /* "none" */
	         QGS_FAULT_SILENT,    /* "silent": reads and never answers */
	         QGS_FAULT_VERSION,   /* "version": answers with version 2.0 in the header */
	         QGS_FAULT_ERROR,     /* "error": answers QGS_ERROR_UNEXPECTED */
	         QGS_FAULT_TRUNCATED, /* "truncated": announces the whole answer, sends half of it
	                               */
	         QGS_FAULT_EOF,       /* "eof": closes instead of answering */
	         QGS_FAULT_OVERSIZE,  /* "oversize": announces and sends more than QGS_MESSAGE_MAX
	                                 bytes */
	         QGS_FAULT_COUNT
};
extern const char *const qgs_fault_names[QGS_FAULT_COUNT];

struct qgs_config {
	struct authority *authority; /* borrowed: must outlive the service */
	uint16_t quote_version;      /* 4 or 5; 0 means 4 */
	enum qgs_fault fault;
	unsigned client_deadline_ms; /* from connection to the end of the answer; 0 means 10000 */
	unsigned vsock_port;         /* where there is no path */
	bool any_report;             /* quote reports without a MAC check: `tception qgs` by hand */
};

/*
 * Listens on `socket_path` (a stale socket there is replaced, mode 0600) or, for NULL, on the vsock
 * port of the configuration, for every guest of this machine. `event` is referenced.
 */
int qgs_new(sd_event *event, const char *socket_path, const struct qgs_config *config,
            struct qgs **ret, struct err *e);
/* Closes every client, removes the socket. NULL is fine. */
void qgs_free(struct qgs *q);

/*
 * One key per boot: add it before the boot, remove it after. Its quotes are of `version` (4 or 5;
 * 0: of the configuration's). -ENOSPC beyond 64 keys.
 */
int qgs_add_key(struct qgs *q, const uint8_t key[QGS_KEY_SIZE], uint16_t version, struct err *e);
void qgs_remove_key(struct qgs *q, const uint8_t key[QGS_KEY_SIZE]);
