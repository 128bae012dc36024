/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A made-up run, as honest agents in a trust domain would have produced it: one boot of an emulated
 * `td`, its own visit, and the visit of one container. Quotes are signed by a test authority. A
 * test twists one thing and looks at what the judge makes of it.
 */
#include <check.h>
#include <jansson.h>
#include <time.h>

#include "format/bytes.h"
#include "format/eventlog.h"
#include "format/extend.h"
#include "format/frame.h"
#include "format/sha2.h"
#include "format/tdx.h"
#include "format/text.h"
#include "judge/judge.h"
#include "test/emulated_report.h"
#include "test/golden.h"
#include "test/scratch.h"
#include "test/stream.h"
#include "trust/trust.h"

enum twist {
	AS_IT_SHOULD_BE,
	QUOTE_RTMR,      /* a bit of RTMR0 flipped in the quote */
	QUOTE_SIGNATURE, /* a bit of its signature flipped */
	QUOTE_RESIGNED,  /* properly signed, but for another RTMR1 */
	QUOTE_FOREIGN,   /* signed under another install's root */
	QUOTE_EMPTY,
	QUOTE_GARBAGE,
	QUOTE_REPLAYED,  /* properly signed, for another visit's nonce */
	QUOTE_BORROWED,  /* properly signed, for layer 0's ID */
	REPORT_FORGED,   /* a register changed in the TDREPORT, its hashes left */
	REPORT_OTHER_TD, /* a register changed and sealed again */
	REPORT_REPLAYED, /* for another visit's nonce */
	GENERATION,      /* someone else wrote to the configfs entry */
	PROVIDER,        /* of another kind of guest */
	CONFIGFS_DENIED,
	BROKERED,         /* and the layer below hands a quote in instead */
	BROKER_PROVIDER,  /* of another kind of guest */
	BROKER_BORROWED,  /* one that was asked for as configfs' */
	EVIDENCE_CHANGED, /* a fact is not the one that was measured into REPORTDATA */
	HELLO_NONCE,
	HELLO_ID,
	NO_HELLO,
	NO_FACT,
	NO_REPORT,
	SAME_REPORT_TWICE,
	NO_DONE,
	DONE_ID,
	AFTER_DONE,
	SEQUENCE_GAP,
	CUT_SHORT,
	GARBAGE,
	NO_JSON,
	NO_ENTER,
	OTHER_ENTER,
	OTHER_TAG,
	NO_LEFT,
	LEFT_TIMEOUT,
	NOT_STARTED,
	NOT_STARTED_MUTE, /* and the layer below has no words for it, only the child's stderr */
	STARTED_SILENT,
	ZERO_NONCE, /* layer 0's HELLO */
	ZERO_LOG,   /* a bit of an event's digest flipped in layer 0's log */
	ZERO_NO_LOG,
	ZERO_LOG_CUT,
	ZERO_NO_DONE,
	/* cut off by a deadline in the guest */
	FACT_CUT,
	REPORT_CUT,
	KERNEL_CUT, /* by the kernel's own */
	TRIAL_CUT,  /* of a system call */
	MODULES_CUT,
	ENGINE_CUT, /* by one of the tool that starts the layer */
	ZERO_CLOCK, /* layer 0's runs four times too fast */
	HARDWARE,   /* the boot claims to be on TDX hardware */
	TWISTS
};

