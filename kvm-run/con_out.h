/* SPDX-License-Identifier: ISC */
/* The output side of a console: a bounded buffer and the thread that writes it out. */
#ifndef KVM_RUN_CON_OUT_H
#define KVM_RUN_CON_OUT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct con_out {
	const char *id; /* for messages; its owner's */
	int fd;		/* -1: nobody reads */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool idle;    /* the thread waits for the first byte */
	bool ending;
	bool full;    /* bytes were dropped since the buffer was last empty */
	size_t start, len;
	uint8_t *buf; /* CON_OUT_MAX bytes, of which a reader who keeps up touches one page */
};

/* 0 or -errno. */
int con_out_start(struct con_out *o, const char *id, int fd);

/* Copies the bytes, or drops those there is no room for, with one note. Never blocks. Any thread. */
void con_out_put(struct con_out *o, const void *data, size_t len);

/* Waits until everything is written, a second at most. False when the thread hangs in write(2) for good: it still owns *o. */
bool con_out_stop(struct con_out *o);

#endif
