/* SPDX-License-Identifier: ISC */
/* Acknowledgements merged; the contracts are in acks.h. */
#include <string.h>

#include "vm-slirp/acks.h"

static void
release(struct acks *a)
{
	if (a->len)
		a->send(a->arg, a->frame, a->len);
	a->len = 0;
	a->merged = 0;
}

static bool
replaces(const struct acks *a, const struct segment *s, const uint8_t *frame)
{
	return a->len && a->merged + 1 < ACKS_HELD_MAX && (int32_t)(s->ack - a->segment.ack) > 0 &&
	       segment_same_flow(&a->segment, a->frame, s, frame);
}

void
acks_put(struct acks *a, const void *frame, size_t len)
{
	struct segment s;
	bool ack = a->holding && len <= sizeof(a->frame) && segment_parse(&s, frame, len) && !s.len &&
		   s.flags == SEGMENT_ACK;

	if (ack && replaces(a, &s, frame))
		a->merged++;
	else
		release(a);
	if (!ack) {
		a->send(a->arg, frame, len);
		return;
	}
	memcpy(a->frame, frame, len);
	a->len = len;
	a->segment = s;
}

void
acks_begin(struct acks *a)
{
	a->holding = true;
}

void
acks_end(struct acks *a)
{
	release(a);
	a->holding = false;
}