/* Extending RTMR3 is apart, for what it changes is one rung and one interface. */
enum extend_twist {
	NO_EXTENDS,
	EXTENDS,            /* probes at both layers, and the container measured before its start */
	EXTENDS_IMAGE,      /* the container's image is not the one expected */
	EXTENDS_ANY_IMAGE,  /* nobody says what it should be */
	EXTENDS_NO_LAUNCH,  /* only probes */
	EXTENDS_FAILED,     /* the launch could not be extended, but it was started all the same */
	EXTENDS_UNTOLD,     /* someone extended RTMR3 between the visits and did not say so */
	EXTENDS_UNDONE,     /* layer 0 tells of an extend that did not happen */
	EXTENDS_PROBE_FLIP, /* the container's probe: another digest than the one it tells */
	EXTENDS_PROBE_EVENT, /* one that is told truly, but of another nonce */
	EXTENDS_PROBE_READ,  /* and RTMR3 read back is something else */
	EXTENDS_LAUNCH_FLIP, /* the launch: another digest than that of its payload */
	EXTENDS_LAUNCH_ID,   /* its payload is about another layer */
	EXTENDS_LAUNCH_ARGV, /* or another command */
	EXTENDS_LAUNCH_TEXT, /* or nothing at all */
	EXTENDS_WRITABLE,    /* the container can write RTMR1 */
	EXTENDS_KEYED,       /* as it should be, and the container's key is measured, too */
	EXTENDS_KEY_OTHER,   /* that of another */
	EXTENDS_KEY_LAYER,   /* or for another layer */
	EXTENDS_KEY_FLIP,    /* or by another digest than that of its payload */
};
#define SYNTH_IMAGE                                        \
	"0123456789abcdef0123456789abcdef0123456789abcdef" \
	"0123456789abcdef0123456789abcdef0123456789abcdef"

/* What the container does about a secret. */
enum secret_twist {
	NO_SECRET,
	SECRET_PROVES,  /* names a key, asks, proves that it has it */
	SECRET_SILENT,  /* sends no proof */
	SECRET_GUESSES, /* or another one */
	SECRET_KEYLESS, /* names no key */
	SECRET_SHORT,   /* or one of 31 bytes */
	SECRET_ASKLESS, /* never asks */
	SECRET_REPEATS, /* asks twice */
	SECRET_SWAPPED, /* somebody put another key into its evidence on the way */
	SECRET_TWO_KEYS, /* names one twice */
};
#define SYNTH_KEY   0x4b /* each byte of its key */
#define SYNTH_PROOF 0x50 /* and of its proof */

struct synth {
	enum twist twist;
	enum extend_twist extends;
	enum secret_twist secret;
	struct authority *authority, *other;
	struct golden log;
	struct tdreport td; /* what the TD's registers are */
	struct case_file cases;
	struct test_case item[2];
	struct run_record run;
	struct boot_record boot;
	struct visit_record visit[2];
	struct clock_reading clock[2];
	struct step step[2];
	uint8_t *bytes; /* channel.bin */
	size_t size;
	struct bytes channel;
	struct judge_input in;
	long flip;      /* byte of the container's own account to flip, or -1 */
	size_t covered; /* bytes of that account before its configfs REPORT */
};

static const char *synth_td = "td"; /* layer 0 as it was asked for */
static bool synth_debug;            /* its TD's ATTRIBUTES have DEBUG */

/* ---- one layer's own account ---- */
struct account {
	const char *id;
	const uint8_t *nonce;
	bool inner;
	enum twist twist; /* AS_IT_SHOULD_BE where another layer is twisted */
};

static inline void put_hello(struct synth *y, struct stream *s, const struct account *a)
{
	uint8_t nonce[32];

	(void)y;
	memcpy(nonce, a->nonce, sizeof(nonce));
	nonce[5] ^= a->twist == HELLO_NONCE || a->twist == ZERO_NONCE;
	if (a->twist == NO_HELLO)
		return;
	stream_frame(s, FRAME_HELLO,
	             json_pack("{s:s, s:o, s:s, s:s, s:b, s:s}", "layer",
	                       a->twist == HELLO_ID ? "td/docker" : a->id, "nonce",
	                       base64_json(nonce, 32), "agent", "0.1", "kernel", "6.12.0", "pid1",
	                       !a->inner, "boot_id", "one-boot"));
}

static inline void put_cut(struct stream *s, const struct account *a)
{
	if (a->twist == FACT_CUT)
		stream_frame(s, FRAME_FACT,
		             json_pack("{s:s, s:s, s:i}", "probe", "reach", "step", "deadline",
		                       "errno", 110));
	if (a->twist == TRIAL_CUT)
		stream_frame(s, FRAME_FACT,
		             json_pack("{s:s, s:[{s:s, s:i, s:i}]}", "probe", "syscalls", "calls",
		                       "call", "bpf", "reach", 14, "use", -2));
	if (a->twist == MODULES_CUT)
		stream_frame(s, FRAME_FACT,
		             json_pack("{s:s, s:b, s:n, s:i}", "probe", "modules", "asked", 1,
		                       "exit", "signal", 9));
}

