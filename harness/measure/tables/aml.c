/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/tables/aml.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/bytes.h"
#include "format/text.h"

#define DEPTH_MAX 32u
#define WORD_MAX  200u /* characters of a word, or of a string */

/* ---- bytes ---- */

static void put(struct aml *a, const void *data, size_t size)
{
	if (a->size + size > a->room) {
		size_t room = 2 * (a->size + size);
		uint8_t *grown = realloc(a->data, room);

		if (!grown) {
			a->failed = true;
			return;
		}
		a->data = grown;
		a->room = room;
	}
	memcpy(a->data + a->size, data, size);
	a->size += size;
}

static void put_byte(struct aml *a, unsigned value)
{
	put(a, &(uint8_t){(uint8_t)value}, 1);
}

static void put_little(struct aml *a, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		put_byte(a, (unsigned)(value >> 8 * i) & 0xff);
}

static void put_integer(struct aml *a, uint64_t value)
{
	static const struct {
		uint64_t max;
		unsigned opcode, size;
	} forms[] = {
	        {0xff, 0x0a, 1}, {0xffff, 0x0b, 2}, {0xffffffff, 0x0c, 4}, {UINT64_MAX, 0x0e, 8}};
	size_t i = 0;

	if (value <= 1) {
		put_byte(a, (unsigned)value); /* ZeroOp, OneOp */
		return;
	}
	while (value > forms[i].max)
		i++;
	put_byte(a, forms[i].opcode);
	put_little(a, value, forms[i].size);
}

/* PkgLength, 20.2.4: of `length` bytes, or of itself and so many. */
static unsigned package_length(size_t length, bool itself, uint8_t ret[4])
{
	unsigned more = 0;

	while (length + (itself ? more + 1 : 0) >= (more ? 1ul << (4 + 8 * more) : 64))
		more++;
	length += itself ? more + 1 : 0;
	ret[0] = (uint8_t)(more ? more << 6 | (length & 15) : length);
	for (unsigned i = 0; i < more; i++)
		ret[1 + i] = (uint8_t)(length >> (4 + 8 * i));
	return more + 1;
}

static void insert(struct aml *a, size_t at, const void *data, size_t size)
{
	put(a, data, size);
	if (a->failed)
		return;
	memmove(a->data + at + size, a->data + at, a->size - size - at);
	memcpy(a->data + at, data, size);
}

/* ---- words ---- */

static const struct {
	const char *word;
	uint8_t size, code[2];
} opcodes[] = {
        {"scope", 1, {0x10}},
        {"buffer", 1, {0x11}},
        {"resources", 1, {0x11}},
        {"package", 1, {0x12}},
        {"method", 1, {0x14}},
        {"name", 1, {0x08}},
        {"device", 2, {0x5b, 0x82}},
        {"processor", 2, {0x5b, 0x83}},
        {"opregion", 2, {0x5b, 0x80}},
        {"field", 2, {0x5b, 0x81}},
        {"mutex", 2, {0x5b, 0x01}},
        {"acquire", 2, {0x5b, 0x23}},
        {"release", 2, {0x5b, 0x27}},
        {"debug", 2, {0x5b, 0x31}},
        {"local0", 1, {0x60}},
        {"local1", 1, {0x61}},
        {"local2", 1, {0x62}},
        {"local3", 1, {0x63}},
        {"local4", 1, {0x64}},
        {"local5", 1, {0x65}},
        {"arg0", 1, {0x68}},
        {"arg1", 1, {0x69}},
        {"arg2", 1, {0x6a}},
        {"arg3", 1, {0x6b}},
        {"arg4", 1, {0x6c}},
        {"store", 1, {0x70}},
        {"subtract", 1, {0x74}},
        {"increment", 1, {0x75}},
        {"shl", 1, {0x79}},
        {"shr", 1, {0x7a}},
        {"and", 1, {0x7b}},
        {"or", 1, {0x7d}},
        {"deref", 1, {0x83}},
        {"notify", 1, {0x86}},
        {"sizeof", 1, {0x87}},
        {"index", 1, {0x88}},
        {"dwordfield", 1, {0x8a}},
        {"land", 1, {0x90}},
        {"lor", 1, {0x91}},
        {"lnot", 1, {0x92}},
        {"lequal", 1, {0x93}},
        {"lgreater", 1, {0x94}},
        {"lless", 1, {0x95}},
        {"tobuffer", 1, {0x96}},
        {"tohexstring", 1, {0x98}},
        {"if", 1, {0xa0}},
        {"else", 1, {0xa1}},
        {"while", 1, {0xa2}},
        {"return", 1, {0xa4}},
        {"break", 1, {0xa5}},
};

static bool put_opcode(struct aml *a, const char *word)
{
	for (size_t i = 0; i < COUNT_OF(opcodes); i++) {
		if (strcmp(word, opcodes[i].word) == 0) {
			put(a, opcodes[i].code, opcodes[i].size);
			return true;
		}
	}
	return false;
}

static void put_segment(struct aml *a, const char *from, size_t length)
{
	char segment[4] = {'_', '_', '_', '_'};

	a->failed = a->failed || length == 0 || length > 4;
	memcpy(segment, from, length < 4 ? length : 4);
	put(a, segment, 4);
}

