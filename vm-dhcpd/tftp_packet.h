/* SPDX-License-Identifier: ISC */
/* TFTP's packets (RFC 1350) and options (RFC 2347, 2348, 2349, 7440), and what to send after an acknowledgement. */
#ifndef VM_DHCPD_TFTP_PACKET_H
#define VM_DHCPD_TFTP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TFTP_BLKSIZE 512      /* of a client that asks for no other */
#define TFTP_BLKSIZE_MAX 65464
#define TFTP_WINDOW_MAX 64    /* what a receiver's default buffer holds */
#define TFTP_TIMEOUT_MAX 10   /* seconds; a client that asks for more is left to its own */
#define TFTP_REQUEST_MAX 1024 /* bytes of a request; RFC 2347 has 512 */
#define TFTP_REPLY_MAX 128    /* bytes of an error or an OACK */

enum tftp_opcode {
	TFTP_RRQ = 1,
	TFTP_WRQ,
	TFTP_DATA,
	TFTP_ACK,
	TFTP_ERROR,
	TFTP_OACK,
};

enum tftp_code {
	TFTP_UNDEFINED,
	TFTP_NOT_FOUND,
	TFTP_ACCESS,
	TFTP_DISK_FULL,
	TFTP_ILLEGAL,
};

/* What a client asks for. Options: 0 where it did not ask, or for what cannot be. */
struct tftp_request {
	const char *name; /* into the packet */
	unsigned blksize, window, timeout;
	bool tsize;
};

/*
 * Reads a request (TFTP_RRQ or TFTP_WRQ). False: not one, to be dropped. With *why: it is to be refused with that code.
 * The packet is written to: backslashes of the name become slashes, as loaders of Windows mean them.
 */
bool tftp_parse_request(struct tftp_request *r, uint8_t *packet, size_t len, enum tftp_code *code, const char **why);

/* Brings the options down to what can be served: blocks of at most `most` bytes, a window that one datagram of 65000 bytes holds. */
void tftp_settle(struct tftp_request *r, unsigned most);

/* Whether any option was asked for and settled: then the answer is an OACK. */
bool tftp_has_options(const struct tftp_request *r);

/* Write whole packets; return the length. */
size_t tftp_put_oack(uint8_t out[TFTP_REPLY_MAX], const struct tftp_request *r, uint64_t size);
size_t tftp_put_error(uint8_t out[TFTP_REPLY_MAX], enum tftp_code code, const char *why);

/* Blocks, counted from 1 and not cut to 16 bits. */
struct tftp_window {
	uint64_t acked, sent, total;
	unsigned size;
	bool oack; /* the OACK was not acknowledged yet */
	bool repeated; /* what follows `acked` was sent twice already because the client asked for it */
};

enum tftp_next {
	TFTP_WAIT,
	TFTP_SEND, /* blocks acked + 1 up to acked + size, or the last */
	TFTP_DONE,
};

/* An ACK came, with the lower 16 bits of its number. */
enum tftp_next tftp_acked(struct tftp_window *w, uint16_t block);

/* How many blocks are to be sent after `acked`; they count as sent. */
unsigned tftp_send_next(struct tftp_window *w);

#endif