static inline void put_facts(struct stream *s, const struct account *a)
{
	put_cut(s, a);
	stream_frame(s, FRAME_FACT,
	             json_pack("{s:s, s:[{s:s, s:b, s:s, s:{s:b, s:n}}]}", "probe", "devices",
	                       "nodes", "path", "/dev/tdx_guest", "exists", 1, "mode", "0600",
	                       "open", "ok", 1, "errno"));
	if (a->twist != NO_FACT)
		stream_frame(s, FRAME_FACT,
		             json_pack("{s:s, s:s, s:s, s:i}", "probe", "kvm", "state",
		                       a->inner ? "no-node" : "no-cpu", "step", "open", "errno",
		                       2));
	stream_frame(s, FRAME_FACT,
	             json_pack("{s:s, s:[], s:[{s:s, s:s, s:s}]}", "probe", "entry", "listening",
	                       "accounts", "name", "root", "password", "known", "known", "toor"));
	stream_frame(s, FRAME_FACT,
	             json_pack("{s:s, s:f, s:f}", "probe", "cost", "syscall_ns", 512.5, "fault_ns",
	                       20000.0));
	stream_frame(s, FRAME_FACT, json_pack("{s:s}", "probe", "a later agent's invention"));
	stream_frame(s, FRAME_DMESG,
	             json_pack("{s:i, s:s, s:b}", "offset", 0, "text",
	                       "[    0.000000] tdx: Guest detected\n", "last", 1));
}

static inline void put_log(struct synth *y, struct stream *s, const struct account *a)
{
	size_t half = y->log.size / 2;

	if (a->inner || a->twist == ZERO_NO_LOG) {
		stream_frame(s, FRAME_BLOB,
		             json_pack("{s:s, s:i, s:s, s:b}", "name", "ccel-log", "errno", 2,
		                       "errname", "ENOENT", "last", 1));
		return;
	}
	stream_frame(s, FRAME_BLOB,
	             json_pack("{s:s, s:i, s:o, s:b}", "name", "ccel-log", "offset", 0, "data",
	                       base64_json(y->log.data, half), "last", 0));
	if (a->twist != ZERO_LOG_CUT)
		stream_frame(s, FRAME_BLOB,
		             json_pack("{s:s, s:I, s:o, s:b}", "name", "ccel-log", "offset",
		                       (json_int_t)half, "data",
		                       base64_json(y->log.data + half, y->log.size - half), "last",
		                       1));
}

/* REPORTDATA as an agent computes it at this point of its account. */
static inline void report_data(const struct stream *s, const struct account *a,
                               enum report_interface interface, bool replayed, const char *borrowed,
                               uint8_t out[64])
{
	struct sha512 so_far = s->digest;
	uint8_t evidence[48], nonce[32];

	memcpy(nonce, a->nonce, 32);
	nonce[0] ^= replayed;
	sha384_final(&so_far, evidence);
	report_data_make(nonce, borrowed ? borrowed : a->id, interface, evidence, out);
}

static const uint8_t synth_key[32] = "a key of the software TDX module";

static inline void put_tdreport(struct synth *y, struct stream *s, const struct account *a)
{
	struct tdreport r = y->td;

	report_data(s, a, REPORT_IOCTL, a->twist == REPORT_REPLAYED, NULL, r.mac.report_data);
	if (a->twist == REPORT_OTHER_TD)
		r.td.mrtd[0] ^= 1;
	tdreport_seal(&r, synth_key, sizeof(synth_key));
	if (a->twist == REPORT_FORGED)
		r.td.mrtd[0] ^= 1;
	for (int i = 0; i < (a->twist == SAME_REPORT_TWICE ? 2 : 1); i++)
		stream_frame(s, FRAME_REPORT,
		             json_pack("{s:s, s:b, s:s, s:n, s:f, s:o}", "interface", "ioctl", "ok",
		                       1, "step", "done", "errno", "ms", 0.4, "data",
		                       base64_json(&r, sizeof(r))));
}

