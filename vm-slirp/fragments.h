/* SPDX-License-Identifier: ISC */
/*
 * Fragments of the guest's, put together before libslirp sees them: its own reassembly of IPv4 (4.7.0) can be made to write
 * where it likes by fragments that overlap, and of IPv6 it knows none. Here what overlaps is thrown away (RFC 5722).
 */
#ifndef VM_SLIRP_FRAGMENTS_H
#define VM_SLIRP_FRAGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAGMENTS_AT_ONCE 8 /* datagrams; one more takes the oldest one's place */
#define FRAGMENTS_MS 30000  /* how long one waits for its rest, RFC 791, 3.2 */
#define FRAGMENTS_HEAD4 34  /* Ethernet and an IPv4 header without options */
#define FRAGMENTS_HEAD6 54  /* Ethernet and an IPv6 header */
#define FRAGMENTS_DATA4 65515
#define FRAGMENTS_DATA6 65535
#define FRAGMENTS_KEY 37

struct fragments {
	struct datagram {
		int64_t since;		    /* ms; 0: free */
		uint8_t key[FRAGMENTS_KEY]; /* what all fragments of it have in common */
		bool head;		    /* the first fragment, with the headers, is there */
		size_t total;		    /* bytes of data; 0: the last fragment is not there yet */
		size_t have;
		uint8_t seen[(FRAGMENTS_DATA6 + 1) / 8 / 8]; /* a bit for each 8 bytes */
		uint8_t frame[FRAGMENTS_HEAD6 + FRAGMENTS_DATA6];
	} datagrams[FRAGMENTS_AT_ONCE];
};

/*
 * True when *frame is one to handle: it was no fragment, or was the last one missing and is now the whole datagram
 * (valid until the next call). False: it waits here, or was no good.
 */
bool fragments_put(struct fragments *f, const uint8_t **frame, size_t *len, int64_t now_ms);

#endif
