/* SPDX-License-Identifier: ISC */
/* A console that keeps what a device writes to it; its input is what a test gives to stub_front. */
#ifndef TESTS_UNIT_CON_STUB_H
#define TESTS_UNIT_CON_STUB_H

#include <stdlib.h>
#include <string.h>

#include "kvm-run/con.h"

static const struct con_front *stub_front;
static void *stub_front_dev;
static char stub_output[256];
static size_t stub_noutput;
static unsigned stub_rooms;
static const char *stub_refused; /* no console can be opened */

const char *
con_open(struct con **out, struct vm *vm, const struct wire *w, const struct con_front *f, void *dev, char *why, size_t size)
{
	static char con;

	(void)vm, (void)w, (void)why, (void)size;
	stub_front = f;
	stub_front_dev = dev;
	*out = (struct con *)&con; /* never looked into */
	return stub_refused;
}

void
con_write(struct con *c, const void *data, size_t len)
{
	(void)c;
	if (len > sizeof(stub_output) - stub_noutput)
		abort();
	memcpy(stub_output + stub_noutput, data, len);
	stub_noutput += len;
}

void
con_room(struct con *c)
{
	(void)c;
	stub_rooms++;
}

void
con_close(struct con *c)
{
	(void)c;
}

/* Whether that was written since the last look. */
static inline bool
stub_wrote(const char *text)
{
	bool same = stub_noutput == strlen(text) && !memcmp(stub_output, text, stub_noutput);

	stub_noutput = 0;
	return same;
}

#endif