static inline json_t *quote_json(struct synth *y, struct stream *s, const struct account *a,
                                 enum report_interface interface)
{
	struct authority *by = a->twist == QUOTE_FOREIGN ? y->other : y->authority;
	struct tdreport r = y->td;
	uint8_t *quote;
	size_t size;
	struct err e;
	json_t *j;

	report_data(s, a, interface, a->twist == QUOTE_REPLAYED,
	            a->twist == QUOTE_BORROWED ? "td" : NULL, r.mac.report_data);
	if (a->twist == QUOTE_RESIGNED)
		r.td.rtmr[1][47] ^= 0x80;
	tdreport_seal(&r, synth_key, sizeof(synth_key));
	ck_assert_msg(authority_quote(by, &r, 4, &quote, &size, &e) == 0, "%s", e.text);
	quote[376] ^= a->twist == QUOTE_RTMR;
	quote[640] ^= a->twist == QUOTE_SIGNATURE;
	if (a->twist == QUOTE_GARBAGE)
		memset(quote, 0xa5, size);
	j = base64_json(quote, a->twist == QUOTE_EMPTY ? 0 : size);
	free(quote);
	return j;
}

static inline void put_quote(struct synth *y, struct stream *s, const struct account *a)
{
	if (a->inner)
		y->covered = s->size;
	if (a->twist == NO_REPORT)
		return;
	if (a->twist == REPORT_CUT || a->twist == KERNEL_CUT) {
		stream_frame(s, FRAME_REPORT,
		             json_pack("{s:s, s:b, s:s, s:i, s:f}", "interface", "configfs", "ok",
		                       0, "step", a->twist == REPORT_CUT ? "deadline" : "outblob",
		                       "errno", 110, "ms", 30000.0));
		return;
	}
	if (a->twist >= CONFIGFS_DENIED && a->twist <= BROKER_BORROWED)
		stream_frame(s, FRAME_REPORT,
		             json_pack("{s:s, s:b, s:s, s:i, s:f, s:n}", "interface", "configfs",
		                       "ok", 0, "step", "mkdir", "errno", 13, "ms", 0.1,
		                       "provider"));
	else
		stream_frame(s, FRAME_REPORT,
		             json_pack("{s:s, s:b, s:s, s:n, s:f, s:s, s:[i,i], s:o}", "interface",
		                       "configfs", "ok", 1, "step", "done", "errno", "ms", 210.5,
		                       "provider", a->twist == PROVIDER ? "sev_guest" : "tdx_guest",
		                       "generation", 3, a->twist == GENERATION ? 5 : 4, "data",
		                       quote_json(y, s, a, REPORT_CONFIGFS)));
}

static inline void put_brokered(struct synth *y, struct stream *s, const struct account *a)
{
	if (a->twist != BROKERED && a->twist != BROKER_PROVIDER && a->twist != BROKER_BORROWED)
		return;
	stream_frame(s, FRAME_REPORT,
	             json_pack("{s:s, s:b, s:s, s:n, s:f, s:s, s:[i,i], s:o}", "interface",
	                       "broker", "ok", 1, "step", "done", "errno", "ms", 99.5, "provider",
	                       a->twist == BROKER_PROVIDER ? "sev_guest" : "tdx_guest",
	                       "generation", 1, 2, "data",
	                       quote_json(y, s, a,
	                                  a->twist == BROKER_BORROWED ? REPORT_CONFIGFS
	                                                              : REPORT_BROKER)));
}

