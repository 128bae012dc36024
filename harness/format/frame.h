/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "format/code.h"

/*
 * Evidence frames: what agents and harness say to one another, over virtio-serial from a VM and
 * stdin/stdout from a container. A 16-byte little-endian header and one JSON object. Binary values
 * inside the JSON are base64. What each type's object holds is listed in guests/agent/README.md.
 */
#define FRAME_MAGIC       0x31464354u /* "TCF1" */
#define FRAME_HEADER_SIZE 16
#define FRAME_PAYLOAD_MAX (1u << 20)   /* bytes */
#define FRAME_RELAY_CHUNK (512u << 10) /* child bytes put into one RELAY frame at most */

enum frame_type {
	/* harness (or parent layer) -> agent */
	FRAME_VISIT = 1, /* probe yourself under this nonce, then enter the rest of the stack */
	FRAME_BYE = 2,   /* no more visits: power off (VM) or exit (container) */
	FRAME_TIME = 3,  /* between visits: say what your clock says */
	FRAME_TD = 4,    /* to a VM, instead of visits: be a machine for somebody's own work */
	FRAME_SECRET = 5, /* the answer to ASK: a sealed secret, or that there is none */
	FRAME_KEYED = 6,  /* to a measured layer: its KEY was measured, or could not be */
	/* agent -> harness (or parent layer) */
	FRAME_READY = 15,   /* a VM's agent serves its port from now on; no visit before that */
	FRAME_HELLO = 16,   /* first frame of a visit: layer ID, nonce, agent version, kernel */
	FRAME_FACT = 17,    /* one probe's findings */
	FRAME_DMESG = 18,   /* a piece of the kernel log */
	FRAME_BLOB = 19,    /* a file's contents: CCEL table, event log ... */
	FRAME_REPORT = 20,  /* one TDX interface tried: TDREPORT or quote, or its errno */
	FRAME_ENTER = 21,   /* a child is being started: tag, argv */
	FRAME_RELAY = 22,   /* raw bytes a child wrote to its channel, unread */
	FRAME_STDERR = 23,  /* bytes a child wrote to stderr or its console */
	FRAME_LEFT = 24,    /* a child ended: wait status, reason, seconds */
	FRAME_DONE = 25,    /* last frame of a visit */
	FRAME_EXTEND = 26,  /* RTMR3 extended, or tried to: the event, its digest, the errno */
	FRAME_CLOCK = 27,   /* the answer to TIME; no part of a visit */
	FRAME_SERVING = 28, /* the answer to TD */
	FRAME_ASK = 29,     /* the quote is out: the layer, or one further in, waits for its secret */
	FRAME_PROOF = 30,   /* that it has the secret, or why not */
	FRAME_KEY = 31,     /* what its secret is to be sealed to */
};

struct frame_header {
	uint16_t type;     /* enum frame_type; unknown values are passed on, not refused */
	uint16_t flags;    /* 0 */
	uint32_t sequence; /* counts up by one from 0 for each direction of one channel */
	uint32_t length;   /* bytes of payload, <= FRAME_PAYLOAD_MAX */
};

const char *frame_type_name(uint16_t type); /* "HELLO" ... or "?" */

/* Needs FRAME_HEADER_SIZE bytes: FORMAT_BAD_MAGIC, FORMAT_BAD_SIZE, FORMAT_BAD_VALUE (flags). */
enum format_code frame_header_parse(const uint8_t *data, size_t size, struct frame_header *ret,
                                    uint64_t *ret_offset);
void frame_header_write(const struct frame_header *h, uint8_t out[FRAME_HEADER_SIZE]);

/*
 * REPORTDATA of one interface at one layer: SHA-512("tception-reportdata-v1" 00 || nonce ||
 * u16 length and bytes of the layer's ID || u8 interface || evidence), where evidence is the
 * SHA-384 of all bytes (headers and payloads) that this layer has sent in this visit before the
 * FRAME_REPORT that carries the result.
 */
enum report_interface {
	REPORT_IOCTL = 1,    /* TDX_CMD_GET_REPORT0 on /dev/tdx_guest: a TDREPORT */
	REPORT_CONFIGFS = 2, /* configfs-tsm: a quote */
	REPORT_VSOCK = 3,    /* a quote straight from a QGS over vsock */
	REPORT_BROKER = 4,   /* a quote handed in by the layer below */
	REPORT_VTPM = 5,     /* a vTPM's evidence, its nonce the first 32 bytes: trust/cloud.h */
};
#define REPORT_NONCE_SIZE 32

void report_data_make(const uint8_t nonce[REPORT_NONCE_SIZE], const char *layer_id,
                      enum report_interface interface, const uint8_t evidence[48],
                      uint8_t report_data[64]);
