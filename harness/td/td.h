/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "format/task.h"
#include "plan/plan.h"
#include "run/kept.h"
#include "run/parts.h"
#include "run/quoteservice.h"
#include "td/place.h"
#include "td/share.h"
#include "trust/trust.h"

/* A trust domain for somebody's own work, as it was asked for. */
struct td_spec {
	struct boot boot;
	struct host_facts host;
	struct guest_parts parts;
	struct authority *authority; /* NULL: hardware */
	struct quote_service quotes; /* hardware: where they come from */
	bool network;                /* QEMU's user network */
	struct image_file root; /* has what programs see as their root; path NULL: the TD's own */
	bool layers; /* layers are entered in it, whose engines start by themselves */
	struct kept_boot *kept; /* it runs already: what a run left up; NULL: it is booted */
	unsigned kept_s;        /* then: it is ended so many seconds after it is ready for programs */
	bool alone;  /* boots parts.disk by itself: programs only where the agent is in it */
	int console; /* then: the other end of its serial line, a socket */
	struct share share[TASK_SHARES];
	size_t shares;
	struct place place;
};

/* What it says of itself everywhere: "EMULATED trust domain", "trust domain" or "plain VM". */
const char *td_title(const struct td_spec *s);

/*
 * keeper.c: what keeps a TD, in the calling process, until it is stopped, its QEMU ends or `owner`
 * (a descriptor, -1: none) is closed at the other end. Writes one line to `report` and closes it:
 * "ready SECONDS", or why it never was. 0, or the failure.
 */
int td_keep(const struct td_spec *s, int owner, int report, struct err *e);

/*
 * launch.c: the same in processes of its own: one keeps the TD, one waits for it and removes what
 * it leaves behind; if either is killed, the other ends in good order. The caller gets on when the
 * TD is ready. *ret_owner (NULL: it lives until it is stopped) is closed to end it.
 */
int td_launch(const struct td_spec *s, int *ret_owner, double *ret_seconds, struct err *e);
/* Waits until all that td_launch() started is gone. */
void td_launch_wait(void);

/* Beyond format/task.h, between the keeper and who connects to its socket; none is a guest's. */
enum td_record {
	TD_STOP = 64,  /* power off; the connection is closed when that is done */
	TD_ENDED = 65, /* from the keeper: why the TD has ended, as text */
};

/* config.c: the TD frame's JSON. `pccs` is the host's URL or NULL. Caller frees *ret. */
int td_config(const struct td_spec *s, const char *pccs, char **ret, struct err *e);
/* The environment of programs in there: a NULL-terminated vector, for argv_free(). */
char **td_environment(const struct td_spec *s, const char *pccs);
/* td.json: what `td list` shows. */
int td_describe(const struct td_spec *s, const char *pccs, struct err *e);