static inline void put_extend(struct synth *y, struct stream *s, const struct account *a,
                              const char *event, const void *payload, size_t size)
{
	bool launch = strcmp(event, EXTEND_LAUNCH) == 0;
	bool failed = launch && y->extends == EXTENDS_FAILED;
	uint8_t digest[48], before[48], *rtmr3 = y->td.td.rtmr[3];

	memcpy(before, rtmr3, 48);
	extend_digest(event, payload, size, digest);
	if (launch)
		digest[7] ^= y->extends == EXTENDS_LAUNCH_FLIP;
	if (strcmp(event, EXTEND_KEY) == 0)
		digest[9] ^= y->extends == EXTENDS_KEY_FLIP;
	if (!failed && (a->inner || launch || y->extends != EXTENDS_UNDONE))
		rtmr_extend(rtmr3, digest);
	if (a->inner && y->extends == EXTENDS_PROBE_FLIP)
		digest[3] ^= 1;
	before[0] ^= a->inner && y->extends == EXTENDS_PROBE_READ;
	stream_frame(
	        s, FRAME_EXTEND,
	        json_pack("{s:s, s:i, s:b, s:s, s:i, s:f, s:s, s:o, s:o, s:o, s:o, s:[b,b,b,b]}",
	                  "interface", "rtmr-sysfs", "rtmr", 3, "ok", !failed, "step",
	                  failed ? "write" : "done", "errno", failed ? 5 : 0, "ms", 0.2, "event",
	                  event, "payload", base64_json(payload, size), "digest",
	                  base64_json(digest, 48), "before", base64_json(before, 48), "after",
	                  base64_json(rtmr3, 48), "writable", 0,
	                  a->inner && y->extends == EXTENDS_WRITABLE, 0, 1));
}

static inline void put_probe(struct synth *y, struct stream *s, const struct account *a)
{
	uint8_t payload[EXTEND_PROBE_MAX];
	size_t size = extend_probe_payload(a->nonce, EXTEND_SYSFS, a->id, payload);

	payload[9] ^= a->inner && y->extends == EXTENDS_PROBE_EVENT;
	if (y->extends)
		put_extend(y, s, a, EXTEND_PROBE, payload, size);
}

static inline void put_launch(struct synth *y, struct stream *s)
{
	const struct account a = {.id = synth_td};
	char text[512], config[97];
	uint8_t digest[48];
	struct sha512 h;

	sha384_init(&h);
	launch_config_add(&h, "docker", "n-1");
	launch_config_add(&h, y->extends == EXTENDS_LAUNCH_ARGV ? "--other=%" : "--name=%", "n-1");
	sha384_final(&h, digest);
	hex_encode(digest, 48, config);
	snprintf(text, sizeof(text), "{\"config\":\"%s\",\"image\":\"%s\",\"layer\":\"%s\"}",
	         config, SYNTH_IMAGE,
	         y->extends == EXTENDS_LAUNCH_ID ? "td/docker" : y->item[1].id);
	if (y->extends == EXTENDS_LAUNCH_TEXT)
		snprintf(text, sizeof(text), "hello");
	put_extend(y, s, &a, EXTEND_LAUNCH, text, strlen(text));
}

static inline json_t *synth_key_json(const struct synth *y)
{
	uint8_t key[32];

	memset(key, SYNTH_KEY, sizeof(key));
	return json_pack("{s:o}", "public", base64_json(key, y->secret == SECRET_SHORT ? 31 : 32));
}

static inline void put_key(struct synth *y, struct stream *s, const struct account *a)
{
	if (!a->inner || !y->secret || y->secret == SECRET_KEYLESS)
		return;
	for (int i = 0; i < (y->secret == SECRET_TWO_KEYS ? 2 : 1); i++)
		stream_frame(s, FRAME_KEY, synth_key_json(y));
}

/* That the layer below has measured it. */
static inline void put_keyed(struct synth *y, struct stream *s)
{
	const struct account a = {.id = synth_td};
	json_auto_t *payload = synth_key_json(y);
	char text[512], hex[65], *key = json_dumps(payload, JSON_COMPACT);
	uint8_t digest[32];

	sha256(key, strlen(key), digest);
	digest[5] ^= y->extends == EXTENDS_KEY_OTHER;
	hex_encode(digest, 32, hex);
	snprintf(text, sizeof(text), "{\"key\":\"%s\",\"layer\":\"%s\"}", hex,
	         y->extends == EXTENDS_KEY_LAYER ? "td/docker" : y->item[1].id);
	put_extend(y, s, &a, EXTEND_KEY, text, strlen(text));
	free(key);
}

