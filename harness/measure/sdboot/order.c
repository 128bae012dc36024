/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/sdboot/order.h"

#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int sign(long n)
{
	return n < 0 ? -1 : n > 0;
}

static const char *to_version(const char *s)
{
	while (*s && !is_digit(*s) && !is_letter(*s) && !strchr("~-^.", *s))
		s++;
	return s;
}

/* Numbers by their values; one that is there is newer than none. */
static int compare_numbers(const char **a, const char **b)
{
	const char *x = *a, *y = *b;
	size_t m, n;

	*a += strspn(x, "0123456789");
	*b += strspn(y, "0123456789");
	if ((*a == x) != (*b == y))
		return *a == x ? -1 : 1;
	x += strspn(x, "0");
	y += strspn(y, "0");
	m = *a > x ? (size_t)(*a - x) : 0;
	n = *b > y ? (size_t)(*b - y) : 0;
	if (m != n)
		return m < n ? -1 : 1;
	return m > 0 ? sign(strncmp(x, y, m)) : 0;
}

/* Letters by ASCII, capitals first; of two that begin alike the longer is newer. */
static int compare_letters(const char **a, const char **b)
{
	const char *x = *a, *y = *b;
	size_t m, n;
	int r;

	while (is_letter(**a))
		(*a)++;
	while (is_letter(**b))
		(*b)++;
	m = (size_t)(*a - x);
	n = (size_t)(*b - y);
	r = strncmp(x, y, m < n ? m : n);
	return r ? sign(r) : sign((long)m - (long)n);
}

/* A separator that only one of them has makes that one older. 2: neither decides. */
static int compare_separator(char which, const char **a, const char **b)
{
	bool x = **a == which, y = **b == which;

	if (x != y)
		return x ? -1 : 1;
	*a += x;
	*b += y;
	return 2;
}

int sd_version_compare(const char *a, const char *b)
{
	static const char separators[] = "-^.";

	a = a ? a : "";
	b = b ? b : "";
	for (;;) {
		int r;

		a = to_version(a);
		b = to_version(b);
		r = compare_separator('~', &a, &b);
		if (r != 2)
			return r;
		if (*a == '\0' || *b == '\0')
			return sign((long)(*a != '\0') - (long)(*b != '\0'));
		for (size_t i = 0; separators[i]; i++) {
			r = compare_separator(separators[i], &a, &b);
			if (r != 2)
				return r;
		}
		r = is_digit(*a) || is_digit(*b) ? compare_numbers(&a, &b)
		                                 : compare_letters(&a, &b);
		if (r != 0)
			return r;
	}
}

static int compare_texts(const char *a, const char *b)
{
	return sign(strcmp(a ? a : "", b ? b : ""));
}

/* Of what has a sort key: by that, by machine, the newest version first. */
static int compare_keyed(const struct sd_entry *a, const struct sd_entry *b,
                         const struct sd_program *p)
{
	int r = compare_texts(a->sort_key, b->sort_key);

	if (r == 0)
		r = compare_texts(a->machine_id, b->machine_id);
	if (r == 0)
		r = -sd_version_compare(a->version, b->version);
	if (r == 0 && p->version >= 262)
		r = sign((long)a->profile - (long)b->profile);
	return r;
}

static int compare(const struct sd_entry *a, const struct sd_entry *b, const struct sd_program *p)
{
	int r;

	if ((a->tries_left == 0) != (b->tries_left == 0))
		return a->tries_left == 0 ? 1 : -1;
	if (!a->sort_key != !b->sort_key)
		return a->sort_key ? -1 : 1;
	if (a->sort_key) {
		r = compare_keyed(a, b, p);
		if (r != 0)
			return r;
	}
	r = -sd_version_compare(a->id_base ? a->id_base : a->id, b->id_base ? b->id_base : b->id);
	if (r == 0 && a->id_base && b->id_base)
		r = sign((long)a->profile - (long)b->profile);
	if (r != 0 || a->tries_left < 0 || b->tries_left < 0)
		return r;
	if (a->tries_left != b->tries_left)
		return a->tries_left > b->tries_left ? -1 : 1;
	return sign(a->tries_done - b->tries_done);
}

void sd_entries_sort(struct sd_entries *list, const struct sd_program *p)
{
	for (size_t i = 1; i < list->count; i++) {
		struct sd_entry moved = list->entry[i];
		size_t k = i;

		for (; k > 0 && compare(&list->entry[k - 1], &moved, p) > 0; k--)
			list->entry[k] = list->entry[k - 1];
		list->entry[k] = moved;
	}
}
