/* SPDX-License-Identifier: Apache-2.0 */
#include "core/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_MAX 10000
#define LEAST       16 /* columns that are worth being wrapped into */

unsigned terminal_columns(void)
{
	const char *said = getenv("COLUMNS");
	unsigned long columns = said ? strtoul(said, NULL, 10) : 0;
	struct winsize size;

	if (!isatty(STDOUT_FILENO))
		return 0;
	if (columns > 0 && columns < COLUMNS_MAX)
		return (unsigned)columns;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void terminal_wrap(FILE *out, const char *text, unsigned at, unsigned columns)
{
	size_t room = columns >= at + LEAST ? columns - at : columns ? LEAST : strlen(text);

	while (strlen(text) > room) {
		size_t n = room;

		while (n > 0 && text[n] != ' ')
			n--;
		if (n == 0) /* one long word */
			n = strcspn(text, " ");
		if (!text[n])
			break;
		fprintf(out, "%.*s\n%*s", (int)n, text, (int)at, "");
		text += n + 1;
	}
	fprintf(out, "%s\n", text);
}