static inline void put_question(struct synth *y, struct stream *s, const struct account *a)
{
	uint8_t proof[32];

	if (!a->inner || !y->secret || y->secret == SECRET_ASKLESS)
		return;
	for (int i = 0; i < (y->secret == SECRET_REPEATS ? 2 : 1); i++)
		stream_frame(s, FRAME_ASK, json_object());
	memset(proof, SYNTH_PROOF, sizeof(proof));
	proof[31] ^= y->secret == SECRET_GUESSES;
	if (y->secret == SECRET_SILENT)
		stream_frame(s, FRAME_PROOF, json_pack("{s:b, s:s}", "ok", 0, "step", "open"));
	else
		stream_frame(s, FRAME_PROOF,
		             json_pack("{s:b, s:s, s:o}", "ok", 1, "step", "done", "mac",
		                       base64_json(proof, sizeof(proof))));
}

static inline void put_account(struct synth *y, struct stream *s, const struct account *a)
{
	put_hello(y, s, a);
	put_facts(s, a);
	put_log(y, s, a);
	put_key(y, s, a);
	put_probe(y, s, a);
	put_tdreport(y, s, a);
	put_quote(y, s, a);
	put_brokered(y, s, a);
	if (a->twist == NO_JSON)
		stream_raw(s, FRAME_FACT, "[1]", 3);
	put_question(y, s, a);
	s->sequence += a->twist == SEQUENCE_GAP;
	if (a->twist != NO_DONE && a->twist != ZERO_NO_DONE)
		stream_frame(s, FRAME_DONE,
		             json_pack("{s:s}", "layer", a->twist == DONE_ID ? "td" : a->id));
	if (a->twist == AFTER_DONE)
		stream_frame(s, FRAME_FACT, json_pack("{s:s}", "probe", "late"));
}

/* ---- the run ---- */
static inline void put_relays(struct synth *y, struct stream *s, const uint8_t *data, size_t size)
{
	static const char words[] = "docker: starting\nlast words \033[31mred\033[0m\n";
	size_t at, n;

	for (at = 0; at < size; at += n) {
		n = size - at < 1500 ? size - at : 1500;
		stream_frame(s, FRAME_RELAY,
		             json_pack("{s:i, s:o}", "child", y->twist == OTHER_TAG ? 8 : 7, "data",
		                       base64_json(data + at, n)));
	}
	stream_frame(
	        s, FRAME_STDERR,
	        json_pack("{s:i, s:o}", "child", 7, "data", base64_json(words, sizeof(words) - 1)));
}

static inline void put_child(struct synth *y, struct stream *s)
{
	struct account a = {y->item[1].id, y->visit[1].nonce[1], true, y->twist};
	struct stream child = {0};
	bool silent = y->twist == NOT_STARTED || y->twist == NOT_STARTED_MUTE ||
	              y->twist == STARTED_SILENT || y->twist == ENGINE_CUT;

	sha384_init(&child.digest);
	put_account(y, &child, &a);
	if (y->twist == EVIDENCE_CHANGED)
		memcpy(memmem(child.data, child.size, "0600", 4), "0666", 4);
	if (y->secret == SECRET_SWAPPED) /* its first character in base64 */
		*(uint8_t *)(memmem(child.data, child.size, "\"public\":\"", 10) + 10) ^= 1;
	if (y->flip >= 0)
		child.data[y->flip] ^= 1u << (y->flip % 8);
	if (y->twist == CUT_SHORT)
		child.size -= 5;
	if (y->twist == GARBAGE)
		memcpy(child.data + y->covered, "not a frame at all", 18);
	put_relays(y, s, child.data, silent ? 0 : child.size);
	free(child.data);
}

