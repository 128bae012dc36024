/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The one vocabulary of cells: kinds of layers, their modes, grants and axes, as enumerators and as
 * rows of what is known of each. The words stand in kinds.def. Harness and agent read them into a
 * `struct layer` by the functions below, and compare no texts after that. A set is a word of bits,
 * 1 << the enumerator.
 */
enum mode {
#define MODE(id, ...) MODE_##id,
#include "format/kinds.def"
	MODE_COUNT
};
enum kind_id {
#define KIND(id, ...) KIND_##id,
#include "format/kinds.def"
	KIND_COUNT
};
enum grant {
#define GRANT(id, ...) GRANT_##id,
#include "format/kinds.def"
	GRANT_COUNT
};
enum axis {
#define AXIS(id, ...) AXIS_##id,
#include "format/kinds.def"
	AXIS_COUNT
};
/* Values that are words, of all axes: WORD_KERNEL_TRIXIE ... */
enum word {
	WORD_ABSENT, /* nothing was said */
	WORD_NUMBER, /* a number instead */
#define WORD(axis, id, ...) WORD_##axis##_##id,
#include "format/kinds.def"
	WORD_COUNT
};

struct kind {
	const char *name, *what; /* what it is, for people */
	bool outermost;          /* layer 0; no other kind is, and this one is nothing else */
	bool trust_domain;
	bool machine; /* a kernel of its own; else a container */
	bool found;   /* layer 0 as somebody else booted it */
	bool alone;   /* changes what all layers of the boot measure: it has its own */
	bool bundle;  /* told by an OCI bundle's config.json, not by words of a command */
	bool keeps_id, adds_no_cap;   /* user=keep-id is known to it; cap can only be `none` */
	bool shifts_no_uid;           /* userns can only be `identity` */
	uint32_t modes, grants, axes; /* with MODE_PLAIN no mode has to be written */
	uint32_t leaf;                /* modes that enter nothing further */
	uint32_t tiny;                /* modes whose guest is guests/tiny, which probes nothing */
	uint32_t kvm_of_below;        /* modes that are started by the KVM of the layer below */
};
extern const struct kind kind_rows[KIND_COUNT]; /* by enum kind_id */

struct grant_row {
	const char *name, *what;
	unsigned weight;    /* what it gives away beside evidence; 0: no rung needs it */
	uint32_t needs;     /* one of these grants, or it changes nothing; 0: any set is well */
	bool intrusive;     /* with it a layer can change those below: RTMRs, modules, sysfs */
	const char *device; /* the node it gives, or NULL */
	const char *bind;   /* the folder or file it binds, or NULL */
	const char *place;  /* where the layer has it, if not at the same path */
	bool delegated;     /* what is bound belongs to the layer's user for that time */
	bool read_only;
	const char *node; /* what is changed below for the time that the container runs, or NULL */
	uint32_t group;   /* the node's, and the container is in it; 0: left alone */
	uint32_t node_mode;
	const char *before; /* how people do in the layer below what no word of a command does */
};
/* Below it the layer below binds what is delegated, so that engines can take it from there. */
#define GRANT_DELEGATED_DIR "/var/lib/tception"
extern const struct grant_row grant_rows[GRANT_COUNT];

struct axis_range {
	uint32_t from, to; /* both 0: no numbers */
};
struct axis_row {
	const char *name, *what;
	const char *unit;               /* of its numbers, or NULL */
	const char *expected;           /* for messages, where its words are too many; or NULL */
	struct axis_range outer, inner; /* of layer 0, and further in */
};
extern const struct axis_row axis_rows[AXIS_COUNT];

const char *mode_name(enum mode mode); /* "" for MODE_PLAIN */
const char *word_text(enum word word); /* "" for WORD_ABSENT and WORD_NUMBER */
enum axis word_axis(enum word word);   /* of a real one */
/* The first word of an axis; those of one axis follow each other. WORD_COUNT: it has none. */
enum word axis_first_word(enum axis axis);
/* Where an axis is a choice of words only, by their place in it: from 0; -1: no such word. */
const char *axis_choice_name(enum axis axis, unsigned choice);
int axis_choice_find(enum axis axis, const char *name, size_t size);

struct axis_value {
	enum axis axis;
	enum word word;
	uint32_t number; /* with WORD_NUMBER */
};

struct layer {
	const struct kind *kind;
	enum mode mode;
	uint8_t grants, axes; /* how many were written, in this order; none twice */
	enum grant grant[GRANT_COUNT];
	struct axis_value axis[AXIS_COUNT];
};

/* By name, of `size` bytes; -1 or NULL where there is none. */
const struct kind *kind_find(const char *name, size_t size, bool outermost);
int mode_find(const char *name, size_t size);
int grant_find(const char *name, size_t size);
int axis_find(const char *name, size_t size);
/* A word of the axis, or a number in its range, in plain decimal. */
bool axis_read(enum axis axis, bool outermost, const char *text, size_t size,
               struct axis_value *ret);

/* The value's text; `out` is only used for numbers. */
#define AXIS_TEXT_MAX 12
const char *axis_text(const struct axis_value *value, char out[AXIS_TEXT_MAX]);

/* The grants as a set. */
uint32_t layer_grant_set(const struct layer *layer);
bool layer_has(const struct layer *layer, enum grant grant);
/* Adds one that it has not. */
void layer_grant(struct layer *layer, enum grant grant);

/* What the layer says of an axis, NULL: nothing. */
const struct axis_value *layer_said(const struct layer *layer, enum axis axis);
/* What it says, or what is usual; WORD_ABSENT, and 0, where neither is a word, or a number. */
enum word layer_word(const struct layer *layer, enum axis axis);
uint32_t layer_number(const struct layer *layer, enum axis axis);
/* The place of its word among those of the axis; one of them is usual. */
unsigned layer_choice(const struct layer *layer, enum axis axis);

/* An order of layers, < 0, 0 or > 0, in which what is written in another order, or leaves out what is
 * usual, is the same. */
int layer_compare(const struct layer *a, const struct layer *b);
bool layer_same(const struct layer *a, const struct layer *b);

/* Whether its mode is one of the set. */
bool layer_mode_in(const struct layer *layer, uint32_t modes);

/* Whether the layer can write RTMRs, load modules or otherwise change the layers below it. */
bool layer_is_intrusive(const struct layer *layer);
