/* SPDX-License-Identifier: ISC */
/* The memory of many connections: it is malloc's to give back to the host, and malloc has to be told when. */
#ifndef VM_SLIRP_HEAP_H
#define VM_SLIRP_HEAP_H

/* Once, before libslirp allocates anything. */
void heap_init(void);

/* libslirp has made a socket; it is about to close one. */
void heap_grew(void);
void heap_shrank(void);

/* In the loop, where nothing is half done: gives back what those that have ended had, once they are half of the most there were. */
void heap_tidy(void);

#endif