static inline void put_second_visit(struct synth *y, struct stream *s)
{
	bool silent =
	        y->twist == NOT_STARTED || y->twist == NOT_STARTED_MUTE || y->twist == ENGINE_CUT;

	if (y->twist != NO_ENTER)
		stream_frame(s, FRAME_ENTER,
		             json_pack("{s:i, s:s, s:s, s:s, s:[s, s]}", "child", 7, "layer",
		                       y->twist == OTHER_ENTER ? "td/docker" : y->item[1].id,
		                       "driver", "docker", "name", "n-1", "argv", "docker",
		                       "--name=n-1"));
	if (y->extends && y->extends != EXTENDS_NO_LAUNCH)
		put_launch(y, s);
	if (y->extends >= EXTENDS_KEYED)
		put_keyed(y, s);
	put_child(y, s);
	if (y->twist != NO_LEFT)
		stream_frame(s, FRAME_LEFT,
		             json_pack("{s:i, s:s, s:b, s:i, s:n, s:b, s:f, s:f, s:s, s:s}",
		                       "child", 7, "layer", y->item[1].id, "started", !silent,
		                       "exit", silent ? 125 : 0, "signal", "timeout",
		                       y->twist == LEFT_TIMEOUT, "seconds", 4.2, "ready_ms", 3800.0,
		                       "step", silent ? "run" : "", "reason",
		                       y->twist == ENGINE_CUT
		                               ? "docker: Error response from daemon: "
		                                 "context deadline exceeded"
		                       : y->twist == NOT_STARTED
		                               ? "no such \033[31mdevice\nusage: docker"
		                               : ""));
	stream_frame(s, FRAME_DONE, json_pack("{s:s}", "layer", synth_td));
}

static inline void synth_case(struct synth *y, size_t i, const char *id, enum grade grade, int rung)
{
	struct test_case *c = &y->item[i];
	struct err e;

	ck_assert_msg(cell_parse(id, &c->cell, &e) == 0, "%s", e.text);
	cell_print(&c->cell, c->cell.layers, c->id);
	c->expect = (struct expectation){
	        .entered = 1, .grade = grade, .kvm = -1, .rung = rung, .secret = -1};
	c->why = (char *)"a test";
}

static inline void synth_record(struct synth *y)
{
	y->step[1].case_index = 1;
	snprintf(y->boot.boot.id, sizeof(y->boot.boot.id), "td-1");
	snprintf(y->boot.boot.layer0_id, sizeof(y->boot.boot.layer0_id), "td");
	y->boot.boot.layer0 = y->item[0].cell.layer[0];
	y->boot.boot.platform = y->twist == HARDWARE ? PLATFORM_HARDWARE : PLATFORM_EMULATED;
	y->boot.boot.step = y->step;
	y->boot.boot.steps = 2;
	y->boot.attempt = 1;
	y->boot.console_tail = (char *)"first line\nlast line \033[2J\n\n";
	y->boot.visit = y->visit;
	y->boot.visits = 2;
	y->boot.clock = y->clock;
	y->boot.clocks = 2;
	for (size_t i = 0; i < 2; i++) {
		cell_print(&y->item[i].cell, i + 1, y->visit[i].cell_id);
		y->visit[i].layers = i + 1;
		y->visit[i].probe0 = i == 0;
		y->visit[i].seconds = 1.5;
		memset(y->visit[i].nonce[i], 0x11 + (int)i, 32);
	}
	y->run = (struct run_record){.id = (char *)"20261124T120000Z-00000001",
	                             .dir = (char *)"/nonexistent",
	                             .started = time(NULL),
	                             .seconds = 12,
	                             .root_pem = (char *)authority_root_pem(y->authority),
	                             .boot = &y->boot,
	                             .boots = 1};
	y->cases = (struct case_file){.path = (char *)"t.yaml", .item = y->item, .count = 2};
	y->in = (struct judge_input){.run = &y->run, .cases = &y->cases, .channel = &y->channel};
}

