/* SPDX-License-Identifier: ISC */
/* Memory that lasts as long as the program: what its command line is taken apart into. */
#ifndef VM_IMG_KEEP_H
#define VM_IMG_KEEP_H

#include <stddef.h>

/* n bytes of zeroes; dies without memory. */
void *keep(size_t n);

char *keep_string(const char *s);

#endif
