/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

void *memcpy(void *to, const void *from, size_t size)
{
	uint8_t *t = to;

	for (const uint8_t *f = from; size--;)
		*t++ = *f++;
	return to;
}

void *memset(void *to, int value, size_t size)
{
	for (uint8_t *t = to; size--;)
		*t++ = (uint8_t)value;
	return to;
}

size_t strlen(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	return n;
}
