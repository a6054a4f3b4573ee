/* SPDX-License-Identifier: ISC */
/* TCP acknowledgements on their way to the guest: fewer of them. */
#ifndef VM_SLIRP_ACKS_H
#define VM_SLIRP_ACKS_H

#include "common/segment.h"

/*
 * Acknowledgements are held while a batch of the guest's frames is handled: libslirp acknowledges every one, but the last
 * says it all. Every ACKS_HELD_MAX'th goes out, so that the guest keeps sending. Only progress is merged: what
 * acknowledges nothing new (a duplicate, a window update) is a signal of its own.
 */
#define ACKS_HELD_MAX 8

struct acks {
	void (*send)(void *arg, const void *frame, size_t len);
	void *arg;
	bool holding; /* in a batch */
	unsigned merged;
	size_t len; /* of the held frame; 0: none */
	struct segment segment;
	uint8_t frame[128];
};

/* Takes every frame for the guest. */
void acks_put(struct acks *a, const void *frame, size_t len);
void acks_begin(struct acks *a);
void acks_end(struct acks *a);

#endif