/* Registers that the genuine log of `cases/golden/eventlog` replays to. */
static inline void synth_registers(struct synth *y)
{
	uint64_t at;
	size_t events;

	y->log = golden_read("eventlog/trustee-ovmf.bin");
	y->td.tcb = emulated_report().tcb;
	y->td.mac.type = 0x81;
	memset(y->td.td.mrtd, 0x4d, 48);
	y->td.td.xfam = 0xe7;
	y->td.td.attributes = 1ull << 28 | (synth_debug ? TDX_ATTR_DEBUG : 0);
	ck_assert_int_eq(eventlog_replay(y->log.data, y->log.size, y->td.td.rtmr, &events, &at), 0);
	memset(y->td.td.rtmr[3], 0, 48);
	if (y->twist == ZERO_LOG) { /* the digest of the first event after the header */
		struct eventlog log;
		struct event event;
		enum format_code code;

		ck_assert_int_eq(eventlog_open(y->log.data, y->log.size, &log, &at), 0);
		while (eventlog_next(&log, &event, &code, &at) == 1 && !event_extends(&event))
			;
		*(uint8_t *)memmem(y->log.data, y->log.size, event.digest, 48) ^= 1;
	}
}

/* Layer 0's clock, read within a millisecond at this second of the host's. */
static inline void put_clock(struct synth *y, struct stream *s, size_t i, unsigned second)
{
	uint64_t us = second * 1000000ull;

	y->clock[i] = (struct clock_reading){5000000 + us, 5001000 + us, s->size};
	stream_frame(s, FRAME_CLOCK,
	             json_pack("{s:I}", "monotonic_us",
	                       (json_int_t)(2000000 + us * (y->twist == ZERO_CLOCK ? 4 : 1))));
}

/* Writes the channel anew, for the present twist and flip. */
static inline void synth_build(struct synth *y)
{
	static const enum twist zero_twists[] = {ZERO_NONCE, ZERO_LOG, ZERO_NO_LOG, ZERO_LOG_CUT,
	                                         ZERO_NO_DONE};
	struct account a = {synth_td, y->visit[0].nonce[0], false, AS_IT_SHOULD_BE};
	struct stream s = {0};

	for (size_t i = 0; i < COUNT_OF(zero_twists); i++) {
		if (y->twist == zero_twists[i])
			a.twist = y->twist;
	}
	golden_done(&y->log);
	synth_registers(y);
	put_clock(y, &s, 0, 0);
	y->visit[0].begin = s.size;
	sha384_init(&s.digest);
	put_account(y, &s, &a);
	y->visit[0].end = y->visit[1].begin = s.size;
	if (y->extends == EXTENDS_UNTOLD)
		rtmr_extend(y->td.td.rtmr[3], (const uint8_t *)SYNTH_IMAGE);
	sha384_init(&s.digest);
	put_second_visit(y, &s);
	y->visit[1].end = s.size;
	put_clock(y, &s, 1, 8);
	free(y->bytes);
	y->bytes = s.data;
	y->size = s.size;
	y->channel = (struct bytes){y->bytes, y->size};
}

static inline void synth_init(struct synth *y, enum twist twist)
{
	struct err e;

	*y = (struct synth){.twist = twist, .flip = -1};
	scratch_make();
	ck_assert_int_eq(authority_open(scratch_path("authority"), &y->authority, &e), 0);
	ck_assert_int_eq(authority_open(scratch_path("other"), &y->other, &e), 0);
	synth_case(y, 0, synth_td, GRADE_VERIFIED, -1);
	synth_case(y, 1, "td/docker+dev+tsm+noapparmor", GRADE_VERIFIED, RUNG_COVERS);
	synth_record(y);
	synth_build(y);
}

static inline void synth_done(struct synth *y)
{
	authority_free(y->authority);
	authority_free(y->other);
	scratch_remove();
	free(y->bytes);
	golden_done(&y->log);
}

/* The prediction of a boot whose registers are those of the made-up TD. */
static inline void synth_predict(const struct synth *y, struct prediction *p)
{
	memset(p, 0, sizeof(*p));
	memcpy(p->mrtd[MRTD_TWO_PASS], y->td.td.mrtd, 48);
	memcpy(p->rtmr, y->td.td.rtmr, sizeof(p->rtmr));
	for (int i = 0; i < 4; i++)
		p->known[i] = true;
}

/* Judges the container's case. */
static inline struct cell_verdict synth_judge(struct synth *y, size_t case_index)
{
	struct cell_verdict v;
	struct err e;

	ck_assert_msg(judge_case(&y->in, case_index, &v, &e) == 1, "%s", e.text);
	return v;
}
