/* SPDX-License-Identifier: ISC */
/*
 * The balloon (virtio 1.2, 5.5): the guest gives pages up when it is asked to, tells of pages that it has freed, and what it
 * does with its memory. What it gives goes back to the host at once.
 */
#ifndef KVM_RUN_VIRTIO_BALLOON_H
#define KVM_RUN_VIRTIO_BALLOON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct virtio_dev;
struct vm;

#define BALLOON_PAGE 4096ULL /* the unit of its numbers, 5.5.6 */
#define BALLOON_STATS 16

/* What the guest said last; values it did not tell are UINT64_MAX. By tag, 5.5.6.3. */
struct balloon_stats {
	uint64_t value[BALLOON_STATS];
	unsigned count;	  /* how often it told */
	uint64_t at;	  /* when, seconds of CLOCK_MONOTONIC */
};

struct balloon_state {
	bool driver;	   /* there is one */
	uint64_t target;   /* bytes it is to hold */
	uint64_t actual;   /* bytes it says it holds */
	uint64_t returned; /* bytes that the host got back so far, for freed pages and held ones */
	struct balloon_stats stats;
};

/* Plugs it into vm's bus, on vm->io. NULL, or the reason in why. Main thread. */
const char *balloon_create(struct vm *vm, struct virtio_dev **out, char *why, size_t size);

/* How much the guest is to give up, bytes. It does so as it can; over a reset this stays. Main thread. */
void balloon_set(struct virtio_dev *d, uint64_t bytes);

/* Asks for new statistics; ctl_wake follows when they have come. False: nobody would answer. Main thread. */
bool balloon_ask(struct virtio_dev *d);

/* Main thread. */
void balloon_get(struct virtio_dev *d, struct balloon_state *s);

#endif
