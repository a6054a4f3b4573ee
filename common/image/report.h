/* SPDX-License-Identifier: ISC */
/* A finding of a check: counted, and told to who asked. */
#ifndef COMMON_IMAGE_REPORT_H
#define COMMON_IMAGE_REPORT_H

#include "common/image/image.h"

/* Adds one to *count, which is c->errors, c->leaks, or what of them is repaired. */
void report(struct image_check *c, uint64_t *count, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
