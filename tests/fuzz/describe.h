/* SPDX-License-Identifier: ISC */
/* A listener to what an image says of itself, who wants words for all of it, and every end to have had its beginning. */
#ifndef TESTS_FUZZ_DESCRIBE_H
#define TESTS_FUZZ_DESCRIBE_H

#include <stdlib.h>
#include <string.h>

#include "common/image/describe.h"

static unsigned listener_depth;

static void
hear_key(const char *key)
{
	if (key && !*key)
		abort();
}

static void
hear_string(struct describe *d, const char *key, const char *value)
{
	(void)d;
	hear_key(key);
	if (!value || strlen(value) >= 1 << 20)
		abort();
}

static void
hear_number(struct describe *d, const char *key, int64_t value)
{
	(void)d, (void)value;
	hear_key(key);
}

static void
hear_boolean(struct describe *d, const char *key, bool value)
{
	(void)d, (void)value;
	hear_key(key);
}

static void
hear_begin(struct describe *d, const char *key, bool list)
{
	(void)d, (void)list;
	hear_key(key);
	listener_depth++;
}

static void
hear_end(struct describe *d)
{
	(void)d;
	if (!listener_depth--)
		abort();
}

static struct describe listener = {hear_string, hear_number, hear_boolean, hear_begin, hear_end};

/* After all was said. */
static inline void
listener_done(void)
{
	if (listener_depth)
		abort();
}

#endif
