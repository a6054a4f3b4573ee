/* SPDX-License-Identifier: ISC */
/* What PS/2 devices say, byte by byte; the contracts are in ps2.h. */
#include "kvm-run/ps2.h"

static bool
put(struct ps2_fifo *f, const uint8_t *bytes, unsigned n)
{
	if (n > PS2_FIFO - f->count)
		return false;
	for (unsigned i = 0; i < n; i++)
		f->bytes[(f->first + f->count++) % PS2_FIFO] = bytes[i];
	return true;
}

bool
ps2_peek(const struct ps2_port *p, unsigned i, uint8_t *byte)
{
	const struct ps2_fifo *f = p->answers.count ? &p->answers : &p->events;

	if (i >= f->count)
		return false;
	*byte = f->bytes[(f->first + i) % PS2_FIFO];
	return true;
}

void
ps2_take(struct ps2_port *p, unsigned n)
{
	struct ps2_fifo *f = p->answers.count ? &p->answers : &p->events;

	p->last = f->bytes[(f->first + n - 1) % PS2_FIFO];
	f->first = (uint8_t)((f->first + n) % PS2_FIFO);
	f->count = (uint8_t)(f->count - n);
}

/* Who sends commands without end and reads nothing loses answers. */
void
ps2_answer(struct ps2_port *p, uint8_t byte)
{
	put(&p->answers, &byte, 1);
}

bool
ps2_say(struct ps2_port *p, const uint8_t *bytes, unsigned n)
{
	return put(&p->events, bytes, n);
}
