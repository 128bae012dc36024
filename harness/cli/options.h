/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "format/bytes.h"

/*
 * The dialect of the command line. A letter means the same to every verb that has it: -o what is
 * written (--output), -j how many at once (--jobs), -f the form of what is printed (--format), -r
 * the registers, too (--registers), -h help. All other options are long only.
 *
 * A verb says what it takes as a table; each row names the member of its `struct options` that the
 * value goes to. Rows that verbs share are macros: here, in options_run.h and evidence.h.
 */
struct option_row {
	const char *name;  /* NULL: a heading over the rows behind it */
	const char *value; /* as the help calls it; NULL: there is none */
	const char *help;
	int letter;    /* or 0 */
	bool optional; /* of a call: the value, NULL where there is none */
	enum {
		OPTION_IS_FLAG,
		OPTION_IS_TEXT,
		OPTION_IS_NUMBER,
		OPTION_IS_CHOICE,
		OPTION_IS_CALL,
		OPTION_IS_TABLE
	} kind;
	size_t member;            /* where it is: bool, const char *, unsigned, an enum, anything */
	unsigned max;             /* of a number, which is from 1 on */
	const char *const *names; /* of a choice, `max` of them: the value is the index of one */
	int (*take)(void *member, const char *value, struct err *e); /* 0 or -errno */
	const struct option_row *table; /* whose members are those of this one */
};

#define OPTION_MEMBER(type, m) \
	(offsetof(struct options, m) + 0 * sizeof((type *)0 == &((struct options *)0)->m))
#define OPTION_ROW(is, at, long, called, text, ...)                                                \
	{                                                                                          \
		.kind = OPTION_IS_##is, .member = at, .name = long, .value = called, .help = text, \
		##__VA_ARGS__                                                                      \
	}
#define OPTION_FLAG(m, long, text, ...) \
	OPTION_ROW(FLAG, OPTION_MEMBER(bool, m), long, NULL, text, ##__VA_ARGS__)
#define OPTION_TEXT(m, long, value, text, ...) \
	OPTION_ROW(TEXT, OPTION_MEMBER(const char *, m), long, value, text, ##__VA_ARGS__)
#define OPTION_NUMBER(m, long, most, text, ...) \
	OPTION_ROW(NUMBER, OPTION_MEMBER(unsigned, m), long, "N", text, .max = most, ##__VA_ARGS__)
#define OPTION_CHOICE(m, long, value, all, text, ...)                                              \
	OPTION_ROW(CHOICE,                                                                         \
	           offsetof(struct options, m) +                                                   \
	                   0 * sizeof(char[sizeof(((struct options *)0)->m) == sizeof(int) ? 1     \
	                                                                                   : -1]), \
	           long, value, text, .max = COUNT_OF(all), .names = all, ##__VA_ARGS__)
#define OPTION_CALL(m, f, long, value, text, ...) \
	OPTION_ROW(CALL, offsetof(struct options, m), long, value, text, .take = f, ##__VA_ARGS__)
#define OPTION_TABLE(m, type, rows) \
	OPTION_ROW(TABLE, OPTION_MEMBER(type, m), NULL, NULL, NULL, .table = rows)
#define OPTION_HEADING(text)       OPTION_ROW(FLAG, 0, NULL, NULL, text)
#define OPTION_JSON                OPTION_FLAG(json, "json", "print JSON")
#define OPTION_OUTPUT(m, text)     OPTION_TEXT(m, "output", "DIR", text, .letter = 'o')
#define OPTION_JOBS(m, most, text) OPTION_NUMBER(m, "jobs", most, text, .letter = 'j')

struct options_of {
	const char *about;   /* for the help; what follows \v stands behind the options */
	const char *usage;   /* operands as the help calls them, or NULL */
	size_t operand;      /* OPTION_MEMBER(): of `operands` pointers, zero at first */
	unsigned operands;   /* at most */
	bool rest;           /* the one operand is a char **: argv from there on */
	const char *missing; /* the complaint when there is no operand; NULL: there need be none */
	int (*check)(const void *options, struct err *e); /* of all of them; or NULL */
	const struct option_row *rows;                    /* up to one of zeros */
};

/* Of a verb with one operand, which it needs. */
#define OPTION_OPERAND(m, called, none) \
	.usage = called, .operand = OPTION_MEMBER(const char *, m), .operands = 1, .missing = none

/* Fills `options`; ends the program with EXIT_USAGE on whatever the verb does not take. */
void options_parse(const struct options_of *verb, int argc, char **argv, void *options);
/* Why options_parse() ends the program, for atexit(); NULL where it is no value that is wrong. */
const char *options_complaint(void);

/* For OPTION_CALL: a number from 1 to `max`; the index of one of `names`. -EINVAL. */
int options_number(const char *option, const char *text, unsigned max, unsigned *ret,
                   struct err *e);
int options_choice(const char *option, const char *text, const char *const names[], size_t count,
                   struct err *e);

/* For OPTION_CALL on a time_t: seconds since 1970, or "2026-01-27T09:01:45Z". -EINVAL. */
int options_take_time(void *ret, const char *text, struct err *e);
