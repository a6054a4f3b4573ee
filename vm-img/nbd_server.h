/* SPDX-License-Identifier: ISC */
/*
 * An image as an NBD export, for several clients at once: each has a thread, and a buffer of bounded size whatever it asks for.
 * The image is one thread's at a time; data of a read-only one is read by all at once.
 */
#ifndef VM_IMG_NBD_SERVER_H
#define VM_IMG_NBD_SERVER_H

#include <pthread.h>
#include <stdbool.h>

#include "common/image/image.h"
#include "common/nbd.h"

#define NBD_PIECE (1 << 20) /* bytes of data that are under way at once, for one client */
#define NBD_HEAD_MAX 64	    /* of a reply, before data */

struct nbd_server {
	struct image *image;
	const char *export; /* its name */
	pthread_mutex_t lock;
};

struct nbd_client {
	struct nbd_server *server;
	int fd; /* blocks */
	bool no_zeroes, structured, allocation; /* agreed */
	struct unpacker *unpacker;
	uint8_t *room; /* NBD_HEAD_MAX + NBD_PIECE bytes */
};

/*
 * A client's whole conversation, from the greeting to its end, whoever ends it. fd stays the caller's. *agreed becomes true, under
 * the lock, when the client goes on to requests.
 */
void nbd_serve(struct nbd_server *s, int fd, bool *agreed);

/* Its first part: true when the client goes on to requests. */
bool nbd_negotiate(struct nbd_client *c);

/* nbd_read.c: answers to reads and questions. False: the connection is of no use any more. */
struct nbd_request {
	unsigned flags, command;
	uint8_t cookie[8];
	uint64_t off;
	uint32_t len;
};
bool nbd_read(struct nbd_client *c, const struct nbd_request *r);
bool nbd_block_status(struct nbd_client *c, const struct nbd_request *r);

/* The end of a request that has no data to be sent: err is 0 or -errno. */
bool nbd_answer(struct nbd_client *c, const struct nbd_request *r, int err);

#endif