/* NameString, 20.2.2. */
static void put_name(struct aml *a, const char *word)
{
	unsigned segments = 1;

	for (; *word == '\\' || *word == '^'; word++)
		put_byte(a, (unsigned char)*word);
	if (!*word) {
		put_byte(a, 0);
		return;
	}
	for (const char *at = word; *at; at++)
		segments += *at == '.';
	if (segments == 2)
		put_byte(a, 0x2e);
	else if (segments > 2)
		put(a, (uint8_t[]){0x2f, (uint8_t)segments}, 2);
	for (size_t length; *word; word += length + (word[length] == '.')) {
		length = strcspn(word, ".");
		put_segment(a, word, length);
	}
}

static void put_bits(struct aml *a, const char *text)
{
	uint8_t length[4];

	put(a, length, package_length(strtoul(text, NULL, 10), false, length));
}

/* "PNP0A08": three letters of five bits and four digits, big-endian. */
static void put_eisa(struct aml *a, const char *id)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < 3; i++)
		value = value << 5 | ((uint32_t)id[i] - 0x40);
	value = value << 16 | (uint32_t)strtoul(id + 3, NULL, 16);
	put_byte(a, 0x0c);
	put_little(a, __builtin_bswap32(value), 4);
}

static void put_raw(struct aml *a, const char *hex)
{
	uint8_t bytes[WORD_MAX / 2];
	size_t size;

	if (hex_decode(hex, strlen(hex), bytes, &size) != FORMAT_OK)
		a->failed = true;
	else
		put(a, bytes, size);
}

static void put_word(struct aml *a, const char *word)
{
	const char *colon = strchr(word, ':');

	if (word[0] == '"') {
		put_byte(a, 0x0d);
		put(a, word + 1, strlen(word)); /* with the NUL */
	} else if (word[0] == ':') {
		put_raw(a, word + 1);
	} else if (word[0] == '+') {
		put_byte(a, 0);
		put_bits(a, word + 1);
	} else if (isdigit((unsigned char)word[0])) {
		put_integer(a, strtoull(word, NULL, 0));
	} else if (strncmp(word, "eisa:", 5) == 0) {
		put_eisa(a, word + 5);
	} else if (colon) {
		put_segment(a, word, (size_t)(colon - word));
		put_bits(a, colon + 1);
	} else if (!put_opcode(a, word)) {
		a->failed = a->failed || islower((unsigned char)word[0]);
		put_name(a, word);
	}
}

/* ---- the text ---- */

struct scan {
	const char *at, *end;
	char word[WORD_MAX]; /* a string has its opening quote only */
};

static bool next_word(struct scan *s)
{
	size_t n = 0;
	bool quoted;

	for (;;) {
		while (s->at < s->end && isspace((unsigned char)*s->at))
			s->at++;
		if (s->at == s->end || *s->at != '#')
			break;
		while (s->at < s->end && *s->at != '\n')
			s->at++;
	}
	if (s->at == s->end)
		return false;
	quoted = *s->at == '"';
	do {
		if (n < WORD_MAX - 1)
			s->word[n++] = *s->at;
		s->at++;
	} while (s->at < s->end && (quoted ? *s->at != '"' : !isspace((unsigned char)*s->at)));
	s->at += quoted && s->at < s->end;
	s->word[n] = '\0';
	return true;
}

static bool holds(const struct aml *a, const char *word)
{
	bool wanted = *word != '!';

	word += !wanted;
	if (word[0] == 'v' && isdigit((unsigned char)word[1]))
		return (a->version >= strtoul(word + 1, NULL, 10)) == wanted;
	for (size_t i = 0; a->words && a->words[i]; i++) {
		if (strcmp(a->words[i], word) == 0)
			return wanted;
	}
	return !wanted;
}

static void skip(struct scan *s)
{
	for (unsigned depth = 1; depth > 0 && next_word(s);) {
		if (s->word[0] == '[')
			depth++;
		else if (s->word[0] == ']')
			depth--;
	}
}

struct package {
	size_t at;
	bool resources;
};

static void close_package(struct aml *a, const struct package *p)
{
	uint8_t length[4];

	if (p->resources) {
		struct aml size = {0};

		put(a, (uint8_t[]){0x79, 0}, 2);
		put_integer(&size, a->size - p->at);
		insert(a, p->at, size.data, size.size);
		aml_done(&size);
	}
	insert(a, p->at, length, package_length(a->size - p->at, true, length));
}

void aml_text(struct aml *a, const char *text, size_t size)
{
	struct scan s = {.at = text, .end = text + size};
	struct package open[DEPTH_MAX];
	unsigned depth = 0;
	bool resources = false;

	while (!a->failed && next_word(&s)) {
		if (s.word[0] == '{' && depth < DEPTH_MAX) {
			open[depth++] = (struct package){a->size, resources};
		} else if (s.word[0] == '}' && depth > 0) {
			close_package(a, &open[--depth]);
		} else if (s.word[0] == '[') {
			if (!holds(a, s.word + 1))
				skip(&s);
		} else if (s.word[0] == '*' && a->hook) {
			a->hook(a, s.word + 1, a->userdata);
		} else if (s.word[0] != ']') {
			put_word(a, s.word);
		}
		resources = strcmp(s.word, "resources") == 0;
	}
	a->failed = a->failed || depth > 0;
}

void aml_textf(struct aml *a, const char *fmt, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0) {
		a->failed = true;
		return;
	}
	aml_text(a, text, (size_t)n);
	free(text);
}

void aml_done(struct aml *a)
{
	free(a->data);
	a->data = NULL;
	a->size = a->room = 0;
}
