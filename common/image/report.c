/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stdio.h>

#include "common/image/report.h"

#define LINES_MAX 1000 /* a hostile image can have a fault in every entry of every table */

void
report(struct image_check *c, uint64_t *count, const char *fmt, ...)
{
	char line[256];
	uint64_t lines;
	va_list ap;

	++*count;
	lines = c->errors + c->leaks + c->errors_fixed + c->leaks_fixed;
	if (!c->tell || lines > LINES_MAX + 1)
		return;
	if (lines > LINES_MAX) {
		c->tell(c->user, "... and more");
		return;
	}
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	c->tell(c->user, line);
}
