/* SPDX-License-Identifier: ISC */
/*
 * One TCP segment to the host for many of the guest's. libslirp sends each of the guest's segments on by itself, and the
 * host's TCP then makes a packet of each. While a batch of frames is handled, its send(2) is answered by ours, which adds
 * MSG_MORE: the kernel waits for more until more_end pushes what it has.
 */
#ifndef VM_SLIRP_MORE_H
#define VM_SLIRP_MORE_H

void more_begin(void);
void more_end(void);

#endif
