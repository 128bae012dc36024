/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

#include "core/err.h"
#include "trust/trust.h"

/*
 * The emulated platform's collateral over HTTP, as a PCCS serves it (run/pccs_answer.h), so that
 * verifiers of quotes that ask a PCCS get what they need. GET and HEAD only; at most 64 clients,
 * each closed after ten idle seconds. Everything happens on the caller's event loop; libmicrohttpd
 * is loaded when a service starts, -ENOPKG when there is none.
 */
struct pccs;

struct pccs_config {
	const struct authority *authority; /* borrowed: must outlive the service */
	const char *address;               /* IPv4 or IPv6 in numbers; NULL: 127.0.0.1 */
	uint16_t port;                     /* 0: any free one */
};

/* `event` is referenced. */
int pccs_new(sd_event *event, const struct pccs_config *config, struct pccs **ret, struct err *e);
void pccs_free(struct pccs *p); /* NULL is fine */
/* "http://127.0.0.1:8081"; owned by `p`. */
const char *pccs_url(const struct pccs *p);
