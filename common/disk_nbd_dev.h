/* SPDX-License-Identifier: ISC */
/*
 * What the files of an NBD export's disk share; its users see disk_nbd.h. A request goes out in pieces, one at a time, each in
 * one of the slots whose number is its cookie: so what a server answers is looked up, never believed. Replies are simple ones:
 * structured replies were not asked for.
 */
#ifndef COMMON_DISK_NBD_DEV_H
#define COMMON_DISK_NBD_DEV_H

#include "common/disk_nbd.h"
#include "common/nbd.h"
#include "common/nbd_client.h"

#define NBD_SLOTS 128
#define NBD_ROOM 4096 /* for replies */

struct slot {
	struct disk_req *req; /* NULL: free */
	uint8_t head[NBD_REQUEST_LEN];
	uint32_t len;	/* of the piece */
	uint32_t data;	/* bytes that follow the head */
	uint32_t gone;	/* bytes of head and data that were sent */
	struct slot *next; /* to be sent, or free */
};

struct nbd {
	struct disk disk; /* first */
	int fd;
	char id[32];
	unsigned flags; /* DISK_ */
	struct nbd_export export;
	struct watch watch;
	bool attached, gone;
	struct slot slots[NBD_SLOTS];
	struct slot *free;
	struct slot *sending, **sending_end;
	struct disk_req *waiting, **waiting_end; /* for a slot */
	unsigned inflight;			 /* requests */
	/* What comes in: the read whose data is due, or else the next reply. */
	struct slot *reading;
	uint32_t due;
	uint8_t room[NBD_ROOM];
	size_t have_from, have_to; /* of room */
};

static inline bool
nbd_can(const struct nbd *n, unsigned flag)
{
	return n->export.flags & flag;
}

/* disk_nbd.c: the connection is of no use any more; every request that is under way fails, and all to come. */
void nbd_give_up(struct nbd *n, const char *reason);
/* The request is done. */
void nbd_finish(struct nbd *n, struct disk_req *r, int err);

/* disk_nbd_send.c: the request, or what is left of it, goes out when there is a slot for it. */
void nbd_queue(struct nbd *n, struct disk_req *r);
/* A slot is free. */
void nbd_put_slot(struct nbd *n, struct slot *s);
/* Gives waiting requests slots, and sends what the socket takes: false when it takes no more for now. */
bool nbd_push(struct nbd *n);

/* disk_nbd_receive.c: takes all that the server has sent so far, and ends what it answers. */
void nbd_take(struct nbd *n);

#endif
