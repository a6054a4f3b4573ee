/* links: vm-slirp/acks.c vm-slirp/fragments.c vm-slirp/large.c vm-slirp/mss.c */
/* SPDX-License-Identifier: ISC */
/*
 * Any frames through all that stands around libslirp, both ways: input is a byte of length, the frame, and so on. A first byte
 * of the frame that is odd says that facts come before it; it is also sent to the guest, many times as large.
 */
#include <stdlib.h>
#include <string.h>

#include "vm-slirp/acks.h"
#include "common/cable_form.h"
#include "common/frame.h"
#include "common/iov.h"
#include "vm-slirp/fragments.h"
#include "vm-slirp/large.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
take(void *arg, const void *frame, size_t len)
{
	volatile uint8_t sum = 0;

	(void)arg;
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + ((const uint8_t *)frame)[i]);
}

/* To the guest nothing larger than its network, unless it says at what size it counts as cut. */
static void
to_guest(struct cable *c, const struct offload *facts, const struct iovec frame[2])
{
	size_t len = frame[0].iov_len + frame[1].iov_len;
	static uint8_t whole[FRAME_MAX];

	if (iov_read(frame, 2, 0, whole, sizeof(whole)) != len || (len > c->frame_max && !facts->gso_type) ||
	    !offload_fits(facts, len, c->takes) || !offload_plain(facts, whole, len))
		abort();
	take(NULL, whole, len);
}

static struct large *
start_large(unsigned takes, size_t mtu)
{
	static const struct cable_ops ops = {.send = to_guest};
	static struct cable cable;
	static struct large large;

	cable = (struct cable){.ops = &ops, .takes = takes, .frame_max = mtu + CABLE_HEADER};
	large.cable = &cable;
	mss_init(&large.mss, mtu);
	return &large;
}

/* The frame, with zeroes behind it, and with lengths in its headers that fit: as libslirp might send it. */
static void
blow_up(struct large *l, const uint8_t *frame, size_t len, size_t factor)
{
	size_t large = len * factor < 65535 ? len * factor : 65535;
	uint8_t *copy = calloc(1, large + 1);

	if (!copy)
		abort();
	memcpy(copy, frame, len < large ? len : large);
	if (large > 60 && copy[12] == 8) {
		copy[16] = (uint8_t)((large - 14) >> 8);
		copy[17] = (uint8_t)(large - 14);
	} else if (large > 60) {
		copy[18] = (uint8_t)((large - 54) >> 8);
		copy[19] = (uint8_t)(large - 54);
	}
	large_put(l, copy, large);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct large *large = start_large(size && (data[0] & 1) ? OFFLOAD_ALL : 0, size && (data[0] & 2) ? 576 : 1500);
	static struct fragments f;
	struct acks a = {.send = take};
	int64_t now = 1;

	for (size_t i = 0; i < FRAGMENTS_AT_ONCE; i++)
		f.datagrams[i].since = 0;
	acks_begin(&a);
	while (size > 1) {
		size_t len = data[0] < size - 1 ? data[0] : size - 1;
		uint8_t *copy = malloc(len ? len : 1); /* so that a byte too far is noticed */
		const uint8_t *frame = copy;
		uint16_t sum;

		if (!copy)
			abort();
		memcpy(copy, data + 1, len);
		data += len + 1;
		size -= len + 1;
		now += len * 100;
		if (len >= FRAGMENTS_HEAD4 && copy[12] == 8) { /* or nothing gets past the checksum */
			memset(copy + 24, 0, 2);
			sum = (uint16_t)~segment_fold(segment_sum(copy + 14, 20, 0));
			memcpy(copy + 24, &sum, 2);
		}
		large->cable->facts = (struct offload){0};
		if (len && (copy[0] & 1) && size >= OFFLOAD_HEADER)
			memcpy(&large->cable->facts, data, OFFLOAD_HEADER);
		if (offload_fits(&large->cable->facts, len, OFFLOAD_ALL))
			large_take(large, copy, len);
		blow_up(large, copy, len, 1);
		blow_up(large, copy, len, len ? copy[0] : 1);
		acks_put(&a, copy, len);
		if (fragments_put(&f, &frame, &len, now)) {
			if (frame != copy && len > FRAGMENTS_HEAD6 + FRAGMENTS_DATA6)
				abort();
			take(NULL, frame, len);
		}
		free(copy);
	}
	acks_end(&a);
	return 0;
}
