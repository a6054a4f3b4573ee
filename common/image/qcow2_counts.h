/* SPDX-License-Identifier: ISC */
/*
 * A number for each host cluster of a file: how often it is referred to. It takes memory only where something was counted, a
 * bit a cluster until a number there is larger.
 */
#ifndef COMMON_IMAGE_QCOW2_COUNTS_H
#define COMMON_IMAGE_QCOW2_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

#define COUNTS_MAX (1ULL << 35) /* clusters: 2 PiB of 64 KiB */

struct counts;

/* For clusters [0, COUNTS_MAX), all 0. NULL: out of memory. */
struct counts *counts_new(void);
void counts_free(struct counts *c);
struct counts *counts_copy(const struct counts *c);

uint64_t counts_get(const struct counts *c, uint64_t cluster);

/* 0, -ENOMEM, or -EFBIG from COUNTS_MAX on. Adding stops at UINT64_MAX. */
int counts_set(struct counts *c, uint64_t cluster, uint64_t n);
int counts_add(struct counts *c, uint64_t cluster, uint64_t n);

/* The first cluster of [from, end) whose number is not 0; whose numbers differ. UINT64_MAX: there is none. */
uint64_t counts_next(const struct counts *c, uint64_t from, uint64_t end);
uint64_t counts_differ(const struct counts *a, const struct counts *b, uint64_t from, uint64_t end);

/* Behind the last cluster whose number is not 0; the largest number. */
uint64_t counts_end(const struct counts *c);
uint64_t counts_largest(const struct counts *c);

/* The first cluster from `from` on of n in a row that are 0. */
uint64_t counts_room(const struct counts *c, uint64_t from, uint64_t n);

#endif
