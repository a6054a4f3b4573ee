/* SPDX-License-Identifier: ISC */
#include <stdarg.h>
#include <stdio.h>

#include "common/why.h"

const char *
why(struct why *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->text, sizeof(w->text), fmt, ap);
	va_end(ap);
	return w->text;
}
