/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

#include "core/err.h"

/*
 * The VMM's side of TDG.VP.VMCALL<GetQuote> for the emulated platform: what QEMU's tdx-guest object
 * does on hardware. It finds requests in the module's mailbox (format/tdxemu.h), takes the report
 * out of the guest's shared buffer, asks a quoting service on a unix socket and puts the quote,
 * then the status, into the buffer.
 *
 * The guest chooses address, size and content of the buffer and may change it meanwhile: it is
 * checked to lie wholly in the TD's RAM, copied once, and every later decision is made on the copy.
 * All errors end in the buffer as GET_QUOTE_ERROR, or GET_QUOTE_SERVICE_UNAVAILABLE when the
 * service cannot be reached; a buffer outside RAM is not touched. One request at a time is in
 * flight.
 */
struct getquote;

/* What became of a request, for the run's log. `text` is for people and holds no guest bytes. */
struct getquote_answer {
	uint64_t request;    /* the mailbox's counter */
	uint64_t status;     /* GET_QUOTE_*: what the guest was told */
	uint64_t quote_size; /* bytes; 0 unless status is GET_QUOTE_SUCCESS */
	uint64_t usec;       /* from seeing the request to the answer */
	char text[160];      /* "" on success */
};

struct getquote_config {
	int ram_fd;        /* the RAM file (memory-backend-file/-memfd, share=on); mapped */
	uint64_t ram_size; /* bytes, the module's TDXEMU_MEMORY included */
	uint64_t low;      /* bytes of RAM below 4 GiB: struct tdxemu_config.low */
	int doorbell_fd;   /* readable when the module rang (QEMU's debugcon chardev: pipe or
	                      socket), or -1; duplicated. End of file is fine: polling goes on */
	const char *qgs_socket; /* unix socket of the quoting service */
	unsigned deadline_ms;   /* for the service's answer; 0 means 30000, QEMU's */
	unsigned poll_ms;       /* how often to look without a doorbell; 0 means 200 */
	void (*answered)(const struct getquote_answer *answer, void *userdata); /* or NULL */
	void *userdata;
};

/*
 * Call when the RAM file has its size (before or after QEMU starts: an unborn mailbox is no error).
 * `event` is referenced; strings are copied.
 */
int getquote_new(sd_event *event, const struct getquote_config *config, struct getquote **ret,
                 struct err *e);
/* Gives up a request in flight (its status stays IN_FLIGHT). NULL is fine. */
void getquote_free(struct getquote *g);

/* Whether the module has said that the TD was entered: its mailbox's `entered`. */
int getquote_entered(const struct getquote *g);
