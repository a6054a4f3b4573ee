/* SPDX-License-Identifier: ISC */
/* The reason of a failure, in words, from where it is known to where it is printed. */
#ifndef COMMON_WHY_H
#define COMMON_WHY_H

#define WHY_MAX 256

struct why {
	char text[WHY_MAX];
};

/* Writes the reason and returns its text, so that a function can fail with `return why(w, ...)`. Cut where too long. */
const char *why(struct why *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
